"""The figures of a scrape, by name and value."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace.model.mapping import MappingState
from headrace.model.outcome import Outcome
from headrace.policy.batching import FlushReason
from headrace.server.board import Board
from headrace.server.metrics import COUNTERS, Exposition
from tests.server.rig import board, mapping_runner


def scraped(shown: Board) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = Exposition(shown).text().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(shown: Board, name: str, **labels: str) -> float | None:
    return scraped(shown).get((name, frozenset({"mapping": "ProcessNew", **labels}.items())))


def test_backlog_is_told_by_state():
    shown = board()

    found = [
        value(shown, "headrace_backlog_messages", queue="orders", state=state)
        for state in ("visible", "in_flight", "delayed")
    ]

    assert found == [5, 2, 1]


def test_the_age_of_the_oldest_message_has_awss_name():
    found = value(board(), "headrace_approximate_age_of_oldest_message_seconds", queue="orders")

    assert found == 12.5


def test_a_backlog_that_is_not_known_is_absent_not_zero():
    shown = board()
    shown.backlog = {}

    assert value(shown, "headrace_backlog_messages", queue="orders", state="visible") is None


def test_invocations_are_counted_by_outcome():
    runner = mapping_runner()
    runner.statistics.outcomes.update({Outcome.SUCCESS: 3, Outcome.TIMED_OUT: 1})

    shown = board(runner)
    found = {
        each: value(shown, "headrace_invocations_total", outcome=each.value) for each in Outcome
    }

    assert found == {
        Outcome.SUCCESS: 3,
        Outcome.PARTIAL: 0,
        Outcome.ERROR: 0,
        Outcome.THROTTLED: 0,
        Outcome.TIMED_OUT: 1,
    }


def test_batches_are_counted_by_what_closed_them():
    runner = mapping_runner()
    runner.statistics.flushes[FlushReason.WINDOW] += 4

    assert value(board(runner), "headrace_batches_total", reason="window") == 4


def test_histograms_are_cumulated():
    runner = mapping_runner()
    for size in (1, 10, 10, 20_000):
        runner.statistics.batch_sizes.add(size)
    runner.statistics.durations.add(0.03)

    shown = board(runner)

    assert value(shown, "headrace_batch_size_bucket", le="1.0") == 1
    assert value(shown, "headrace_batch_size_bucket", le="10.0") == 3
    assert value(shown, "headrace_batch_size_bucket", le="+Inf") == 4
    assert value(shown, "headrace_batch_size_sum") == 20_021
    assert value(shown, "headrace_invocation_duration_seconds_bucket", le="0.05") == 1


def test_concurrency_now_and_at_most():
    runner = mapping_runner()
    runner.statistics.in_flight, runner.statistics.in_flight_max = 2, 7

    shown = board(runner)

    assert value(shown, "headrace_concurrent_invocations") == 2
    assert value(shown, "headrace_concurrent_invocations_max") == 7


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
def test_each_counter_reads_a_figure_of_its_own(counter):
    runner = mapping_runner()
    figures = (
        *("polled", "invoked", "failed", "deleted", "retried", "dead_lettered"),
        *("released", "superseded", "extended", "source_errors"),
    )
    for number, figure in enumerate(figures, 1):
        setattr(runner.statistics, figure, number)

    found = {value(board(runner), f"{each.name}_total") for each in COUNTERS}

    assert found == set(range(1, len(COUNTERS) + 1))
    assert value(board(runner), f"{counter.name}_total") == counter.read(runner.statistics)


def test_the_state_of_a_mapping_is_one_of_all():
    runner = mapping_runner()
    runner.state = MappingState.DISABLED

    shown = board(runner)
    found = [
        each for each in MappingState if value(shown, "headrace_mapping_state", state=each.value)
    ]

    assert found == [MappingState.DISABLED]


def test_the_last_success_is_absent_before_the_first():
    runner = mapping_runner()
    before = value(board(runner), "headrace_last_success_timestamp_seconds")
    runner.statistics.last_success_at = 1_700_000_000.5

    after = value(board(runner), "headrace_last_success_timestamp_seconds")

    assert (before, after) == (None, 1_700_000_000.5)


def test_a_mapping_tells_its_function_and_queue():
    found = value(board(), "headrace_mapping_info", function="Process", queue="orders")

    assert found == 1


def test_a_name_with_quotes_and_line_ends_stays_one_label():
    runner = mapping_runner('Pro"cess\nNew\\', "or\nders")

    names = {
        name for name, labels in scraped(board(runner)) if ("mapping", 'Pro"cess\nNew\\') in labels
    }

    assert "headrace_backlog_messages" in names


def test_the_process_itself_is_measured():
    assert ("process_resident_memory_bytes", frozenset()) in scraped(board())
