"""A queue's settings and what can be read of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedrivePolicy:
    """Where a message goes that was received ``max_receive_count`` times without a delete."""

    dead_letter_queue: str
    max_receive_count: int


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A standard queue's settings, with the defaults and ranges that SQS has.

    Visibility timeout 0-43,200 s, delay 0-900 s, retention 60-1,209,600 s, message size
    1,024-1,048,576 bytes of body and attributes together.
    """

    name: str
    visibility_timeout_seconds: int = 30
    delay_seconds: int = 0
    retention_seconds: int = 345_600
    message_bytes_max: int = 1_048_576
    redrive_policy: RedrivePolicy | None = None


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """Backlog and age of a queue, as SQS counts them (semantics F).

    ``visible``, ``in_flight`` and ``delayed`` are the three ApproximateNumberOfMessages…;
    ``age_of_oldest_seconds`` is ApproximateAgeOfOldestMessage: of the oldest message that is not
    deleted, 0 where there is none.
    """

    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    age_of_oldest_seconds: float = 0.0

    @property
    def total(self) -> int:
        """Every message that is not deleted."""
        return self.visible + self.in_flight + self.delayed
