"""A record: one unit of a source, kept as the bytes in which a handler will get it."""

from __future__ import annotations

from typing import NamedTuple, NewType

RecordId = NewType("RecordId", str)
"""What a handler names in ``batchItemFailures``: for a queue the message id."""


class Record(NamedTuple):
    """One record as received.

    ``encoded`` is the record's JSON object as it stands in the event's ``Records``, so a batch is a
    join of them and its size a sum of lengths. ``receipt`` belongs to the source that made it:
    nobody else looks inside. ``receive_count`` counts this receive, so the first is 1.
    """

    record_id: RecordId
    encoded: bytes
    receipt: object
    receive_count: int


class Received(NamedTuple):
    """What one receive gave: the records, and how many were set aside instead.

    ``dead_lettered`` counts records that this receive moved to the dead-letter queue because
    they had been received as often as the redrive policy allows. ``visibility_seconds`` is how long
    the records stay hidden from this receive on: the queue's own setting, as it was for this receive.
    """

    records: list[Record]
    dead_lettered: int = 0
    visibility_seconds: float = 30.0


class Settled(NamedTuple):
    """What became of a request to settle records.

    ``unsettled`` may be asked again with the same receipt: the source failed, or its answer is
    unknown. ``superseded`` have been received again since, or are gone: this receipt can't
    settle them any more and asking again is useless.
    """

    unsettled: tuple[Record, ...] = ()
    superseded: tuple[Record, ...] = ()


ALL_SETTLED = Settled()
