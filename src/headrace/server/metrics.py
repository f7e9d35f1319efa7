"""A run's figures as Prometheus' text, read at the moment of the scrape.

Names follow AWS where AWS has one (semantics F), with Prometheus' endings: ``DeletedEventCount`` is
``headrace_deleted_records_total``. Labels hold names of mappings, functions and queues, never anything of a message. What
each metric means stands in `COUNTERS` and beside it, once, for the scrape and for ``docs/reference/metrics.md``.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from headrace.model.mapping import MappingState
from headrace.model.outcome import Outcome
from headrace.policy.batching import FlushReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from headrace.engine.mapping_runner import MappingRunner
    from headrace.engine.statistics import Histogram, MappingStatistics
    from headrace.server.board import Board

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counter(NamedTuple):
    """One counter of a mapping."""

    name: str
    meaning: str
    read: Callable[[MappingStatistics], float]


COUNTERS = (
    Counter("headrace_polled_records", "PolledEventCount: records received.", lambda s: s.polled),
    Counter(
        "headrace_invoked_records",
        "InvokedEventCount: records handed over, counted again on each retry.",
        lambda s: s.invoked,
    ),
    Counter(
        "headrace_failed_records",
        "FailedInvokeEventCount: records of invocations that failed, and those that partial ones listed.",
        lambda s: s.failed,
    ),
    Counter(
        "headrace_deleted_records",
        "DeletedEventCount: records deleted after success.",
        lambda s: s.deleted,
    ),
    Counter(
        "headrace_retried_records",
        "Records handed over that had been received before.",
        lambda s: s.retried,
    ),
    Counter(
        "headrace_dead_lettered_records",
        "Records that a receive of the mapping moved to the dead-letter queue.",
        lambda s: s.dead_lettered,
    ),
    Counter(
        "headrace_released_records",
        "Records given back before their visibility timeout.",
        lambda s: s.released,
    ),
    Counter(
        "headrace_superseded_records",
        "Records that somebody else received before the mapping could settle them.",
        lambda s: s.superseded,
    ),
    Counter(
        "headrace_extended_records",
        "Extensions of a record's visibility while its handler ran.",
        lambda s: s.extended,
    ),
    Counter(
        "headrace_source_errors", "Calls to the source that failed.", lambda s: s.source_errors
    ),
)


def exposition(board: Board) -> bytes:
    """The whole text of one scrape."""
    return Exposition(board).text()


class Exposition:
    """What is scraped of one run, and of the process that it is in."""

    def __init__(self, board: Board) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(RunCollector(board))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The text now."""
        return generate_latest(self._registry)


class RunCollector(Collector):
    """Reads a board when it is scraped."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: names can't clash, there is one collector."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every figure of every mapping."""
        info = InfoMetricFamily("headrace_build", "The version of Headrace.")
        info.add_metric([], {"version": version("headrace")})
        yield info
        runners = self._board.runners
        yield _mappings(runners)
        yield _states(runners)
        yield from _sources(self._board)
        yield from _concurrency(runners)
        yield _invocations(runners)
        yield _batches(runners)
        yield _sizes(runners)
        yield _durations(runners)
        for counter in COUNTERS:
            yield _counted(counter, runners)
        yield _last_successes(runners)


def _mappings(runners: Iterable[MappingRunner]) -> Metric:
    family = InfoMetricFamily(
        "headrace_mapping",
        "Each event source mapping with its function and queue.",
        labels=["mapping"],
    )
    for runner in runners:
        mapping = runner.mapping
        family.add_metric(
            [mapping.mapping_id], {"function": mapping.function, "queue": runner.source.name}
        )
    return family


def _states(runners: Iterable[MappingRunner]) -> Metric:
    family = GaugeMetricFamily(
        "headrace_mapping_state",
        "1 for the state that the mapping is in, 0 for the others.",
        labels=["mapping", "state"],
    )
    for runner in runners:
        for state in MappingState:
            family.add_metric(
                [runner.mapping.mapping_id, state.value], float(runner.state is state)
            )
    return family


