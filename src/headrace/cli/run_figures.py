"""The figures of a run as people and programs get them, taken from counters at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.cli.durations import instant
from headrace.model.outcome import Outcome
from headrace.model.queue import QueueAttributes

if TYPE_CHECKING:
    from headrace.engine.mapping_runner import MappingRunner
    from headrace.engine.statistics import Histogram
    from headrace.server.board import Board


@dataclass(frozen=True, slots=True)
class MappingFigures:
    """One mapping at one moment. Durations are estimates from a histogram, in seconds."""

    mapping: str
    function: str
    queue: str
    state: str
    backlog: QueueAttributes
    concurrent: int
    concurrent_max: int
    batches: int
    success: int
    partial: int
    failed: int
    throttled: int
    polled: int
    invoked: int
    failed_records: int
    deleted: int
    retried: int
    dead_lettered: int
    released: int
    superseded: int
    last_processing_result: str
    last_problem: str
    last_success_at: float | None
    duration_p50: float | None
    duration_p99: float | None

    def as_json(self) -> dict[str, Any]:
        """The figures under AWS's names where it has one."""
        success_at = self.last_success_at
        return {
            "LogicalId": self.mapping,
            "FunctionName": self.function,
            "QueueName": self.queue,
            "State": self.state,
            "LastProcessingResult": self.last_processing_result,
            "PolledEventCount": self.polled,
            "InvokedEventCount": self.invoked,
            "FailedInvokeEventCount": self.failed_records,
            "DeletedEventCount": self.deleted,
            "retried": self.retried,
            "deadLettered": self.dead_lettered,
            "released": self.released,
            "superseded": self.superseded,
            "batches": self.batches,
            "outcomes": {
                "success": self.success,
                "partial": self.partial,
                "failed": self.failed,
                "throttled": self.throttled,
            },
            "concurrentMax": self.concurrent_max,
            "durationSeconds": {"p50": self.duration_p50, "p99": self.duration_p99},
            "ApproximateNumberOfMessages": self.backlog.visible,
            "ApproximateNumberOfMessagesNotVisible": self.backlog.in_flight,
            "ApproximateNumberOfMessagesDelayed": self.backlog.delayed,
            "ApproximateAgeOfOldestMessage": self.backlog.age_of_oldest_seconds,
            "lastSuccessAt": None if success_at is None else instant(success_at),
            "lastProblem": self.last_problem or None,
        }


def figures(board: Board) -> list[MappingFigures]:
    """The figures of every mapping now."""
    return [
        _of(runner, board.backlog.get(runner.mapping.mapping_id, QueueAttributes()))
        for runner in board.runners
    ]


def _of(runner: MappingRunner, backlog: QueueAttributes) -> MappingFigures:
    statistics, outcomes = runner.statistics, runner.statistics.outcomes
    failure = statistics.last_failure
    return MappingFigures(
        mapping=runner.mapping.mapping_id,
        function=runner.mapping.function,
        queue=runner.source.name,
        state=runner.state.value,
        backlog=backlog,
        concurrent=statistics.in_flight,
        concurrent_max=statistics.in_flight_max,
        batches=statistics.batches,
        success=outcomes[Outcome.SUCCESS],
        partial=outcomes[Outcome.PARTIAL],
        failed=outcomes[Outcome.ERROR] + outcomes[Outcome.TIMED_OUT],
        throttled=outcomes[Outcome.THROTTLED],
        polled=statistics.polled,
        invoked=statistics.invoked,
        failed_records=statistics.failed,
        deleted=statistics.deleted,
        retried=statistics.retried,
        dead_lettered=statistics.dead_lettered,
        released=statistics.released,
        superseded=statistics.superseded,
        last_processing_result=statistics.last_processing_result,
        last_problem=failure.why if failure is not None else statistics.last_source_error,
        last_success_at=statistics.last_success_at,
        duration_p50=quantile(statistics.durations, 0.5),
        duration_p99=quantile(statistics.durations, 0.99),
    )


def quantile(histogram: Histogram, share: float) -> float | None:
    """The value below which *share* of all lie, as if they were spread evenly within each bound; None without any.

    What lies above the last bound counts as the last bound.
    """
    counts = list(histogram.counts)
    wanted = share * sum(counts)
    if not wanted:
        return None
    below, lower = 0, 0.0
    for bound, count in zip(histogram.bounds, counts, strict=False):
        if count and below + count >= wanted:
            return lower + (bound - lower) * (wanted - below) / count
        below, lower = below + count, bound
    return lower
