"""What is known of every order while the demonstration runs, from those it happened to.

Three witnesses, each outside the engine or at its edge: the producer's journal says what was sent, the payments service's
journal what was charged, the functions' own output what was printed. A fourth, the engine's report of each batch, tells sizes,
latency and repetitions; the verdict about orders does not rest on it.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from headrace.demo.orders import Kind
from headrace.invokers.function_log import STDOUT
from headrace.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from headrace.engine.statistics import BatchReport
    from headrace.invokers.function_log import LogLine

LATENCIES_KEPT = 2_000


class SentOrder(NamedTuple):
    """An order that the store has accepted."""

    order_id: str
    kind: Kind


class Latency(NamedTuple):
    """Seconds from the send of a record to the start of the handler that gets it first."""

    p50: float
    p95: float


@dataclass(slots=True)
class MappingLedger:
    """What the batches of one mapping were like."""

    batches: int = 0
    records: int = 0
    size_max: int = 0
    retries: int = 0
    """Records handed over again."""
    retries_unexplained: int = 0
    """Of these, the ones whose attempt before had not failed."""
    failed: int = 0
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    _failed_last: dict[str, bool] = field(default_factory=dict)

    def take(self, report: BatchReport) -> None:
        """Count one invocation."""
        self.batches += 1
        self.records += len(report.records)
        self.size_max = max(self.size_max, len(report.records))
        self.failed += len(report.failed)
        for record in report.records:
            failed_before = self._failed_last.get(record.record_id)
            if failed_before is not None:
                self.retries += 1
                self.retries_unexplained += not failed_before
            elif record.receive_count == 1:
                sent_ms = int(orjson.loads(record.encoded)["attributes"]["SentTimestamp"])
                self._latencies.append(max(0.0, report.started_at - sent_ms / 1000))
            self._failed_last[record.record_id] = record.record_id in report.failed

    def latency(self) -> Latency:
        """Of the last records that came for the first time; zeros while there are none."""
        ordered = sorted(self._latencies)
        if not ordered:
            return Latency(0.0, 0.0)
        return Latency(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)])


@dataclass(slots=True)
class Ledger:
    """Everything that was sent, and what became of it."""

    log: TextIO | None = None
    """Where what functions print is kept."""
    pace: str = "opening"
    sent: dict[str, SentOrder] = field(default_factory=dict)
    """By message id."""
    copies: int = 0
    at_the_counter: int = 0
    charged: Counter[str] = field(default_factory=Counter)
    """How often the payments service charged each order."""
    calls: Counter[str] = field(default_factory=Counter)
    """Calls of the payments service by outcome."""
    at_once_max: int = 0
    at_once_last: int = 0
    """The most calls at once since the last look."""
    printed: Counter[str] = field(default_factory=Counter)
    """Lines by function and first word: ``PrintOrders BODY``."""
    mappings: dict[str, MappingLedger] = field(default_factory=dict)

    def take_sent(self, lines: Iterable[dict[str, Any]]) -> None:
        """Take what the producer has written down."""
        for line in lines:
            if "id" in line:
                self.sent[line["id"]] = SentOrder(line["order"], Kind(line["kind"]))
            elif "pace" in line:
                self.pace = line["pace"]
            else:
                self.copies += line["copies"]
                self.at_the_counter += line["at_the_counter"]

    def take_calls(self, lines: Iterable[dict[str, Any]]) -> None:
        """Take what the payments service has written down."""
        self.at_once_last = 0
        for line in lines:
            self.calls[line["outcome"]] += 1
            self.at_once_last = max(self.at_once_last, line["at_once"])
            if line["outcome"] == "charged":
                self.charged[line["order"]] += 1
        self.at_once_max = max(self.at_once_max, self.at_once_last)

    def take_report(self, report: BatchReport) -> None:
        """Take what the engine says of one invocation."""
        if report.outcome is not Outcome.THROTTLED:
            self.mappings.setdefault(report.mapping_id, MappingLedger()).take(report)

    # As a sink of what functions print

    def is_enabled(self) -> bool:
        """Lines are wanted: they are counted."""
        return True

    def write(self, line: LogLine) -> None:
        """Count a line that a handler printed."""
        if self.log is not None:
            self.log.write(f"{line.function} {line.request_id or '-'} {line.text}\n")
        if line.stream == STDOUT:
            self.printed[f"{line.function} {line.text.partition(':')[0]}"] += 1

    @property
    def audited(self) -> int:
        """Copies that were printed."""
        return self.printed["PrintOrders BODY"]

    @property
    def called_out(self) -> int:
        """Orders that were shown at the counter."""
        return self.printed["ShowOrder ORDER_ID"]
