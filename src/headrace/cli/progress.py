"""A count that moves on a terminal while a long command works."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_EVERY_SECONDS = 0.1


class Progress:
    """Shows ``1,234 messages sent`` on standard error where that is a terminal, else nothing."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shows = sys.stderr.isatty()
        self._shown_at = time.monotonic()
        self._has_shown = False

    def show(self, count: int) -> None:
        """Say how far it is, a few times a second at most."""
        now = time.monotonic()
        if self._shows and now - self._shown_at >= _EVERY_SECONDS:
            self._shown_at, self._has_shown = now, True
            sys.stderr.write(f"\r{count:,} {self._what}\x1b[K")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._has_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
