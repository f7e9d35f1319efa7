"""What a store has in one process: threads, connections, sockets.

A forked child makes its own and leaves the parent's alone (`Process.abandon`).
"""

from __future__ import annotations

import os
import secrets
import threading
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, cast

from headrace.store import file
from headrace.store.committer import Committer
from headrace.store.connection import Reconnecting
from headrace.store.listener import Listener
from headrace.store.reader import Reader
from headrace.store.wakeup import Bell, WakeSocket, socket_directory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import apsw

    from headrace.abc import Clock
    from headrace.store.forking import Activity
    from headrace.store.group import Entry

CLOSE_SECONDS = 10.0


class Settings(Protocol):
    """What `Process` needs to know of its store."""

    path: Path
    durability: file.Durability
    clock: Clock
    random: Random | None
    wait_seconds: float


class Process:
    """What belongs to one process: threads, connections, sockets. A forked child makes its own."""

    def __init__(self, store: Settings, connection: apsw.Connection | None = None) -> None:
        self.pid = os.getpid()
        self.owner = secrets.token_hex(6)
        self.listeners: dict[int, Listener] = {}
        # Message ids are no secrets; each process has its own stream of them.
        random = store.random or Random(secrets.randbits(128))  # noqa: S311
        self.sockets = socket_directory(file.run_directory_of(store.path))
        self._writing = Reconnecting(store.path, random, durability=store.durability)
        if connection is not None:
            self._writing.adopt(connection)
        self._reading = Reconnecting(
            store.path, random, durability=store.durability, read_only=True
        )
        self._bell = Bell(self.sockets, self.owner)
        self._resting: list[Activity] = []
        self.committer = Committer(
            store.path,
            self._writing,
            turnstile=file.turnstile(store.path),
            bell=self._bell,
            clock=store.clock,
            wait_seconds=store.wait_seconds,
            deliver=self.deliver,
        )
        self._reader: Reader | None = None
        self._store = store
        self._lock = threading.Lock()

    @property
    def reader(self) -> Reader:
        """The reading thread, started when it is first needed."""
        if self._reader is None:
            with self._lock:
                if self._reader is None:
                    self._reader = Reader(self._reading, self._store.clock, deliver=self.deliver)
        return self._reader

    def listener(self, loop: asyncio.AbstractEventLoop) -> Listener:
        """The listener of *loop*, which is the running one; made when it is first asked for."""
        found = self.listeners.get(id(loop))
        if found is None or found.loop is not loop:
            socket = WakeSocket(self.sockets, self.owner)
            found = Listener(loop, self._store.clock, socket, look=self.committer.look)
            for other in list(self.listeners.values()):
                if other.loop.is_closed():  # its number may be ours now
                    self._forget(other.loop)
            with self._lock:
                self.listeners = {**self.listeners, id(loop): found}
        return found

    def deliver(self, entries: Sequence[Entry], told: Mapping[str, int]) -> None:
        """Hand results to their callers and *told* to the loops that care: one callback a loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Entry]] = {}
        for entry in entries:
            if entry.future is not None:
                by_loop.setdefault(entry.future.get_loop(), []).append(entry)
            elif entry.done is not None:
                entry.done.release()
        if told:
            for listener in self.listeners.values():
                if listener.topics.wants(told):
                    by_loop.setdefault(listener.loop, [])
        for loop, theirs in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._arrive, loop, theirs, told)
            except RuntimeError:  # the loop was closed: nobody is left to be told
                self._forget(loop)

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            listeners = dict(self.listeners)
            listener = listeners.pop(id(loop), None)
            self.listeners = listeners
        if listener is not None:
            listener.close()

    def _arrive(
        self, loop: asyncio.AbstractEventLoop, entries: Sequence[Entry], told: Mapping[str, int]
    ) -> None:
        """On *loop*: what changed first, so that a waiter's count is right before results are seen."""
        listener = self.listeners.get(id(loop))
        if told and listener is not None:
            listener.topics.note(told)
        for entry in entries:
            future = cast("asyncio.Future[Any]", entry.future)
            if future.done():  # cancelled: what was done stays done
                continue
            if entry.error is None:
                future.set_result(entry.result)
            else:
                future.set_exception(entry.error)

    def close(self) -> None:
        """Finish what was submitted and give everything back."""
        for listener in self.listeners.values():
            listener.close()
        if self._reader is not None:
            self._reader.close(CLOSE_SECONDS)
        self.committer.close(CLOSE_SECONDS)

    def before_fork(self) -> None:
        """Wait until our threads are outside SQLite, and close its connections; their next use opens others."""
        at_work = [(self.committer.busy, self._writing)]
        if self._reader is not None:
            at_work.append((self._reader.busy, self._reading))
        for activity, connection in at_work:
            if activity.rest():
                self._resting.append(activity)
                connection.discard()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        while self._resting:
            self._resting.pop().go_on()

    def abandon(self) -> None:
        """In a forked child: close our copies of sockets, leave files, names and what is still open to the parent."""
        self._writing.abandon()
        self._reading.abandon()
        self._bell.close()
        for listener in self.listeners.values():
            listener.abandon()
