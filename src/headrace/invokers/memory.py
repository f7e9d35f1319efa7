"""How much memory a worker process holds."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sys

_PAGE_BYTES = resource.getpagesize()
_DEPTH = 4
_READ_BYTES = 4096
_PROPORTIONAL = re.compile(rb"^Pss: +(\d+) kB", flags=re.MULTILINE)


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

    def bytes_now(self, limit: int) -> int:
        """What process and children hold. A page that they share counts for each, unless that exceeds *limit*.

        Then it is counted once, at a hundred times the cost.
        """
        if self._statm < 0:
            return 0
        try:
            own = _resident(os.pread(self._statm, _READ_BYTES, 0))
        except (OSError, IndexError):
            return 0
        family = _family(self._pid, _DEPTH)
        total = own + sum(map(_resident_of, family))
        if not family or total <= limit:
            return total
        return max(own, sum(map(_proportional_of, [self._pid, *family])))

    def close(self) -> None:
        """Give the descriptor back. Idempotent."""
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1


def _resident(statm: bytes) -> int:
    return int(statm.split(b" ", 2)[1]) * _PAGE_BYTES


def _family(pid: int, depth: int) -> list[int]:
    """The children of a process, and theirs."""
    try:
        children = [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []
    if depth:
        for child in tuple(children):
            children += _family(child, depth - 1)
    return children


def _resident_of(pid: int) -> int:
    try:
        return _resident(_read(f"/proc/{pid}/statm"))
    except (OSError, IndexError):
        return 0


def _proportional_of(pid: int) -> int:
    """The resident size in which a page shared by n processes counts as 1/n."""
    try:
        rollup = _read(f"/proc/{pid}/smaps_rollup")
    except OSError:
        return _resident_of(pid)
    found = _PROPORTIONAL.search(rollup)
    return int(found[1]) * 1024 if found else 0


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)
