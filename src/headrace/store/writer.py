"""The store's door: operations go in, a thread commits them in groups, results come back once they are durable.

Theory of operation. One thread writes. It takes whatever waits in its queue, passes the turnstile that orders the writers
of all processes, runs all of it in one transaction (`group`), and only then hands out results: one
callback a loop, whatever the number of operations. While a commit waits for the disk the next group gathers, so the busier the
store, the more operations share a commit. Reads run on a connection and thread of their own and never wait for writers.

*Outcome*. A result means: committed, and with full durability it survives a power cut. `StoreUnavailableError` means: not
committed, with one exception that its text names (the disk failed during the commit; then the truth is in the file). A
caller that is cancelled while it awaits `write` does not undo anything: the operation runs, unknown to it.

*Trouble*. A full disk, a failed read or write, a lock that another program holds: every operation of the group gets
`StoreUnavailableError`, a connection that may not know the truth any more is closed, and the next group tries again with a
new one. So the store heals by itself. Waiting for other writers is bounded by `wait_seconds`: the thread itself waits in the
kernel, and a watch thread, which exists only once somebody had to wait, gives the callers their error in time and has
further ones refused at once until the turn comes.

*Waking*. A transaction tells topics; after the commit this process's loops hear of it in the same callback as their results,
other processes by datagrams (`wakeup`). Every `LOOK_SECONDS`, while somebody waits, the thread also asks SQLite whether anybody
else committed: that finds what a lost datagram or a program without our code changed.

*Fork*. A child starts anew with the first call: own thread, connections, sockets, randomness. The parent's connections
are left alone there, or rather closed before the fork (`forking`): a fork waits until the writer is between two transactions.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from headrace.aio.clock import SystemClock
from headrace.errors import StoreUnavailableError
from headrace.store import file, forking
from headrace.store.file import Durability
from headrace.store.group import ALONE, Entry
from headrace.store.process import Process

if TYPE_CHECKING:
    from random import Random
    from types import TracebackType

    from headrace.abc import Clock
    from headrace.store.changes import Changes
    from headrace.store.locks import EngineLock
    from headrace.store.transaction import CombinedOperation, Operation, R, T


class Store:
    """A store in a file, shared by threads, event loops and processes. Open one with `Store.open`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability | str = Durability.FULL,
        clock: Clock | None = None,
        random: Random | None = None,
        wait_seconds: float = 30.0,
    ) -> None:
        self.path = Path(path).absolute()
        self.durability = Durability(durability)
        self.clock: Clock = SystemClock() if clock is None else clock
        self.random = random
        self.wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._closed = False
        self._process: Process | None = None
        forking.register(self)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        verify: bool = False,
        durability: Durability | str = Durability.FULL,
        clock: Clock | None = None,
        random: Random | None = None,
        wait_seconds: float = 30.0,
    ) -> Store:
        """Open the store at *path*, made first if there is none and *create* is set.

        Raises `StoreRefusedError` for a file that must not be used. *verify* reads files of up to 256 MB
        whole to find damage. Blocks for some milliseconds.
        """
        store = cls(
            path, durability=durability, clock=clock, random=random, wait_seconds=wait_seconds
        )
        with forking.opening:
            connection = file.connect(store.path, create=create, durability=store.durability)
            try:
                if verify:
                    file.verify(connection)
                store._process = Process(store, connection)
            except BaseException:
                connection.close()
                raise
        return store

    def engine_lock(self) -> EngineLock:
        """The right to be the one engine on this store, not yet taken."""
        return file.engine_lock(self.path)

    async def write(self, operation: Operation[T]) -> T:
        """Run *operation* and return its result once it is committed.

        A cancelled caller does not undo the operation. Raises what the operation raises, and `StoreError`.
        """
        return cast("T", await self._submitted(operation, ALONE))

    async def write_combined(self, operation: CombinedOperation[R, T], request: R) -> T:
        """Like `write`, for an *operation* that serves all requests for it in a group with one call.

        What belongs together is told by identity: every caller gives the same object.
        """
        return cast("T", await self._submitted(operation, request))

    def write_sync(self, operation: Operation[T]) -> T:
        """Like `write`, blocking the calling thread, which runs no event loop that others need."""
        entry = Entry(operation, done=_held_lock())
        self._running().committer.submit(entry)
        return cast("T", _awaited(entry))

    async def read(self, operation: Operation[T]) -> T:
        """Run *operation*, which changes nothing, on a consistent view of what is committed."""
        entry = Entry(operation, future=asyncio.get_running_loop().create_future())
        self._running().reader.submit(entry)
        return cast("T", await cast("asyncio.Future[Any]", entry.future))

    def read_sync(self, operation: Operation[T]) -> T:
        """Like `read`, blocking the calling thread."""
        entry = Entry(operation, done=_held_lock())
        self._running().reader.submit(entry)
        return cast("T", _awaited(entry))

    def changes(self, topic: str) -> Changes:
        """What the running event loop knows of *topic*; belongs to that loop."""
        return self._running().listener(asyncio.get_running_loop()).topics.changes(topic)

    def close(self) -> None:
        """Finish what was submitted, then give everything back. Idempotent; further calls are refused."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None and process.pid == os.getpid():
            process.close()

    async def aclose(self) -> None:
        """Like `close`, without blocking the loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def before_fork(self) -> None:
        """See `Process.before_fork`."""
        if self._process is not None:
            self._process.before_fork()

    def after_fork_in_parent(self) -> None:
        """See `Process.after_fork_in_parent`."""
        if self._process is not None:
            self._process.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Forget the parent's threads and connections; the next call makes our own."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            process.abandon()

    def _running(self) -> Process:
        process = self._process
        return self._started() if process is None else process

    def _started(self) -> Process:
        with self._lock:
            if self._closed:
                raise StoreUnavailableError(f"the store {self.path} was closed")
            if self._process is None:
                self._process = Process(self)
            return self._process

    def _submitted(self, operation: Any, request: object) -> asyncio.Future[Any]:  # noqa: ANN401
        future = asyncio.get_running_loop().create_future()
        self._running().committer.submit(Entry(operation, request, future=future))
        return future


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _awaited(entry: Entry) -> object:
    cast("threading.Lock", entry.done).acquire()
    if entry.error is not None:
        raise entry.error
    return entry.result
