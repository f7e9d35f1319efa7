"""A repetition is explained by what became of the delivery before it, and by nothing else: here nothing explains it."""

from __future__ import annotations

import pytest

from headrace.model.outcome import Outcome
from headrace.testing.checker_report import Finding
from tests.testing.tale import RULES, WORKER, Tale, assert_found


@pytest.fixture
def tale():
    return Tale()


def test_a_repetition_without_any_cause(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.handle("i2", "a")

    report = tale.check_drained()

    assert_found(report, Finding.DUPLICATE, "a")
    assert (report.unexplained, report.handled_more_than_once) == (1, 1)


def test_a_repetition_of_a_success_in_a_batch_whose_mate_failed(tale):
    tale.send("a", "b")
    tale.invoke("i1", "a", "b")
    tale.result("i1", Outcome.PARTIAL, "b")
    tale.handle("i2", "a", "b")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_while_it_is_still_being_handled(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.handle("i2", "a", pid=101)
    tale.result("i1")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_the_kill_of_another_engine(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.kill("e2")
    tale.handle("i2", "a", engine="e3", pid=300)

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_a_kill_long_after_the_delete_must_have_been_written(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.wait(RULES.settle_seconds)
    tale.kill()
    tale.handle("i2", "a", engine="e2", pid=200)

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_before_the_kill(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.handle("i2", "a")
    tale.kill()

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_the_kill_of_another_worker(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.kill_worker(WORKER + 1)
    tale.handle("i2", "a", pid=102)

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_a_pause_too_short_for_a_lapse(tale):
    tale.send("a")
    tale.invoke("i1", "a")
    tale.pause()
    tale.wait(RULES.lapse_seconds / 2)
    tale.resume()
    tale.handle("i2", "a", pid=101)
    tale.result("i1")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_a_pause_that_was_over_long_before_it_began(tale):
    tale.send("a")
    tale.pause()
    tale.wait(RULES.visibility_seconds)
    tale.resume()
    tale.wait(RULES.settle_seconds)
    tale.handle("i1", "a")
    tale.handle("i2", "a")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_by_an_engine_that_stood_still_long_ago(tale):
    tale.send("a")
    tale.pause()
    tale.wait(RULES.visibility_seconds)
    tale.resume()
    tale.wait(RULES.settle_seconds)
    tale.handle("r1", "a", engine="rival", pid=300)
    tale.handle("i1", "a")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_a_clean_stop(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.stop()
    tale.exit()
    tale.handle("i2", "a", engine="e2", pid=200)

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_after_its_delete_even_if_the_engine_was_killed(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.settle("delete", "a")
    tale.kill()
    tale.handle("i2", "a", engine="e2", pid=200)

    report = tale.check_drained()

    assert_found(report, Finding.DUPLICATE, "a")
    assert "deleted" in report.violations[0].sentence


def test_a_repetition_after_it_was_set_aside(tale):
    tale.send("a")
    for attempt in range(3):
        tale.fail(f"i{attempt}", "a")
    tale.set_aside("a")
    tale.handle("i9", "a")

    found = tale.check_drained().violations

    assert [each[:2] for each in found] == [(Finding.DUPLICATE, "a"), (Finding.ATTEMPTS, "a")]


def test_a_repetition_by_a_fault_that_named_another_record(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.fault("duplicate delivery", "b")
    tale.handle("i2", "a")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_by_a_fault_that_repeats_nothing(tale):
    tale.send("a")
    tale.handle("i1", "a")
    tale.fault("latency")
    tale.handle("i2", "a")

    assert_found(tale.check_drained(), Finding.DUPLICATE, "a")


def test_a_repetition_twice_in_one_batch(tale):
    tale.send("a")
    tale.invoke("i1", "a", "a")
    tale.result("i1")

    assert Finding.DUPLICATE in [each.finding for each in tale.check_drained().violations]


def test_more_duplicates_than_one_kill_can_cause(tale):
    names = [f"a{number}" for number in range(6)]
    for number, name in enumerate(names):
        tale.send(name)
        tale.handle(f"i{number}", name)
    tale.kill()
    for number, name in enumerate(names):
        tale.handle(f"j{number}", name, engine="e2", pid=200)

    [violation] = tale.check_drained().violations

    assert Finding.TOO_MANY_DUPLICATES is violation.finding
    assert "6 duplicates, but only 4" in violation.sentence


def test_more_duplicates_than_one_worker_can_cause(tale):
    for name in ("a", "b", "c"):
        tale.send(name)
        tale.handle(name, name)
    tale.kill_worker()
    for name in ("a", "b", "c"):
        tale.handle(f"again {name}", name, pid=101)

    found = tale.check_drained().violations

    assert [each.finding for each in found] == [Finding.TOO_MANY_DUPLICATES]
