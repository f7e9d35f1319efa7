"""Wall time from the operating system: the one place that reads it."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's own wall clock."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()  # noqa: TID251 - this is the Clock that everybody else is given
