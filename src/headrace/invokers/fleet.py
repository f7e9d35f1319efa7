"""All worker processes of an engine: warm pools by function, under one ceiling.

Theory of operation. An invocation takes the function's free worker that was busy last; without one it waits, first come
first served, and `_balance` starts workers for those who wait: while there are fewer processes than the ceiling at once,
else by ending the worker of another function that has been free for longest. A worker that becomes free serves its own
function, unless another function has waited longer and only this worker's end can make room for it.

A worker that can't load its handler answers all who wait for the function, as each would have met the same; then starts
are spaced out, one at a time, until one succeeds. Nothing here retries an event that a worker has had.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.aio import tasks
from headrace.errors import HeadraceError
from headrace.invokers import failures, interpreter, program
from headrace.invokers.environment import EnvironmentRules
from headrace.invokers.function_log import LoggingSink
from headrace.invokers.function_pool import FunctionPool
from headrace.invokers.invocation import Invocation
from headrace.invokers.refusing_endpoint import RefusingEndpoint
from headrace.invokers.worker_process import WorkerProcess
from headrace.invokers.workshop import Workshop

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.abc import Clock
    from headrace.invokers.function_log import LogSink
    from headrace.model.function import FunctionSettings
    from headrace.model.outcome import Response

_MEMORY_SECONDS = 0.05
_KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class FleetStatistics:
    """How many processes there are and what they do, at one moment."""

    workers: int
    busy: int
    waiting: int
    started_total: int
    launcher_pid: int | None


class WorkerFleet:
    """Starts, shares and ends the worker processes of all functions; belongs to one loop.

    *ceiling* is the most processes at one time, all functions together. *log* takes what functions print.
    """

    def __init__(
        self,
        *,
        ceiling: int,
        clock: Clock,
        log: LogSink | None = None,
        environment: EnvironmentRules | None = None,
        init_timeout_seconds: float = 10.0,
    ) -> None:
        self._ceiling = ceiling
        self._workshop = Workshop(
            clock=clock,
            log=log or LoggingSink(),
            rules=environment or EnvironmentRules(),
            init_timeout_seconds=init_timeout_seconds,
        )
        self._invokers: dict[str, FunctionInvoker] = {}
        self._pools: list[FunctionPool] = []
        self._hungry: dict[FunctionPool, None] = {}  # who waits for a worker, longest first
        self._busy: set[WorkerProcess] = set()
        self._started_total = 0
        self._refusing = RefusingEndpoint()
        self._scratch: Path | None = None
        self._memory_timer: asyncio.TimerHandle | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def start(self) -> None:
        """Open what workers need. Workers themselves start when they are needed."""
        await self._refusing.start()
        self._workshop.refusing_url = self._refusing.url
        self._scratch = program.make_scratch()

    def invoker(self, settings: FunctionSettings) -> FunctionInvoker:
        """How *settings*' function is invoked: one invoker, however often it is asked for.

        Raises `ConfigurationError` for a runtime that isn't Python and `FunctionUnavailableError` where code or
        interpreter is missing.
        """
        known = self._invokers.get(settings.logical_id)
        if known is not None and known.settings == settings:
            return known
        interpreter.find(settings, self._workshop.rules.inherited)
        program.check_code(settings)
        pool = FunctionPool(settings)
        self._pools.append(pool)
        made = self._invokers[settings.logical_id] = FunctionInvoker(self, pool)
        return made

    def statistics(self) -> FleetStatistics:
        """What there is now."""
        return FleetStatistics(
            workers=sum(len(pool.workers) for pool in self._pools),
            busy=len(self._busy),
            waiting=sum(len(pool.waiting) for pool in self._pools),
            started_total=self._started_total,
            launcher_pid=self._workshop.launcher.pid,
        )

    async def aclose(self) -> None:
        """End every worker, at once: what runs or waits is answered as if killed. Idempotent."""
        self._is_closed = True
        for pool in self._pools:
            pool.refuse_waiting(_killed)
        for timer in (self._memory_timer, self._start_timer):
            if timer is not None:
                timer.cancel()
        for pool in self._pools:
            for worker in tuple(pool.workers):
                worker.end()
        await self._workshop.launcher.aclose()
        self._refusing.close()
        if self._scratch is not None:
            program.remove_scratch(self._scratch)
            self._scratch = None

    async def invoke(self, pool: FunctionPool, event: bytes, request_id: str) -> Response:
        """Give *event* to a worker of *pool* and wait for its answer."""
        reserved = pool.settings.reserved_concurrency
        if reserved is not None and pool.in_flight >= reserved:
            return failures.throttled()
        if self._is_closed:
            return _killed(request_id)
        invocation = Invocation(event, request_id, asyncio.get_running_loop().create_future())
        pool.in_flight += 1
        try:
            self._place(pool, invocation)
            return await invocation.answer
        except asyncio.CancelledError:
            self._give_up(pool, invocation)
            raise
        finally:
            pool.in_flight -= 1

    async def close_pool(self, pool: FunctionPool) -> None:
        """End the workers of one function."""
        pool.refuse_waiting(_killed)
        self._hungry.pop(pool, None)
        for worker in tuple(pool.workers):
            self._end(worker)
        await pool.is_empty.wait()
        if pool in self._pools:
            self._pools.remove(pool)
        if (known := self._invokers.get(pool.settings.logical_id)) and known.pool is pool:
            del self._invokers[pool.settings.logical_id]

    def _place(self, pool: FunctionPool, invocation: Invocation) -> None:
        worker = pool.take_free()
        if worker is not None:
            worker.assign(invocation)
            return
        pool.waiting.append(invocation)
        self._hungry.setdefault(pool)
        self._balance()

    def _give_up(self, pool: FunctionPool, invocation: Invocation) -> None:
        if invocation.worker is not None:
            invocation.worker.give_up(invocation)
        elif invocation in pool.waiting:
            pool.waiting.remove(invocation)
            if not pool.waiting:
                self._hungry.pop(pool, None)

    def worker_free(self, worker: WorkerProcess) -> None:
        """Give it the next invocation, or its place to another function, or keep it warm."""
        self._busy.discard(worker)
        pool = worker.pool
        if worker.has_answered:
            pool.answered()
        if self._must_yield(pool):
            self._end(worker)
        elif pool.waiting:
            worker.assign(pool.waiting.popleft())
            # Served once, it goes to the end of the line if more wait.
            self._hungry.pop(pool, None)
            if pool.waiting:
                self._hungry[pool] = None
        else:
            pool.add_free(worker)

    def worker_busy(self, worker: WorkerProcess) -> None:
        """Watch its memory."""
        self._busy.add(worker)
        if self._memory_timer is None:
            self._watch_memory_later()

    def worker_ended(self, worker: WorkerProcess) -> None:
        """Clean up after it, answer those who waited for it in vain, and fill its place."""
        pool = worker.pool
        self._busy.discard(worker)
        pool.remove(worker)
        if (undelivered := worker.undelivered) is not None and not undelivered.answer.done():
            undelivered.worker = None
            pool.waiting.appendleft(undelivered)
            self._hungry.setdefault(pool)
        if worker.has_crashed or worker.init_failure is not None:
            pool.failed(self._now(), in_init=worker.init_failure is not None)
        how = _killed if self._is_closed else worker.init_failure
        if how is not None:
            pool.refuse_waiting(how)
            self._hungry.pop(pool, None)
        self._balance()

    def _balance(self) -> None:
        """Start workers for those who wait, as far as the ceiling lets, ending free ones of others for them."""
        if self._is_closed or not self._hungry:
            return
        room = self._ceiling - sum(len(pool.workers) for pool in self._pools)
        coming = sum(pool.ending for pool in self._pools)
        now = self._now()
        for pool in tuple(self._hungry):
            if pool.start_after > now:
                self._balance_at(pool.start_after)
                continue
            for _ in range(pool.wanted_workers()):
                if room > 0:
                    room -= 1
                    self._start_worker(pool)
                elif coming > 0:
                    coming -= 1  # it has a place as soon as that one is gone
                elif (idle := self._longest_free()) is not None:
                    self._end(idle)
                else:
                    return

    def _must_yield(self, pool: FunctionPool) -> bool:
        """Whether a free worker of *pool* has to make room for a function that has waited longer."""
        first = next(iter(self._hungry), pool)
        return (
            first is not pool
            and first.wanted_workers() > 0
            and first.start_after <= self._now()
            and sum(len(other.workers) for other in self._pools) >= self._ceiling
            and not any(other.ending for other in self._pools)
        )

    def _longest_free(self) -> WorkerProcess | None:
        free = [worker for pool in self._pools if (worker := pool.longest_free()) is not None]
        return min(free, key=lambda worker: worker.free_since, default=None)

    def _start_worker(self, pool: FunctionPool) -> None:
        worker = WorkerProcess(pool, self, self._workshop)
        pool.add(worker)
        self._started_total += 1
        tasks.spawn(self._start(worker), name=f"start a worker of {pool.settings.name}")

    async def _start(self, worker: WorkerProcess) -> None:
        pool = worker.pool
        reason = "the fleet is not started"
        try:
            if self._scratch is not None:
                reason = "its worker could not be started"
                async with pool.preparing:
                    if pool.program is None:
                        inherited = self._workshop.rules.inherited
                        pool.program = await program.prepare(
                            pool.settings, inherited, self._scratch
                        )
                await worker.start(pool.program)
        except (HeadraceError, OSError) as error:
            reason = str(error)
        finally:
            # Whatever went wrong, a bug of ours too: nobody may wait for this worker for ever.
            if not worker.is_launched:
                worker.fail_start(reason)

    def _end(self, worker: WorkerProcess) -> None:
        worker.pool.remove_free(worker)
        worker.end()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _balance_at(self, when: float) -> None:
        if self._start_timer is not None:
            if self._start_timer.when() <= when:
                return
            self._start_timer.cancel()
        self._start_timer = asyncio.get_running_loop().call_at(when, self._balance_now)

    def _balance_now(self) -> None:
        self._start_timer = None
        self._balance()

    def _watch_memory_later(self) -> None:
        self._memory_timer = asyncio.get_running_loop().call_later(
            _MEMORY_SECONDS, self._watch_memory
        )

    def _watch_memory(self) -> None:
        self._memory_timer = None
        for worker in tuple(self._busy):
            worker.check_memory()
        if self._busy:
            self._watch_memory_later()


class FunctionInvoker:
    """Invokes one function of a fleet."""

    def __init__(self, fleet: WorkerFleet, pool: FunctionPool) -> None:
        self._fleet = fleet
        self.pool = pool
        self.settings = pool.settings

    async def invoke(self, event: bytes, *, request_id: str) -> Response:
        """Hand *event* to a worker of the function and wait for its answer.

        More calls than the ceiling wait their turn; more than the function's reserved concurrency are throttled.
        The function's timeout begins when a worker has the event.
        """
        return await self._fleet.invoke(self.pool, event, request_id)

    async def wait_released(self, request_id: str) -> None:
        """Return at once: whatever ended an invocation, its process is gone when it is answered."""

    async def aclose(self) -> None:
        """End the function's workers, at once. Idempotent."""
        await self._fleet.close_pool(self.pool)


def _killed(request_id: str) -> Response:
    return failures.exited(request_id, _KILLED)
