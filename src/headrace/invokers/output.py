"""A worker's standard output or error: from a pipe to log lines, bounded whatever the handler prints.

The pipe is always read, so that a handler never blocks on it. Lines are cut at a length, and what exceeds a number of
bytes and lines a second is dropped and counted in one line, once there is room again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_READ_BYTES = 65536
MAX_LINE_BYTES = 16_384
MAX_BYTES_PER_SECOND = 1_048_576
MAX_LINES_PER_SECOND = 2_000
_DRAIN_READS = 16  # a pipe holds one read's worth: more is a flood that goes on


class OutputPipe:
    """Reads one pipe and gives its lines to *emit*, decoded and without their ends.

    ``writable`` is the end for the worker. All methods belong to one loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, emit: Callable[[str], None]) -> None:
        self._loop = loop
        self._emit = emit
        self._readable, self.writable = os.pipe()
        os.set_blocking(self._readable, False)
        self._partial = bytearray()
        self._cut_bytes = 0
        self._is_resyncing = False
        self._period_end = 0.0
        self._bytes = 0
        self._lines = 0
        self._dropped_bytes = 0
        loop.add_reader(self._readable, self._read)

    def close_writable(self) -> None:
        """Give up our copy of the worker's end."""
        if self.writable >= 0:
            os.close(self.writable)
            self.writable = -1

    def drain(self) -> None:
        """Read what has been written up to now, a flood only in part."""
        for _ in range(_DRAIN_READS):
            if not self._read():
                return

    def flush(self) -> None:
        """Read what has been written up to now and emit it all, a line without its end too."""
        self.drain()
        if self._partial or self._cut_bytes:
            self._end_line()

    def close(self) -> None:
        """Read what is left, emit an unfinished line, and close. Idempotent."""
        if self._readable < 0:
            return
        self.flush()
        self._loop.remove_reader(self._readable)
        os.close(self._readable)
        self._readable = -1
        self.close_writable()
        self._report_dropped()

    def _read(self) -> bool:
        """Take one chunk; returns whether there may be more."""
        if self._readable < 0:
            return False
        try:
            data = os.read(self._readable, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            # Every writer is gone. Without this the loop would be woken for ever.
            self._loop.remove_reader(self._readable)
            return False
        self._take(data)
        return len(data) == _READ_BYTES

    def _take(self, data: bytes) -> None:
        if not self._has_room(len(data)):
            self._dropped_bytes += len(data)
            # What follows is the rest of a line whose beginning is lost.
            self._is_resyncing = not data.endswith(b"\n")
            return
        start = 0
        if self._is_resyncing:
            start = data.find(b"\n") + 1
            if start == 0:
                self._dropped_bytes += len(data)
                return
            self._dropped_bytes += start
            self._is_resyncing = False
        while (end := data.find(b"\n", start)) >= 0:
            self._append(data[start:end])
            self._end_line()
            start = end + 1
        self._append(data[start:])

    def _has_room(self, count: int) -> bool:
        now = self._loop.time()
        if now >= self._period_end:
            self._report_dropped()
            self._period_end = now + 1.0
            self._bytes = self._lines = 0
        if self._bytes >= MAX_BYTES_PER_SECOND or self._lines >= MAX_LINES_PER_SECOND:
            return False
        self._bytes += count
        return True

    def _append(self, data: bytes) -> None:
        room = MAX_LINE_BYTES - len(self._partial)
        self._partial += data[:room]
        self._cut_bytes += max(0, len(data) - room)

    def _end_line(self) -> None:
        text = self._partial.decode("utf-8", "backslashreplace")
        if self._cut_bytes:
            text += f" … ({self._cut_bytes} more bytes)"
        self._partial.clear()
        self._cut_bytes = 0
        # Lambda's client keeps the lines of a traceback together by carriage returns.
        for line in text.rstrip("\r").split("\r"):
            self._lines += 1
            self._emit(line)

    def _report_dropped(self) -> None:
        if self._dropped_bytes:
            dropped, self._dropped_bytes = self._dropped_bytes, 0
            self._emit(
                f"headrace: {dropped} bytes of output dropped: more than a log takes in a second"
            )
