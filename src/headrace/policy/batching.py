"""When a batch is full (semantics B.1, "Flush rule").

A batch closes at the first of three: it holds *batch size* records, the next record would bring the encoded
event above the payload limit, or its window is over. The window opens with the first record of an
empty batch and is never longer than the setting (semantics J24). There is one open batch a mapping
(J25). An event is never above the payload limit; a record that alone is larger travels alone, since there is
nothing left to split: whether the function takes it is for the function to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from headrace.model.mapping import PAYLOAD_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headrace.model.record import Record
    from headrace.policy.heartbeat import Hold

EVENT_PREFIX = b'{"Records":['
EVENT_SUFFIX = b"]}"
ENVELOPE_BYTES = len(EVENT_PREFIX) + len(EVENT_SUFFIX)


class FlushReason(StrEnum):
    """What closed a batch."""

    SIZE = "size"
    PAYLOAD = "payload"
    WINDOW = "window"
    AVAILABLE = "available"
    """No window is set: whatever one receive gives is handed over at once."""
    STOP = "stop"


class Batch(NamedTuple):
    """What is invoked once: holds in the order of receipt, and what closed the batch."""

    holds: tuple[Hold, ...]
    reason: FlushReason

    @property
    def records(self) -> list[Record]:
        """Every record, in order."""
        return [record for hold in self.holds for record in hold.records]


def encode_event(records: Sequence[Record]) -> bytes:
    """The event that a handler gets, as JSON."""
    return EVENT_PREFIX + b",".join([record.encoded for record in records]) + EVENT_SUFFIX


def event_bytes(records: Sequence[Record]) -> int:
    """The size of the event of *records* without building it."""
    return (
        ENVELOPE_BYTES + sum(len(record.encoded) for record in records) + max(len(records) - 1, 0)
    )


def fitting(records: Sequence[Record], *, used_bytes: int, payload_bytes_max: int) -> int:
    """How many of *records*, from the first on, an event that has *used_bytes* can still take.

    ``used_bytes`` is 0 for an empty batch, whose first record always fits.
    """
    size = used_bytes
    for index, record in enumerate(records):
        size += len(record.encoded) + (1 if size else ENVELOPE_BYTES)
        if size > payload_bytes_max and (index or used_bytes):
            return index
    return len(records)


@dataclass(slots=True)
class OpenBatch:
    """The one batch that a mapping is collecting. The loop asks it; it never waits."""

    size_max: int
    window_seconds: float
    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    deadline: float | None = None
    """Loop time at which the window ends; None while the batch is empty."""
    _holds: list[Hold] = field(default_factory=list)
    _count: int = 0
    _bytes: int = 0
    _payload_full: bool = False

    @property
    def count(self) -> int:
        """Records in the batch."""
        return self._count

    @property
    def room(self) -> int:
        """How many more records the batch may hold by number."""
        return 0 if self._payload_full else self.size_max - self._count

    def add(self, hold: Hold, *, now: float) -> Hold | None:
        """Take in what one receive gave (at most ``room`` records).

        What would bring the event above the payload limit is split off and returned: it begins the next batch.
        """
        if not hold.records:
            return None
        if self.deadline is None:
            self.deadline = now + self.window_seconds
        taken = fitting(
            hold.records, used_bytes=self._bytes, payload_bytes_max=self.payload_bytes_max
        )
        rest = hold.split(taken) if taken < len(hold.records) else None
        self._payload_full = rest is not None
        if taken:
            added = sum(len(record.encoded) for record in hold.records) + taken
            self._bytes += added if self._bytes else ENVELOPE_BYTES + added - 1
            self._count += taken
            self._holds.append(hold)
        return rest

    def due(self, now: float) -> FlushReason | None:
        """Why the batch is to be handed over now, or None."""
        if self._payload_full:
            return FlushReason.PAYLOAD
        if self._count >= self.size_max:
            return FlushReason.SIZE
        if self.deadline is not None and now >= self.deadline:
            return FlushReason.WINDOW
        return None

    def flush(self, reason: FlushReason) -> Batch:
        """Close the batch and begin an empty one."""
        batch = Batch(tuple(self._holds), reason)
        self._holds, self._count, self._bytes = [], 0, 0
        self.deadline, self._payload_full = None, False
        return batch


def batches_of(hold: Hold, *, payload_bytes_max: int = PAYLOAD_BYTES_MAX) -> Iterator[Batch]:
    """Cut what one receive gave into batches within the payload limit; nearly always one."""
    rest: Hold | None = hold
    while rest is not None:
        part = rest
        taken = fitting(part.records, used_bytes=0, payload_bytes_max=payload_bytes_max)
        rest = part.split(taken) if taken < len(part.records) else None
        reason = FlushReason.AVAILABLE if rest is None else FlushReason.PAYLOAD
        yield Batch((part,), reason)
