"""How much memory a worker process holds."""

from __future__ import annotations

import contextlib
import os
import resource
import sys

_PAGE_BYTES = resource.getpagesize()
_DEPTH = 4
_READ_BYTES = 4096


class ResidentSize:
    """The resident size of a process and of its children, as often as asked; some 10 µs each time.

    Linux only: elsewhere it is 0, and a memory limit is not watched. Children that a thread other than the main
    one has started, and those that were handed to another parent, are not seen.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._statm = -1
        if sys.platform == "linux":
            # Kept open it means this process for ever, whatever becomes of its number.
            with contextlib.suppress(OSError):
                self._statm = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)

    def bytes_now(self) -> int:
        """The process with its children."""
        if self._statm < 0:
            return 0
        try:
            own = _resident(os.pread(self._statm, _READ_BYTES, 0))
        except OSError:
            return 0
        return own + sum(_size_of(child, _DEPTH) for child in _children(self._pid))

    def close(self) -> None:
        """Give the descriptor back. Idempotent."""
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1


def _resident(statm: bytes) -> int:
    return int(statm.split(b" ", 2)[1]) * _PAGE_BYTES


def _size_of(pid: int, depth: int) -> int:
    try:
        own = _resident(_read(f"/proc/{pid}/statm"))
    except (OSError, IndexError):
        return 0
    return own + (sum(_size_of(child, depth - 1) for child in _children(pid)) if depth else 0)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)
