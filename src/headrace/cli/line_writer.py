"""A thread that writes lines for a loop that must not wait for whoever reads them.

Theory of operation. What is to be written goes into a bounded queue, as a function that makes the lines: they are made in the thread,
too. A terminal that is held (Ctrl-S) or a pipe that nobody reads thus stops lines, not deliveries: what finds the queue
full is dropped, and how much that was is told as soon as there is room. Lines that wait are written together. When the
reader is gone for good, *gone* is called once and the rest is thrown away.
"""

from __future__ import annotations

import threading
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Lines = Callable[[], Iterable[str]]

QUEUED_MAX = 10_000
TOGETHER_MAX = 500


class LineWriter:
    """Writes lines by *write* in a thread of its own, from `start` until `close`.

    *dropped* makes the line that tells how many were dropped.
    """

    def __init__(
        self,
        write: Callable[[Sequence[str]], None],
        *,
        name: str,
        dropped: Callable[[int], str],
        gone: Callable[[], object] = lambda: None,
    ) -> None:
        self._write = write
        self._dropped = dropped
        self._gone = gone
        self._queue: Queue[Lines | None] = Queue(QUEUED_MAX)
        self._dropped_count = 0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, lines: Lines) -> None:
        """Have the lines that *lines* makes written, or dropped. Never waits; callable in any thread."""
        try:
            self._queue.put_nowait(lines)
        except Full:
            self._dropped_count += 1

    def close(self, timeout_seconds: float | None = None) -> None:
        """Write what is left, waiting at most *timeout_seconds* (None: as long as it takes)."""
        try:
            self._queue.put(None, timeout=timeout_seconds)
        except Full:
            return
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        try:
            while (together := self._taken()) is not None:
                self._write([line for lines in together for line in lines()])
                self._tell_dropped()
        except OSError:
            self._gone()
            while not self._ended:
                self._ended = self._queue.get() is None

    def _taken(self) -> list[Lines] | None:
        """What waits, at least one; None at the end."""
        first = None if self._ended else self._queue.get()
        if first is None:
            return None
        together = [first]
        try:
            while len(together) < TOGETHER_MAX:
                following = self._queue.get_nowait()
                if following is None:
                    self._ended = True
                    break
                together.append(following)
        except Empty:
            pass
        return together

    def _tell_dropped(self) -> None:
        if self._dropped_count and self._queue.qsize() < QUEUED_MAX // 2:
            count, self._dropped_count = self._dropped_count, 0
            self._write([self._dropped(count)])
