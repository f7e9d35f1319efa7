"""Daemon threads for synchronous handlers.

A thread is started when a call finds none free, and reused after. Not `concurrent.futures`: its threads are
joined when the interpreter ends, so that one handler that never returns would hold up the exit.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from headrace.invokers.handler_call import Answered, Call, Handler, call_sync

if TYPE_CHECKING:
    from headrace.invokers.mailbox import Mailbox


class HandlerThreads:
    """Runs calls in threads and puts each answer into *done*.

    All methods belong to the engine's loop; a thread touches its queue and *done* only.
    """

    def __init__(
        self,
        handler: Handler,
        done: Mailbox[Answered],
        *,
        ascii_only: bool,
        name: str,
    ) -> None:
        self._handler = handler
        self._done = done
        self._ascii_only = ascii_only
        self._name = name
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._threads = 0
        self._taken = 0

    def submit(self, call: Call) -> None:
        """Run *call* at once, in a new thread if none is free."""
        self._taken += 1
        if self._taken > self._threads:
            self._threads += 1
            name = f"{self._name} {self._threads}"
            threading.Thread(target=self._run, name=name, daemon=True).start()
        self._calls.put(call)

    def release(self) -> None:
        """Count the thread of a finished call as free again."""
        self._taken -= 1

    def give_up(self, call: Call) -> None:
        """Nothing can end a thread: it stays taken until its handler returns."""

    def close(self) -> None:
        """End the threads that are free, and the others when their handlers return."""
        for _ in range(self._threads):
            self._calls.put(None)
        self._threads = 0

    def _run(self) -> None:
        handler, done, ascii_only = self._handler, self._done, self._ascii_only
        while (call := self._calls.get()) is not None:
            response = call_sync(handler, call.event, call.context, ascii_only=ascii_only)
            done.put(Answered(call, response))
            del response
            del call
