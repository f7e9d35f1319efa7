"""When the visibility of records in hand is extended, and by how much.

A record is extended when two thirds of the time for which it is hidden have passed, for the queue's own visibility timeout
from then on: a handler that is faster than that costs nothing, and after a kill nothing stays hidden for longer than one
visibility timeout. SQS ends every extension twelve hours after the receive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.model.record import Record

RENEW_AT = 2 / 3
VISIBILITY_SECONDS_MAX = 43_200.0


@dataclass(slots=True, eq=False)
class Hold:
    """Records of one receive that we hold, and until when they are hidden. Times are loop time.

    ``received_at`` is the moment before the receive was asked for, so that a slow answer makes us early,
    never late. ``hidden_until`` moves with each extension.
    """

    records: list[Record]
    received_at: float
    visibility_seconds: float
    hidden_until: float = field(init=False)
    renew_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.hidden_from(self.received_at)

    @property
    def returns_at(self) -> float:
        """When AWS would show the records again if they were not deleted."""
        return self.received_at + self.visibility_seconds

    def has_lapsed(self, now: float) -> bool:
        """Whether others can have received the records by now. A queue may hide nothing at all."""
        return self.visibility_seconds > 0 and now > self.hidden_until

    def hidden_from(self, moment: float, seconds: float | None = None) -> None:
        """Note that the records were hidden at *moment* for *seconds* (default: the visibility timeout)."""
        seconds = self.visibility_seconds if seconds is None else seconds
        self.hidden_until = moment + seconds
        self.renew_at = moment + seconds * RENEW_AT

    def split(self, count: int) -> Hold:
        """Keep the first *count* records; return a hold of the others with the same times."""
        rest = Hold(self.records[count:], self.received_at, self.visibility_seconds)
        rest.hidden_until, rest.renew_at = self.hidden_until, self.renew_at
        self.records = self.records[:count]
        return rest

    def extension_seconds(self, now: float) -> float | None:
        """For how long to hide the records from *now* on; None where no more can be had."""
        left = self.received_at + VISIBILITY_SECONDS_MAX - now
        if self.visibility_seconds <= 0 or left <= 0:
            return None
        return min(self.visibility_seconds, left)
