"""Kill -9 at random moments, again and again, while producers send and handlers fail: nothing is lost.

``HEADRACE_TEST_KILLS`` sets the number of kills, ``HEADRACE_TEST_SEED`` repeats the choices of a run (not its timing).
"""

from __future__ import annotations

import os
import random
import time

import pytest

from headrace.testing.history import Event, Phase, What
from tests.kill import processes
from tests.kill.rig import ALL_WELL, Rig

KILLS = int(os.environ.get("HEADRACE_TEST_KILLS", "100"))
SEED = int(os.environ.get("HEADRACE_TEST_SEED", str(random.SystemRandom().randrange(10**6))))
PRODUCERS = 2
RATE = 60.0
GONE_SECONDS = 1.0
STORES = 8
SEND_SECONDS = 0.5


class Siege:
    """One kill after the other, at moments that *chance* chooses."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self._rig = rig
        self._chance = chance
        self._follower = rig.follow()
        self._working: dict[str, int] = {}
        """The worker of each invocation that is under way."""

    def begin(self) -> None:
        for _ in range(PRODUCERS):
            self._rig.start_producer(rate=RATE)

    def kill_once(self) -> None:
        """Start an engine, let it get somewhere, kill it, see that its workers are gone."""
        self._rig.start_engine()
        self._working.clear()
        if self._chance.random() < 0.75:
            self._rig.wait_for(self._follower, self._is_work)
            self._linger(self._chance.uniform(0, 0.8))
        else:
            time.sleep(self._chance.uniform(0, 1.0))
        below = self._rig.kill_engine()
        assert processes.survivors(below, GONE_SECONDS) == []

    def _linger(self, seconds: float) -> None:
        """Let some time pass, in which others than the engine may be killed."""
        time.sleep(seconds / 2)
        if self._chance.random() < 0.25:
            for event in self._follower.news():
                self._is_work(event)
            if self._working:
                self._rig.kill_worker(self._chance.choice(list(self._working.values())))
        if self._chance.random() < 0.15:
            self._kill_a_sender()
        time.sleep(seconds / 2)

    def _kill_a_sender(self) -> None:
        """Kill a producer, if possible between a send and its answer."""
        sender = self._rig.producers[-1]
        deadline = time.monotonic() + SEND_SECONDS
        begun = False
        while not begun and time.monotonic() < deadline:
            for event in self._follower.news():
                self._is_work(event)
                begun = event.pid == sender.pid and event.phase == Phase.INVOKED
        self._rig.kill_producer(sender)
        self._rig.start_producer(rate=RATE)

    def _is_work(self, event: Event) -> bool:
        if event.what == What.RESULT:
            self._working.pop(event.invocation, None)
        elif self._rig.is_work(event):
            self._working[event.invocation] = event.pid
        return self._rig.is_work(event)


@pytest.mark.kill
def test_kills_at_random_moments_lose_nothing(tmp_path, capsys):
    with Rig(tmp_path) as rig:
        siege = Siege(rig, random.Random(SEED))
        siege.begin()
        for _ in range(KILLS):
            siege.kill_once()
        rig.stop_producers()
        report = rig.finish()
        left = rig.workers()

    with capsys.disabled():
        print(f"\n{KILLS} kills at random moments, seed {SEED}: {report}")  # noqa: T201 - the figures are the point
    assert report.valid, report
    assert report.lost + report.unexpected + report.altered + report.unexplained == 0
    assert report.kills["engine"] == KILLS
    assert report.kills_in_flight >= KILLS / 2
    assert report.duplicates_per_fault <= rig.settings.rules.in_flight_max
    assert report.handled > 0
    assert report.dead_lettered > 0
    assert left == []


@pytest.mark.kill
def test_a_store_is_whole_or_not_there_whenever_its_making_is_killed(tmp_path):
    """An engine that is killed while it makes its store and queues leaves nothing that the next one refuses."""
    chance = random.Random(SEED)
    for number in range(STORES):
        directory = tmp_path / str(number)
        directory.mkdir()
        rig = Rig(directory)
        rig.start_engine()
        deadline = time.monotonic() + 5.0
        while not rig.store.parent.joinpath(f"{rig.store.name}-run").exists():
            assert time.monotonic() < deadline, rig.told()
        time.sleep(chance.uniform(0, 0.05))
        rig.kill_engine()
        with rig:
            assert rig.produce(10, ALL_WELL) == 0
            report = rig.finish()
        assert report.valid, report
        assert report.handled == 10
