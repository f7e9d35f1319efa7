"""The workers of one function, and who waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from headrace.invokers.worker_process import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.invokers.invocation import Invocation
    from headrace.invokers.program import Program
    from headrace.invokers.worker_process import WorkerProcess
    from headrace.model.function import FunctionSettings
    from headrace.model.outcome import Response

_BACKOFF_SECONDS_FIRST = 0.1
_BACKOFF_SECONDS_MAX = 1.0
_INIT_BACKOFF_SECONDS_MAX = 5.0


class FunctionPool:
    """Bookkeeping alone: nothing here waits, starts or ends a worker."""

    def __init__(self, settings: FunctionSettings) -> None:
        self.settings = settings
        self.workers: set[WorkerProcess] = set()
        self.waiting: deque[Invocation] = deque()
        self.in_flight = 0
        self.preparing = asyncio.Lock()
        self.program: Program | None = None
        self.start_after = 0.0  # loop time
        self.is_empty = asyncio.Event()
        self.is_empty.set()
        self._free: list[WorkerProcess] = []
        self._failures = 0
        self._init_fails = False

    @property
    def ending(self) -> int:
        """How many workers are on their way out."""
        return sum(worker.state is State.ENDING for worker in self.workers)

    def wanted_workers(self) -> int:
        """How many workers should be started for those who wait.

        A function that can't be loaded gets one at a time: each failure answers all who wait.
        """
        starting = sum(worker.state is State.STARTING for worker in self.workers)
        wanted = max(0, len(self.waiting) - starting)
        return min(wanted, 1 - min(starting, 1)) if self._init_fails else wanted

    def add(self, worker: WorkerProcess) -> None:
        """Count a worker that starts."""
        self.workers.add(worker)
        self.is_empty.clear()

    def remove(self, worker: WorkerProcess) -> None:
        """Forget a worker that has ended."""
        self.workers.discard(worker)
        self.remove_free(worker)
        if not self.workers:
            self.is_empty.set()

    def take_free(self) -> WorkerProcess | None:
        """The worker that was busy last: its memory is warmest, and the others may be ended."""
        return self._free.pop() if self._free else None

    def add_free(self, worker: WorkerProcess) -> None:
        """Keep *worker* for later."""
        self._free.append(worker)

    def remove_free(self, worker: WorkerProcess) -> None:
        """Keep *worker* no longer."""
        if worker in self._free:
            self._free.remove(worker)

    def longest_free(self) -> WorkerProcess | None:
        """The worker that has had nothing to do for longest."""
        return self._free[0] if self._free else None

    def answered(self) -> None:
        """A worker lived through an invocation: the function works."""
        self._failures = 0
        self._init_fails = False

    def failed(self, now: float, *, in_init: bool) -> None:
        """A worker ended by itself: wait longer each time before the next is started, from the second time on."""
        self._failures += 1
        self._init_fails = self._init_fails or in_init
        exponent = min(self._failures - 2, 10)
        delay = _BACKOFF_SECONDS_FIRST * 2**exponent if exponent >= 0 else 0.0
        limit = _INIT_BACKOFF_SECONDS_MAX if self._init_fails else _BACKOFF_SECONDS_MAX
        self.start_after = now + min(delay, limit)

    def refuse_waiting(self, how: Callable[[str], Response]) -> None:
        """Answer all who wait."""
        waiting, self.waiting = self.waiting, deque()
        for invocation in waiting:
            invocation.respond(how(invocation.request_id))
