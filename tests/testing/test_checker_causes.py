"""What explains a repetition: kills, crashes, standstills, timeouts, hard stops, each for what it hit."""

from __future__ import annotations

import pytest

from headrace.model.outcome import Outcome
from headrace.testing.checker_report import Cause
from tests.testing.tale import RULES, WORKER, Tale


@pytest.fixture
def tale():
    return Tale()


def test_a_killed_engine_explains_what_it_had_in_hand(tale):
    tale.send("a", "b", "c")
    tale.handle("i1", "a")
    tale.invoke("i2", "b", "c")
    tale.kill()
    tale.start("e2")
    tale.handle("i3", "a", "b", engine="e2", pid=200)
    tale.handle("i4", "c", engine="e2", pid=200)

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.ENGINE_KILLED: 3}
    assert (
        report.kills,
        report.kills_in_flight,
        report.duplicates_per_fault,
        report.handled_more_than_once,
    ) == ({"engine": 1}, 1, 3, 1)


def test_a_kill_between_invocations_is_not_in_flight(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.kill()

    assert tale.check_drained().kills_in_flight == 0


def test_a_killed_worker_explains_its_own_batch(tale):
    tale.send("a", "b")
    tale.invoke("i1", "a")
    tale.invoke("i2", "b", pid=101)
    tale.kill_worker()
    tale.result("i2", pid=101)
    tale.handle("i3", "a", pid=102)

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.WORKER_KILLED: 1}


def test_a_handler_that_crashed_has_failed(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.result("i1", "crash")
    tale.handle("i2", "a", pid=101)

    report = tale.check_drained()

    assert report.valid, report
    assert report.retries == {Cause.FAILURE: 1}


def test_an_engine_that_stood_still_may_lose_its_hold(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.pause()
    tale.wait(RULES.visibility_seconds)
    tale.handle("r1", "a", engine="rival", pid=300)
    tale.resume()
    tale.result("i1")

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.LAPSE: 1}
    assert (report.pauses, report.handled_more_than_once) == (1, 1)


def test_an_engine_that_stood_still_may_hand_over_what_another_has_taken(tale):
    """It had received the record before, and does not know better."""
    tale.send("a")
    tale.receive("a")
    tale.pause()
    tale.wait(RULES.visibility_seconds)
    tale.receive("a", engine="rival")
    tale.handle("r1", "a", engine="rival", pid=300)
    tale.settle("delete", "a", engine="rival")
    tale.resume()
    tale.handle("i1", "a")

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.LAPSE: 1}


def test_a_worker_that_stood_still_beyond_its_timeout_has_timed_out(tale):
    tale.send("a")
    tale.handle("i1", "a")  # its answer is never sent
    tale.pause("worker", WORKER)
    tale.wait(RULES.visibility_seconds)
    tale.handle("i2", "a", pid=101)
    tale.resume(WORKER)

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.TIMEOUT: 1}


def test_a_handler_that_was_killed_at_its_timeout_writes_no_end(tale):
    tale.send("a", "b", "c")
    tale.invoke("i1", "a")
    tale.invoke("i2", "b", pid=101)
    tale.wait(4.0)
    tale.handle("i3", "c", pid=102)
    tale.handle("i4", "a", pid=102)
    tale.handle("i5", "b", pid=102)

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.TIMEOUT: 2}


def test_a_clean_stop_does_not_cut_off_what_had_timed_out_before(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.wait(4.0)
    tale.handle("i2", "a", pid=101)
    tale.stop()
    tale.exit()

    assert tale.check_drained().valid


def test_a_reported_timeout_is_a_failure(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.result("i1", Outcome.TIMED_OUT)
    tale.handle("i2", "a")

    assert tale.check_drained().retries == {Cause.TIMEOUT: 1}


def test_a_hard_stop_explains_what_it_cut_off(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.stop()
    tale.stop(hard=True)
    tale.exit()
    tale.handle("i2", "a", engine="e2", pid=200)

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.HARD_STOP: 1}
    assert (report.clean_stops, report.hard_stops) == (0, 1)


def test_a_stop_that_takes_longer_than_the_drain_time_was_a_hard_one(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.stop()
    tale.wait(RULES.drain_seconds)
    tale.exit()
    tale.handle("i2", "a", engine="e2", pid=200)

    report = tale.check_drained()

    assert report.valid, report
    assert report.hard_stops == 1
