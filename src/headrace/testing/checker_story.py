"""What is known of one record, and how it reads in a sentence and in a sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.testing.checker_causes import Delivery
    from headrace.testing.checker_report import Report


@dataclass(slots=True, eq=False)
class Story:
    """One record, from its sender to its end."""

    name: str
    digest: str = ""
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    disturbed: int = 0
    """How many disturbances there had been when it was first sent."""
    deliveries: int = 0
    crashes: int = 0
    successes: int = 0
    dead_letters: int = 0
    dropped: int = 0
    received: bool = False
    gone_at: float | None = None
    """Since when it is deleted or set aside."""
    deleted: bool = False
    last: Delivery | None = None

    @property
    def copies(self) -> int:
        """How many of it may be in the source, at most."""
        return max(self.sent, self.accepted) - self.refused

    @property
    def resolutions(self) -> int:
        """How often it came to a final state."""
        return self.successes + self.dead_letters + self.dropped

    @property
    def failed_last(self) -> bool:
        """Whether its last delivery reported a failure of it."""
        return self.last is not None and self.name in self.last.failed

    def end(self) -> str:
        """Describe where it stood, as the end of a sentence."""
        before = self.last
        if self.deleted:
            return f"after it had been deleted at {self.gone_at:.3f} s"
        if self.gone_at is not None:
            return f"after it had been set aside at {self.gone_at:.3f} s"
        if before is None:
            return "and was never handed over"
        invocation = f"invocation {before.invocation} of engine {before.engine}"
        if before.ended_at is None:
            return f"after {invocation}, begun at {before.started_at:.3f} s, whose end nobody saw"
        verb = "failed with it" if self.failed_last else "handled it"
        return f"after {invocation} {verb} at {before.ended_at:.3f} s"

    def add_to(self, report: Report) -> None:
        """Count this record."""
        unknown = max(self.copies - self.accepted, 0)
        report.attempted += max(self.sent, self.accepted)
        report.accepted += self.accepted
        report.refused += self.refused
        report.unknown += unknown
        report.recovered += min(unknown, max(self.resolutions - self.accepted, 0))
        report.handled += self.successes > 0
        report.handled_more_than_once += self.successes > max(self.copies, 1)
        report.dead_lettered += self.dead_letters > 0
        report.handled_and_dead_lettered += self.dead_letters > 0 and self.successes > 0
        report.dropped += self.dropped > 0
        report.deliveries += self.deliveries
