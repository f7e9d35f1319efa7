"""Histories in which all is well: the checker raises no alarm, and counts what happened."""

from __future__ import annotations

import pytest

from headrace.model.outcome import Outcome
from headrace.testing.checker import Rules, check
from headrace.testing.checker_report import Cause, Finding
from headrace.testing.history import Event, What
from tests.testing.tale import RULES, Tale


@pytest.fixture
def tale():
    return Tale()


def test_a_handled_record_is_all_there_is_to_say(tale):
    tale.send("a", "b")
    tale.handle("i1", "a", "b")

    report = tale.check_drained()

    assert report.valid, report
    assert (report.accepted, report.handled, report.invocations, report.deliveries) == (2, 2, 1, 2)
    assert not report.duplicates
    assert not report.retries


def test_an_empty_history_that_was_looked_at_is_valid(tale):
    assert tale.check_drained().valid


def test_a_failed_record_comes_back_alone_and_that_is_a_retry(tale):
    tale.send("a", "b")
    tale.invoke("i1", "a", "b")
    tale.result("i1", Outcome.PARTIAL, "b")
    tale.handle("i2", "b")

    report = tale.check_drained()

    assert report.valid, report
    assert report.retries == {Cause.PARTIAL: 1}
    assert not report.duplicates


def test_a_failed_invocation_brings_its_whole_batch_back(tale):
    tale.send("a", "b")
    tale.fail("i1", "a", "b")
    tale.handle("i2", "a", "b")

    report = tale.check_drained()

    assert report.valid, report
    assert report.retries == {Cause.FAILURE: 2}


def test_a_response_that_names_a_stranger_fails_the_whole_batch(tale):
    tale.send("a", "b")
    tale.invoke("i1", "a", "b")
    tale.result("i1", Outcome.PARTIAL, "stranger")
    tale.handle("i2", "a", "b")

    report = tale.check_drained()

    assert report.valid, report
    assert report.handled == 2


def test_a_record_that_always_fails_ends_in_the_dead_letter_queue(tale):
    tale.send("a")
    for attempt in range(3):
        tale.fail(f"i{attempt}", "a")
    tale.set_aside("a")

    report = tale.check_drained()

    assert report.valid, report
    assert (report.handled, report.dead_lettered) == (0, 1)


def test_a_send_whose_answer_nobody_saw_may_arrive_or_not(tale):
    tale.begin_send("arrives")
    tale.begin_send("does not")
    tale.handle("i1", "arrives")

    report = tale.check_drained()

    assert report.valid, report
    assert (report.accepted, report.unknown, report.recovered) == (0, 2, 1)


def test_a_record_sent_twice_may_be_handled_twice(tale):
    tale.begin_send("a")
    tale.send("a")
    tale.handle("i1", "a")
    tale.handle("i2", "a")

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.SENT_TWICE: 1}
    assert report.handled_more_than_once == 0


def test_a_dropped_record_is_counted_and_not_missed(tale):
    tale.send("a")
    tale.add(What.FILTER, records=("a",), name="filter")

    report = tale.check_drained()

    assert report.valid, report
    assert report.dropped == 1


def test_a_clean_stop_leaves_what_failed_to_wait(tale):
    """A failed record is hidden until its visibility is over, stop or no stop."""
    tale.send("a", "b")
    tale.invoke("i1", "a", "b")
    tale.stop()
    tale.result("i1", Outcome.PARTIAL, "b")
    tale.exit()
    tale.look("b")
    tale.start("e2")
    tale.handle("i2", "b", engine="e2", pid=200)

    report = tale.check_drained()

    assert report.valid, report
    assert report.clean_stops == 1


def test_a_throttled_invocation_is_no_attempt(tale):
    tale.send("a")
    for attempt in range(5):
        tale.invoke(f"i{attempt}", "a")
        tale.result(f"i{attempt}", Outcome.THROTTLED)
    tale.handle("i9", "a")

    report = tale.check_drained()

    assert report.valid, report
    assert report.deliveries == 1


