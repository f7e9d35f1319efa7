"""How long to wait before trying again: doubling, capped, with the jitter given."""

from __future__ import annotations

from dataclasses import dataclass


def backoff_seconds(attempt: int, *, first: float, maximum: float, draw: float) -> float:
    """The wait after *attempt* failures in a row (1-based).

    Doubles from *first* up to *maximum*. *draw*, from 0 to 1, spreads waits over the upper half of
    the interval, so that what failed together does not come back together.
    """
    doubled = first * 2.0 ** min(attempt - 1, 62)
    whole = min(doubled, maximum)
    return whole * (0.5 + 0.5 * draw)


@dataclass(slots=True)
class Backoff:
    """Failures in a row, and the wait that follows from them."""

    seconds_first: float = 0.1
    seconds_max: float = 10.0
    attempts: int = 0

    def next_seconds(self, draw: float) -> float:
        """Count one more failure and answer how long to wait after it."""
        self.attempts += 1
        return backoff_seconds(
            self.attempts, first=self.seconds_first, maximum=self.seconds_max, draw=draw
        )

    def reset(self) -> None:
        """Forget the failures: something went well."""
        self.attempts = 0