def _sources(board: Board) -> Iterator[Metric]:
    backlog = GaugeMetricFamily(
        "headrace_backlog_messages",
        "ApproximateNumberOfMessages of the mapping's queue: visible, in_flight (NotVisible) or delayed.",
        labels=["mapping", "queue", "state"],
    )
    age = GaugeMetricFamily(
        "headrace_approximate_age_of_oldest_message_seconds",
        "ApproximateAgeOfOldestMessage: age of the oldest message that is not deleted, 0 where there is none.",
        labels=["mapping", "queue"],
    )
    known = board.backlog
    for runner in board.runners:
        attributes = known.get(runner.mapping.mapping_id)
        if attributes is None:
            continue
        labels = [runner.mapping.mapping_id, runner.source.name]
        for state in ("visible", "in_flight", "delayed"):
            backlog.add_metric([*labels, state], getattr(attributes, state))
        age.add_metric(labels, attributes.age_of_oldest_seconds)
    yield backlog
    yield age


def _concurrency(runners: Iterable[MappingRunner]) -> Iterator[Metric]:
    now = GaugeMetricFamily(
        "headrace_concurrent_invocations",
        "ConcurrentExecutions: invocations of the mapping under way now.",
        labels=["mapping"],
    )
    most = GaugeMetricFamily(
        "headrace_concurrent_invocations_max",
        "The most invocations of the mapping that were under way at once.",
        labels=["mapping"],
    )
    for runner in runners:
        now.add_metric([runner.mapping.mapping_id], runner.statistics.in_flight)
        most.add_metric([runner.mapping.mapping_id], runner.statistics.in_flight_max)
    yield now
    yield most


def _invocations(runners: Iterable[MappingRunner]) -> Metric:
    family = CounterMetricFamily(
        "headrace_invocations",
        "Invocations that ended, by outcome; a throttled one did not reach the handler and counts each time.",
        labels=["mapping", "outcome"],
    )
    for runner in runners:
        for outcome in Outcome:
            family.add_metric(
                [runner.mapping.mapping_id, outcome.value], runner.statistics.outcomes[outcome]
            )
    return family


def _batches(runners: Iterable[MappingRunner]) -> Metric:
    family = CounterMetricFamily(
        "headrace_batches",
        "Batches by what closed them: size, payload, window, stop, or available (no window is set).",
        labels=["mapping", "reason"],
    )
    for runner in runners:
        for reason in FlushReason:
            family.add_metric(
                [runner.mapping.mapping_id, reason.value], runner.statistics.flushes[reason]
            )
    return family


def _sizes(runners: Iterable[MappingRunner]) -> Metric:
    family = HistogramMetricFamily(
        "headrace_batch_size", "Records in an invocation.", labels=["mapping"]
    )
    for runner in runners:
        _add_histogram(family, runner, runner.statistics.batch_sizes)
    return family


def _durations(runners: Iterable[MappingRunner]) -> Metric:
    family = HistogramMetricFamily(
        "headrace_invocation_duration_seconds",
        "Duration: from handing a batch over to its outcome; throttled ones are left out.",
        labels=["mapping"],
    )
    for runner in runners:
        _add_histogram(family, runner, runner.statistics.durations)
    return family


def _add_histogram(
    family: HistogramMetricFamily, runner: MappingRunner, histogram: Histogram
) -> None:
    buckets, total = [], 0
    for bound, count in zip((*histogram.bounds, "+Inf"), list(histogram.counts), strict=True):
        total += count
        buckets.append((str(bound), total))
    family.add_metric([runner.mapping.mapping_id], buckets, sum_value=histogram.total)


def _counted(counter: Counter, runners: Iterable[MappingRunner]) -> Metric:
    family = CounterMetricFamily(counter.name, counter.meaning, labels=["mapping"])
    for runner in runners:
        family.add_metric([runner.mapping.mapping_id], counter.read(runner.statistics))
    return family


def _last_successes(runners: Iterable[MappingRunner]) -> Metric:
    family = GaugeMetricFamily(
        "headrace_last_success_timestamp_seconds",
        "When the mapping last had a success, in seconds since the epoch; absent before the first.",
        labels=["mapping"],
    )
    for runner in runners:
        if (at := runner.statistics.last_success_at) is not None:
            family.add_metric([runner.mapping.mapping_id], at)
    return family