def test_a_crash_may_be_free_of_charge(tale):
    tale.send("a")
    for attempt in range(4):
        tale.invoke(f"i{attempt}", "a", engine=f"e{attempt}", pid=attempt)
        tale.kill(f"e{attempt}")
    tale.handle("i9", "a", engine="e9", pid=9)
    rules = Rules(batch_size=2, concurrency=2, attempts_max=1, crashes_count=False)

    assert tale.check_drained(rules).valid
    assert tale.check(RULES).found(Finding.ATTEMPTS)


def test_a_dead_letter_may_come_early_where_kills_ate_receives(tale):
    tale.send("a")
    tale.fail("i1", "a")
    for engine in ("e1", "e2"):
        tale.kill(engine)
    tale.set_aside("a")

    assert tale.check_drained().valid


def test_a_handled_record_may_be_dead_lettered_where_its_delete_was_lost(tale):
    tale.send("a")
    for attempt in range(3):
        tale.handle(f"i{attempt}", "a", engine=f"e{attempt}", pid=attempt)
        tale.kill(f"e{attempt}")
    tale.set_aside("a")

    report = tale.check_drained()

    assert report.valid, report
    assert report.handled_and_dead_lettered == 1


def test_an_injected_fault_explains_a_repetition_of_the_records_that_it_names(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.settle("delete", "a")
    tale.fault("duplicate delivery", "a")
    tale.handle("i2", "a")

    report = tale.check_drained()

    assert report.valid, report
    assert report.duplicates == {Cause.FAULT: 1}
    assert report.faults == {"duplicate delivery": 1}


def test_the_durable_steps_in_their_order_raise_no_alarm(tale):
    tale.send("a", "b")
    tale.receive("a", "b")
    tale.invoke("i1", "a", "b")
    tale.settle("extend", "a", "b")
    tale.result("i1", Outcome.PARTIAL, "b")
    tale.settle("delete", "a")
    tale.settle("release", "b")
    tale.receive("b")
    tale.handle("i2", "b")
    tale.settle("delete", "b")

    assert tale.check_drained().valid


def test_a_group_in_order_raises_no_alarm(tale):
    ordered = Rules(batch_size=2, concurrency=2, ordered=True)
    tale.send("a1", "a2", "a3", group="a")
    tale.send("b1", group="b")
    tale.invoke("i1", "a1", "a2")
    tale.handle("i2", "b1", pid=101)
    tale.result("i1", Outcome.PARTIAL, "a1")
    tale.handle("i3", "a1", "a3")

    assert tale.check_drained(ordered).valid


def test_sources_are_checked_each_by_its_own_rules(tale):
    for source, size in (("small", 1), ("large", 3)):
        names = tuple(f"{source}-{number}" for number in range(size))
        tale.add(What.PRODUCE, source=source, records=names)
        tale.add(What.INVOKE, source=source, records=names, invocation=source, engine="e1")
        tale.add(What.RESULT, source=source, invocation=source, outcome="success", engine="e1")
        tale.add(What.OBSERVED, source=source)
    tale.kill()

    report = check(
        tale.events, {"small": Rules(batch_size=1, concurrency=1), "large": Rules(batch_size=3)}
    )

    assert report.valid, report
    assert (report.accepted, report.kills["engine"]) == (4, 1)


def test_one_torn_line_a_kill_is_to_be_expected(tale):
    tale.kill()

    tale.look()

    assert tale.check(torn=1).valid
    assert not tale.check(torn=2).valid


def test_a_long_history_is_checked_in_one_go():
    """Fifty thousand records in a fraction of a second: nothing is searched for."""
    events = []
    for batch in range(5_000):
        names = tuple(f"{batch}-{number}" for number in range(10))
        at = float(batch)
        events += [
            Event(What.PRODUCE, at, records=names),
            Event(What.INVOKE, at + 0.1, records=names, invocation=str(batch), engine="e1"),
            Event(What.RESULT, at + 0.2, invocation=str(batch), engine="e1", outcome="success"),
        ]
    events.append(Event(What.OBSERVED, 5_000.0))

    report = check(events, Rules(batch_size=10))

    assert report.valid
    assert report.handled == 50_000
