"""What a mapping has done: counters that its loops write and status, metrics and tests read.

Names follow semantics F where AWS has one. Only the event loop's thread writes; a reader in another thread sees
each number whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.model.mapping import MappingId
    from headrace.model.outcome import Outcome
    from headrace.model.record import Record
    from headrace.policy.batching import FlushReason

NO_RECORDS = "No records processed"
OK = "OK"
FAILED = "PROBLEM: Function call failed"


class BatchReport(NamedTuple):
    """One invocation that has ended, for whoever observes. Times are seconds since the epoch.

    ``failed`` holds ids of the records that failed. ``why`` is the error in words, empty after a success.
    """

    mapping_id: MappingId
    function: str
    request_id: str
    event: bytes
    records: Sequence[Record]
    reason: FlushReason
    started_at: float
    ended_at: float
    outcome: Outcome
    payload: bytes
    failed: frozenset[str]
    why: str


@dataclass(slots=True)
class Histogram:
    """Counts below fixed bounds, in Prometheus' sense: ``counts[i]`` are those at most ``bounds[i]``, not cumulated."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


SIZE_BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0, 10_000.0)
DURATION_BOUNDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
)


class Failure(NamedTuple):
    """The last failure of a mapping: which records, why, and when (seconds since the epoch)."""

    record_ids: tuple[str, ...]
    why: str
    at: float


@dataclass(slots=True)
class MappingStatistics:
    """Counters of one mapping since the engine started."""

    polled: int = 0
    """PolledEventCount: records read."""
    invoked: int = 0
    """InvokedEventCount: records handed over, counted again on each retry."""
    failed: int = 0
    """FailedInvokeEventCount: records of failing invocations; of partial ones those listed (semantics J14)."""
    deleted: int = 0
    """DeletedEventCount: records deleted after success."""
    retried: int = 0
    """Records handed over that had been received before."""
    dead_lettered: int = 0
    """Records that a receive of this mapping moved to the dead-letter queue."""
    released: int = 0
    """Records given back before their visibility timeout."""
    superseded: int = 0
    """Records that somebody else received before this mapping could settle them."""
    lapsed: int = 0
    """Records that were not handed over since their visibility had ended before they could be."""
    extended: int = 0
    """Extensions of visibility, in records."""
    source_errors: int = 0
    """Calls to the source that failed."""
    in_flight: int = 0
    """Invocations under way now."""
    in_flight_max: int = 0
    """The most invocations that were under way at once."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    """Invocations by outcome; throttled attempts count each."""
    flushes: Counter[FlushReason] = field(default_factory=Counter)
    """Batches by what closed them."""
    batch_sizes: Histogram = field(default_factory=lambda: Histogram(SIZE_BOUNDS))
    durations: Histogram = field(default_factory=lambda: Histogram(DURATION_BOUNDS))
    last_processing_result: str = NO_RECORDS
    last_failure: Failure | None = None
    last_success_at: float | None = None
    """Seconds since the epoch."""
    last_source_error: str = ""

    @property
    def batches(self) -> int:
        """Invocations that ended, throttled attempts left out."""
        return sum(self.durations.counts)
