"""The thread that reads: on a connection of its own, so that a long look delays no commit and no loop."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

import apsw

from headrace.errors import StoreError
from headrace.store import group
from headrace.store.forking import Activity
from headrace.store.transaction import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headrace.abc import Clock
    from headrace.store.connection import Reconnecting
    from headrace.store.group import Entry


class Reader:
    """Runs operations that change nothing, one after another."""

    def __init__(
        self,
        connection: Reconnecting,
        clock: Clock,
        *,
        deliver: Callable[[Sequence[Entry], Mapping[str, int]], None],
    ) -> None:
        self.busy = Activity()
        self._connection = connection
        self._clock = clock
        self._deliver = deliver
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="headrace store reader", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> None:
        """Have *entry* done."""
        self._queue.put(entry)

    def close(self, timeout_seconds: float) -> None:
        """Finish what was submitted, then close the connection and end. Idempotent."""
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            self._serve(entry)
            self._deliver((entry,), {})
            del entry  # or an idle thread would keep the last caller's things alive
        self._connection.discard()

    def _serve(self, entry: Entry) -> None:
        try:
            with self.busy:
                group.read(self._connection.ready(), entry, milliseconds(self._clock))
        except apsw.Error as error:
            entry.error = self._connection.failed(error, doing="reading")
        except StoreError as error:
            entry.error = error
