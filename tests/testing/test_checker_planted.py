"""Wrong histories, one for each way to be wrong: the checker finds it, names the record, and says which promise broke."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.model.outcome import Outcome
from headrace.testing.checker import Rules
from headrace.testing.checker_report import INVARIANTS, Finding
from headrace.testing.history import Phase, What, digest
from tests.testing.tale import RULES, WORKER, Tale, assert_found


@pytest.fixture
def tale():
    return Tale()


def test_every_finding_has_its_invariant_and_is_planted():
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_checker_*.py")
    )

    assert set(INVARIANTS) == set(Finding)
    assert [each.name for each in Finding if f"Finding.{each.name}" not in source] == []


def test_lost_because_it_was_never_handed_over(tale):
    tale.send("a", "b")
    tale.handle("i1", "a")

    report = tale.check_drained()

    assert_found(report, Finding.LOST, "b")
    assert report.lost == 1
    assert "never handed over" in report.violations[0].sentence


def test_lost_because_the_delete_came_before_the_kill(tale):
    """Deleted at receive: the outcome alone shows it, where a kill hits."""
    tale.send("a")
    tale.invoke("i1", "a")
    tale.kill()

    assert_found(tale.check_drained(), Finding.LOST, "a")


def test_lost_after_a_failure(tale):
    tale.send("a")
    tale.fail("i1", "a")

    report = tale.check_drained()

    assert_found(report, Finding.LOST, "a")
    assert "failed" in report.violations[0].sentence


def test_lost_one_of_two_of_the_same_name(tale):
    tale.send("a")
    tale.send("a")
    tale.handle("i1", "a")

    report = tale.check_drained()

    assert_found(report, Finding.LOST, "a")
    assert (report.accepted, report.lost) == (2, 1)


def test_from_nowhere(tale):
    tale.handle("i1", "a")

    report = tale.check_drained()

    assert_found(report, Finding.UNEXPECTED, "a")
    assert report.unexpected == 1


def test_from_nowhere_after_a_refusal(tale):
    tale.begin_send("a")
    tale.refuse("a")
    tale.handle("i1", "a")

    report = tale.check_drained()

    assert_found(report, Finding.UNEXPECTED, "a")
    assert "refused" in report.violations[0].sentence


def test_from_nowhere_before_it_was_sent(tale):
    tale.handle("i1", "a")
    tale.send("a")

    assert_found(tale.check_drained(), Finding.UNEXPECTED, "a")


def test_a_dead_letter_from_nowhere(tale):
    tale.kill()
    tale.kill("e2")
    tale.kill("e3")
    tale.add(What.PRODUCE, phase=Phase.INVOKED, records=("b",))
    tale.set_aside("a")

    found = tale.check_drained().found(Finding.UNEXPECTED)

    assert [each.record for each in found] == ["a"]


def test_altered_on_its_way_to_the_handler(tale):
    tale.send("a")
    tale.add(What.INVOKE, invocation="i1", records=("a",), digests=(digest("A"),), engine="e1")
    tale.result("i1")

    report = tale.check_drained()

    assert_found(report, Finding.ALTERED, "a")
    assert report.altered == 1


def test_altered_on_its_way_to_the_dead_letter_queue(tale):
    tale.send("a")
    for attempt in range(3):
        tale.fail(f"i{attempt}", "a")
    tale.add(What.DESTINATION, records=("a",), digests=(digest("a "),))

    assert_found(tale.check_drained(), Finding.ALTERED, "a")


def test_not_drained_because_nobody_looked(tale):
    tale.send("a")
    tale.handle("i1", "a")

    report = tale.check()

    assert_found(report, Finding.NOT_DRAINED, "")


def test_not_drained_because_something_was_left(tale):
    tale.send("a", "b")
    tale.handle("i1", "a")
    tale.look(visible=1)

    report = tale.check()

    assert_found(report, Finding.NOT_DRAINED, "")
    assert (report.pending, report.lost) == (1, 0)


def test_not_drained_because_something_happened_after_the_look(tale):
    tale.send("a")
    tale.look()
    tale.handle("i1", "a")

    assert_found(tale.check(), Finding.NOT_DRAINED, "")


def test_deleted_before_success(tale):
    tale.send("a")
    tale.receive("a")
    tale.settle("delete", "a")
    tale.handle("i1", "a")

    assert_found(tale.check_drained(), Finding.DELETED_EARLY, "a")


def test_deleted_although_it_failed(tale):
    tale.send("a", "b")
    tale.invoke("i1", "a", "b")
    tale.result("i1", Outcome.PARTIAL, "b")
    tale.settle("delete", "a", "b")

    found = tale.check_drained().violations

    assert [each[:2] for each in found] == [(Finding.DELETED_EARLY, "b"), (Finding.LOST, "b")]


def test_dead_letter_after_the_delete(tale):
    """The outcome is right: only the order of the two writes is not."""
    tale.send("a")
    for attempt in range(3):
        tale.fail(f"i{attempt}", "a")
    tale.settle("delete", "a")
    tale.set_aside("a")

    report = tale.check_drained()

    assert [each[:2] for each in report.violations] == [
        (Finding.DELETED_EARLY, "a"),
        (Finding.DEAD_LETTER_LATE, "a"),
    ]
    assert report.lost == 0


def test_dead_lettered_too_early(tale):
    tale.send("a")
    tale.fail("i1", "a")
    tale.fail("i2", "a")
    tale.set_aside("a")

    assert_found(tale.check_drained(), Finding.DEAD_LETTER_EARLY, "a")


def test_dead_lettered_although_it_had_been_handled(tale):
    tale.send("a")
    tale.fail("i1", "a")
    tale.fail("i2", "a")
    tale.handle("i3", "a")
    tale.set_aside("a")

    assert_found(tale.check_drained(), Finding.DEAD_LETTER_EARLY, "a")


def test_dead_lettered_twice(tale):
    tale.send("a")
    for attempt in range(3):
        tale.fail(f"i{attempt}", "a")
    tale.set_aside("a")
    tale.set_aside("a")

    assert_found(tale.check_drained(), Finding.DEAD_LETTER_TWICE, "a")


def test_order_broken(tale):
    ordered = Rules(batch_size=2, concurrency=2, ordered=True)
    tale.send("a1", "a2", group="a")
    tale.invoke("i1", "a1")
    tale.invoke("i2", "a2", pid=101)
    tale.result("i1")
    tale.result("i2")

    report = tale.check_drained(ordered)

    assert_found(report, Finding.ORDER, "a2")
    assert "a1" in report.violations[0].sentence


def test_order_broken_after_a_failure(tale):
    ordered = Rules(batch_size=2, concurrency=2, ordered=True)
    tale.send("a1", "a2", "a3", group="a")
    tale.fail("i1", "a1")
    tale.handle("i2", "a2", "a3")
    tale.handle("i3", "a1")

    assert_found(tale.check_drained(ordered), Finding.ORDER, "a2")


def test_a_worker_that_outlived_its_engine(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.kill()
    tale.wait(RULES.orphan_seconds)
    tale.result("i1")

    report = tale.check_drained()

    assert [each.finding for each in report.violations] == [Finding.ORPHAN]
    assert str(WORKER) in report.violations[0].sentence


def test_a_worker_that_takes_work_after_its_engine_died(tale):
    tale.send("a")
    tale.kill()
    tale.wait(RULES.orphan_seconds)
    tale.handle("i1", "a")

    assert_first(tale.check_drained(), Finding.ORPHAN, "a")


def test_received_without_a_free_slot(tale):
    tale.send("a", "b", "c", "d", "e")
    tale.receive("a", "b")
    tale.receive("c", "d")
    tale.receive("e")

    assert_first(tale.check_drained(), Finding.NO_FREE_SLOT, "e")


def test_more_handlers_at_once_than_slots(tale):
    """A slot that is released twice."""
    tale.send("a", "b", "c")
    for pid, name in enumerate(("a", "b", "c")):
        tale.invoke(name, name, pid=pid)
    for name in ("a", "b", "c"):
        tale.result(name)

    assert_found(tale.check_drained(), Finding.TOO_MANY_AT_ONCE, "c")


def test_a_batch_too_large(tale):
    tale.send("a", "b", "c")
    tale.handle("i1", "a", "b", "c")

    assert_found(tale.check_drained(), Finding.BATCH_TOO_LARGE, "c")


def test_attempts_over_the_limit(tale):
    """A receive count that is forgotten."""
    tale.send("a")
    for attempt in range(4):
        tale.fail(f"i{attempt}", "a")
    tale.set_aside("a")

    assert_found(tale.check_drained(), Finding.ATTEMPTS, "a")


def test_extended_after_its_settlement(tale):
    """A heartbeat that goes on after the release hides what was just given back."""
    tale.send("a")
    tale.receive("a")
    tale.fail("i1", "a")
    tale.settle("release", "a")
    tale.settle("extend", "a")
    tale.receive("a")
    tale.handle("i2", "a")

    assert_found(tale.check_drained(), Finding.EXTENDED_LATE, "a")


def test_cut_off_by_a_clean_stop(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.stop()
    tale.exit()
    tale.handle("i2", "a", engine="e2", pid=200)

    found = tale.check_drained().violations

    assert [each[:2] for each in found] == [(Finding.CUT_OFF, "a"), (Finding.DUPLICATE, "a")]


def test_left_hidden_by_a_clean_stop(tale):
    tale.send("a", "b")
    tale.fail("i1", "a")
    tale.stop()
    tale.exit()
    tale.look("a", "b")
    tale.handle("i2", "a", "b", engine="e2", pid=200)

    assert_found(tale.check_drained(), Finding.LEFT_HIDDEN, "b")


def test_left_hidden_and_nobody_knows_what(tale):
    tale.send("a")
    tale.stop()
    tale.exit()
    tale.look(in_flight=1)
    tale.handle("i2", "a", engine="e2", pid=200)

    assert_found(tale.check_drained(), Finding.LEFT_HIDDEN, "")


def test_a_fault_that_never_fired(tale):
    tale.add(What.FAULT, name="lost response", phase=Phase.INVOKED)

    assert_found(tale.check_drained(), Finding.NOT_FIRED, "lost response")


def test_a_result_of_no_invocation(tale):
    tale.result("i1")

    assert_found(tale.check_drained(), Finding.HISTORY, "i1")


def test_a_result_that_comes_twice(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.result("i1")

    assert_found(tale.check_drained(), Finding.HISTORY, "i1")


def test_a_flood_of_violations_is_cut_short(tale):
    for number in range(1_500):
        tale.handle(f"i{number}", f"a{number}")

    report = tale.check_drained()

    assert (len(report.violations), report.violations_left_out) == (1_000, 500)
    assert "and 1480 more" in str(report)


def assert_first(report, finding, record):
    assert (finding, record) == report.violations[0][:2]
