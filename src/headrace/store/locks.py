"""File locks between processes: a turnstile for writers, and one engine at a time.

SQLite alone lets a busy writer overtake a small one for as long as it likes, since waiting there means to try again after a
sleep. Here a writer holds ``next`` while it waits for ``turn``: whoever just wrote comes back to ``next`` and finds it
taken. The kernel wakes waiters and frees the locks of a process that dies. The locks order writers, no
more; that two transactions never run at once is SQLite's own promise.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from headrace.errors import StoreRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

MODE = 0o600

# A child of fork() shares our locks: it must not keep them alive when we die, nor close what it doesn't own.
_descriptors: set[int] = set()


def _after_fork_in_child() -> None:
    while _descriptors:
        os.close(_descriptors.pop())


os.register_at_fork(after_in_child=_after_fork_in_child)


def open_lock_file(path: Path) -> int:
    """Open (or make) a file to be locked, for this process only: not inherited by programs that it starts."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
    if os.fstat(descriptor).st_mode & 0o777 != MODE:
        os.fchmod(descriptor, MODE)
    _descriptors.add(descriptor)
    return descriptor


def close_lock_file(descriptor: int) -> None:
    """Close what `open_lock_file` gave, unless a fork has done so; frees its lock."""
    if descriptor in _descriptors:
        _descriptors.remove(descriptor)
        os.close(descriptor)


class Turnstile:
    """The pair of locks through which every writing transaction goes."""

    def __init__(self, directory: Path) -> None:
        self._next = open_lock_file(directory / "next")
        self._turn = open_lock_file(directory / "turn")

    def enter(self, before_waiting: Callable[[], None]) -> None:
        """Wait for our turn; *before_waiting* is called once if it doesn't come at once."""
        waited = _take(self._next, before_waiting)
        try:
            _take(self._turn, (lambda: None) if waited else before_waiting)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)

    def try_enter(self) -> bool:
        """Take the turn if nobody has it or waits for it."""
        try:
            fcntl.flock(self._next, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        return True

    def leave(self) -> None:
        """Let the next one in."""
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the files back, and with them what is locked."""
        close_lock_file(self._next)
        close_lock_file(self._turn)


def _take(descriptor: int, before_waiting: Callable[[], None]) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        before_waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    return False


class EngineLock:
    """The right to be the one engine that runs on a store. A context manager; freed by the system when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise `StoreRefusedError` that names the holder's process id."""
        descriptor = open_lock_file(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            close_lock_file(descriptor)
            raise StoreRefusedError(
                f"another engine (process {holder}) runs on this store: stop it first, or give this one a store of its own"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor in _descriptors and descriptor is not None:
            os.ftruncate(descriptor, 0)
            close_lock_file(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
