"""Bound the time that callers wait for other writers, while the writer itself waits in the kernel."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.store.group import Entry

_TICK_SECONDS = 1.0


class Watch:
    """Takes entries away from a writer that waits too long for its turn.

    The writer hands its entries over with `guard`, says with `waiting` that the turn does not come at once, and takes them back
    with `begun`. Whichever of writer and watch thread comes first settles them; the other finds nothing.
    """

    def __init__(self, seconds: float, give_up: Callable[[Sequence[Entry]], None]) -> None:
        self.blocked = False
        """Set while the writer has been waiting for too long: whatever comes is to be refused at once."""
        self._seconds = seconds
        self._give_up = give_up
        self._lock = threading.Lock()
        self._entries: Sequence[Entry] | None = None
        self._since: float | None = None
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def guard(self, entries: Sequence[Entry]) -> None:
        """Entrust the watch with what the writer is about to wait for."""
        with self._lock:
            self._entries = entries

    def waiting(self) -> None:
        """Start to count, unless counting has started."""
        if self._since is None:
            self._since = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="headrace store watch", daemon=True
                )
                self._thread.start()
            self._wanted.set()

    def begun(self) -> bool:
        """Take the entries back; False if their callers have had an error in the meantime."""
        with self._lock:
            entries, self._entries = self._entries, None
            self._since = None
            self.blocked = False
        return entries is not None

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if self._closed:
                return
            since = self._since
            if since is None:  # the writer sets the event after this again if it has to wait
                self._wanted.clear()
                since = self._since
            if since is not None:
                self._look(since)
            time.sleep(min(_TICK_SECONDS, self._seconds / 4))  # under contention: one wake a second

    def _look(self, since: float) -> None:
        if time.monotonic() - since < self._seconds:
            return
        with self._lock:
            if self._since != since:
                return
            self.blocked = True
            entries, self._entries = self._entries, None
        if entries is not None:
            self._give_up(entries)
