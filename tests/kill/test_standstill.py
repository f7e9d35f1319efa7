"""Processes that stand still for longer than the visibility timeout, and then go on as if nothing had been."""

from __future__ import annotations

import pytest

from headrace.testing.checker_report import Cause
from tests.kill.rig import ALL_WELL, MIXED, Rig
from tests.kill.settings import Settings

SETTINGS = Settings(visibility_seconds=2, timeout_seconds=2, attempts_max=5)
STANDSTILL_SECONDS = SETTINGS.visibility_seconds * 1.5
ROUNDS = 3


@pytest.mark.kill
def test_an_engine_that_stands_still_settles_nothing_that_another_has_taken(tmp_path, capsys):
    with Rig(tmp_path, SETTINGS) as rig:
        rig.start_engine()
        for _ in range(ROUNDS):
            follower = rig.follow()
            list(follower.news())
            rig.produce(100, ALL_WELL)
            assert rig.wait_for(follower, rig.is_work), rig.told()
            rivals = []
            rig.pause(
                rig.engine.pid,
                "engine",
                seconds=STANDSTILL_SECONDS,
                meanwhile=lambda: rivals.append(rig.start_rival()),  # noqa: B023 - called in this round
            )
            for rival in rivals:
                rival.terminate()
                assert rival.wait(30) == 0
        rig.stop_engine()
        assert rig.wait_exit() == 0, rig.told()
        report = rig.finish()

    with capsys.disabled():
        print(f"\n{ROUNDS} standstills of the engine, with a rival: {report}")  # noqa: T201 - the figures are the point
    assert report.valid, report
    assert report.pauses == ROUNDS
    assert report.duplicates.keys() <= {Cause.LAPSE}
    assert report.accepted == report.handled == 100 * ROUNDS


@pytest.mark.kill
def test_an_engine_that_stands_still_alone_goes_on(tmp_path):
    with Rig(tmp_path, SETTINGS) as rig:
        producer = rig.start_producer(rate=80, weights={**MIXED, "hang": 0})
        rig.start_engine()
        for _ in range(ROUNDS):
            follower = rig.follow()
            list(follower.news())
            assert rig.wait_for(follower, rig.is_work), rig.told()
            rig.pause(rig.engine.pid, "engine", seconds=STANDSTILL_SECONDS)
        assert producer.poll() is None
        rig.stop_producers()
        rig.stop_engine()
        assert rig.wait_exit() == 0, rig.told()
        report = rig.finish()

    assert report.valid, report
    assert report.pauses == ROUNDS


@pytest.mark.kill
def test_a_worker_that_stands_still_costs_its_own_invocation(tmp_path):
    with Rig(tmp_path, SETTINGS) as rig:
        rig.start_engine()
        for _ in range(ROUNDS):
            follower = rig.follow()
            list(follower.news())
            rig.produce(100, ALL_WELL)
            started = rig.wait_for(follower, rig.is_work)
            assert started is not None, rig.told()
            rig.pause(started.pid, "worker", seconds=STANDSTILL_SECONDS)
        rig.stop_engine()
        assert rig.wait_exit() == 0, rig.told()
        report = rig.finish()

    assert report.valid, report
    assert report.duplicates.keys() <= {Cause.TIMEOUT}
    assert sum(report.duplicates.values()) <= ROUNDS * SETTINGS.batch_size
