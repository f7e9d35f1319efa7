"""A stop that is asked for costs nothing: no duplicate, no message that waits out its visibility, no long wait."""

from __future__ import annotations

import random
import signal
import time

import pytest

from headrace.testing.checker_report import Cause
from tests.kill.rig import ALL_WELL, Rig
from tests.kill.settings import Settings

STOPS = 20
INTERRUPTED = 130
CHANCE = random.Random()


def stop_in_the_middle(rig: Rig, *signals: signal.Signals) -> float:
    """Start an engine, stop it while it works; returns how long that took. Who insists has interrupted it."""
    rig.start_engine()
    assert rig.wait_for(rig.follow(), rig.is_work), rig.told()
    time.sleep(CHANCE.uniform(0, 0.5))
    began = time.monotonic()
    for number in signals:
        rig.stop_engine(number)
        time.sleep(0.1)
    assert rig.wait_exit() == (INTERRUPTED if len(signals) > 1 else 0), rig.told()
    return time.monotonic() - began


@pytest.mark.kill
def test_twenty_clean_stops_repeat_nothing_and_hide_nothing(tmp_path, capsys):
    with Rig(tmp_path) as rig:
        rig.start_producer(rate=150, weights=ALL_WELL)
        seconds = []
        for _ in range(STOPS):
            seconds.append(stop_in_the_middle(rig, signal.SIGTERM))
            assert rig.look().in_flight == 0
        rig.stop_producers()
        report = rig.finish()

    with capsys.disabled():
        print(f"\n{STOPS} clean stops, {max(seconds):.2f} s at most: {report}")  # noqa: T201 - the figures are the point
    assert report.valid, report
    assert report.clean_stops == STOPS + 1  # and the last engine, which ended when it was idle
    assert report.deliveries == report.handled == report.accepted
    assert max(seconds) < rig.settings.drain_seconds


@pytest.mark.kill
def test_what_failed_waits_as_it_would_without_a_stop_and_nothing_else_does(tmp_path):
    with Rig(tmp_path) as rig:
        rig.start_producer(rate=150, weights={"nothing": 80, "once": 20})
        for _ in range(5):
            stop_in_the_middle(rig, signal.SIGTERM)
            rig.look()
        rig.stop_producers()
        report = rig.finish()

    assert report.valid, report
    assert report.clean_stops == 6
    assert sum(report.duplicates.values()) == 0
    assert report.retries[Cause.PARTIAL] > 0


@pytest.mark.kill
def test_a_stop_that_insists_gives_everything_back_at_once(tmp_path):
    settings = Settings(visibility_seconds=20, timeout_seconds=20, slow_seconds=10)
    with Rig(tmp_path, settings) as rig:
        for _ in range(3):
            rig.produce(20, {"slow": 1})
            assert stop_in_the_middle(rig, signal.SIGINT, signal.SIGINT) < 3.0
            assert rig.look().in_flight == 0
        report = rig.finish()

    assert report.valid, report
    assert report.hard_stops == 3
    assert report.duplicates.keys() == {Cause.HARD_STOP}


@pytest.mark.kill
def test_what_does_not_end_within_the_drain_time_is_given_back(tmp_path):
    settings = Settings(
        visibility_seconds=20, timeout_seconds=20, slow_seconds=10, drain_seconds=1.0
    )
    with Rig(tmp_path, settings) as rig:
        rig.produce(40, {"slow": 1})
        seconds = stop_in_the_middle(rig, signal.SIGTERM)
        assert rig.look().in_flight == 0
        report = rig.finish()

    assert report.valid, report
    assert 1.0 <= seconds < 3.0
    assert report.hard_stops == 1
