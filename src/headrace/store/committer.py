"""The thread that writes: it gathers what waits, commits it as one group, and hands results over.

Why there is one and what callers may rely on stands in `writer`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import apsw

from headrace.errors import StoreError, StoreUnavailableError
from headrace.store import group
from headrace.store.changes import EVERYTHING
from headrace.store.forking import Activity
from headrace.store.transaction import NOW, milliseconds
from headrace.store.upkeep import Upkeep
from headrace.store.wakeup import RETRY_SECONDS
from headrace.store.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from headrace.abc import Clock
    from headrace.store.connection import Reconnecting
    from headrace.store.group import Entry
    from headrace.store.locks import Turnstile
    from headrace.store.transaction import Transaction
    from headrace.store.wakeup import Bell

    Deliver = Callable[[Sequence[Entry], Mapping[str, int]], None]

GROUP_MAX = 250
WAITING_MAX = 20_000
_UPKEEP_COMMITS = 64
_UPKEEP_SECONDS = 0.05
_STOP = object()
_LOOK = object()


class _GivenUpError(Exception):
    """The callers have had their error while we waited for our turn."""


class Committer:
    """Writes groups of entries to one store, in a thread of its own."""

    def __init__(
        self,
        path: Path,
        connection: Reconnecting,
        *,
        turnstile: Turnstile,
        bell: Bell,
        clock: Clock,
        wait_seconds: float,
        deliver: Deliver,
    ) -> None:
        self.busy = Activity()
        self._connection = connection
        self._turnstile = turnstile
        self._bell = bell
        self._clock = clock
        self._deliver = deliver
        self._queue: SimpleQueue[Entry | object] = SimpleQueue()
        self._watch = Watch(wait_seconds, self._give_up)
        self._wait_seconds = wait_seconds
        self._now_ms = 0
        self._upkeep = Upkeep(path)
        self._commits = 0
        self._keeping_up = False
        self._ended = False
        self._ours = False
        """Whether the entries under way are this thread's to settle, not the watch's."""
        self._data_version: int | None = None
        connection.wait_by(self._wait_for_lock)
        self._thread = threading.Thread(target=self._run, name="headrace store", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> None:
        """Have *entry* done. Raises `StoreUnavailableError` at once if that would take too long."""
        if self._watch.blocked:
            raise self._blocked_error()
        if self._queue.qsize() >= WAITING_MAX:
            raise StoreUnavailableError(
                f"{WAITING_MAX} operations wait for the store already: the disk does not keep up"
            )
        self._queue.put(entry)
        if self._ended:  # perhaps after the thread's own last look
            self._refuse_the_rest()

    def look(self) -> None:
        """Tell every topic if another process has committed something since the last look."""
        self._queue.put(_LOOK)

    def close(self, timeout_seconds: float) -> None:
        """Finish what was submitted, then close the connection and end. Idempotent."""
        self._queue.put(_STOP)
        self._thread.join(timeout_seconds)
        self._watch.close()

    def _run(self) -> None:
        try:
            while self._work():
                pass
        finally:  # a bug must not leave callers waiting
            self._ended = True
            self._refuse_the_rest()
            self._bell.close()
            self._connection.discard()
            self._turnstile.close()

    def _work(self) -> bool:
        """Wait for something to do and do it; returns whether to go on."""
        entries, looking, stopping = self._gather()
        if entries:
            self._serve(entries)
            self._commits += 1
        elif self._bell.pending:
            self._bell.ring({}, self._now_ms)
        if looking:
            self._look()
        if self._commits >= _UPKEEP_COMMITS or (self._upkeep.more and not entries):
            self._commits = 0
            self._keep_up()
        return not stopping

    def _refuse_the_rest(self) -> None:
        entries, _, _ = self._take_waiting([])
        for entry in entries:
            entry.error = StoreUnavailableError("the store was closed; nothing was written")
        if entries:
            self._deliver(entries, {})

    def _gather(self) -> tuple[list[Entry], bool, bool]:
        """Wait for something to do; returns entries, whether to look, whether to stop after them."""
        try:
            first = self._queue.get(timeout=self._patience())
        except Empty:
            return [], False, False
        return self._take_waiting([first])

    def _patience(self) -> float | None:
        """How long to wait for work before doing what is left over."""
        if self._bell.pending:
            return RETRY_SECONDS
        return _UPKEEP_SECONDS if self._upkeep.more else None

    def _take_waiting(self, items: list[object]) -> tuple[list[Entry], bool, bool]:
        with contextlib.suppress(Empty):
            while len(items) < GROUP_MAX:
                items.append(self._queue.get_nowait())
        entries = [item for item in items if item is not _STOP and item is not _LOOK]
        if len(entries) == len(items):
            return entries, False, False  # type: ignore[return-value]
        return entries, _LOOK in items, _STOP in items  # type: ignore[return-value]

    def _serve(self, entries: list[Entry]) -> None:
        self._ours = False
        self._watch.guard(entries)
        try:
            transaction = self._commit(entries)
        except _GivenUpError:
            return
        except apsw.Error as error:
            self._fail(entries, self._connection.failed(error, doing="committing"))
        except StoreError as error:
            self._fail(entries, error)
        except BaseException:
            self._fail(entries, StoreUnavailableError("the store's writer failed: a bug"))
            raise
        else:
            told = transaction.changed
            if told or self._bell.pending:  # before our callers, who may end the process at once
                self._bell.ring(told, self._now_ms)
            self._deliver(entries, told)

    def _commit(self, entries: list[Entry]) -> Transaction:
        try:
            self._turnstile.enter(self._watch.waiting)
        except OSError as error:
            raise StoreUnavailableError(f"the store can't be locked: {error.strerror}") from error
        try:
            with self.busy:
                transaction = self._connection.ready()
                group.commit(transaction, entries, self._begun)
                return transaction
        finally:
            self._turnstile.leave()

    def _begun(self) -> int:
        if not self._watch.begun():
            raise _GivenUpError
        self._ours = True
        self._now_ms = milliseconds(self._clock)
        return self._now_ms

    def _wait_for_lock(self, tries: int) -> bool:
        """SQLite's busy handler: a program without our turnstile writes."""
        if self._keeping_up:
            return False
        self._watch.waiting()
        time.sleep(min(0.001 * 2**tries, 0.05))
        return not self._watch.blocked

    def _keep_up(self) -> None:
        """Do a portion of upkeep, if it is our turn at once."""
        if self._turnstile.try_enter():
            self._keeping_up = True
            try:
                with self.busy:
                    self._upkeep.work(self._connection.ready().connection)
            except StoreError:
                pass  # the next write says what is wrong
            finally:
                self._keeping_up = False
                self._turnstile.leave()

    def _fail(self, entries: Sequence[Entry], error: Exception) -> None:
        if not self._ours and not self._watch.begun():
            return
        for entry in entries:
            entry.error = _copy_of(error)  # each caller raises its own
        self._deliver(entries, {})

    def _give_up(self, entries: Sequence[Entry]) -> None:
        """Called by the watch thread, which then owns *entries*."""
        for entry in entries:
            entry.error = self._blocked_error()
        self._deliver(entries, {})

    def _blocked_error(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"another process has held the store for {self._wait_seconds:g} seconds; nothing was written"
        )

    def _look(self) -> None:
        try:
            with self.busy:
                version = self._connection.ready().connection.pragma("data_version")
        except (apsw.Error, StoreError):
            return  # the next write will say what is wrong
        if version != self._data_version:
            self._data_version = version
            self._deliver((), {EVERYTHING: NOW})


def _copy_of(error: Exception) -> Exception:
    copy = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy
