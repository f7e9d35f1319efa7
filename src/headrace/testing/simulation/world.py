"""What all parts of one simulation share: the virtual clock, chance, what there is, and what happened.

Theory of operation. Nothing runs between two calls of `advance` and `run_until_idle`; during one, the loop runs everything that
is due, at virtual times, until nothing is ready and the next timer lies beyond the end. All chance comes from generators
that are seeded by the simulation's seed and a name, so what one part draws changes nothing for another.

Where the caller's thread has a running event loop already (an asynchronous test, a notebook), a second one can't run there: the
virtual loop then runs in a thread of the simulation's own while the caller waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from headrace.aio.virtual_time import LoopClock, Pause, VirtualTimeLoop
from headrace.errors import VirtualTimeError
from headrace.store.inline import InlineStore
from headrace.testing.faults import Faults
from headrace.testing.simulation.backends import MemoryBackend, StoreBackend
from headrace.testing.simulation.chronicle import Chronicle
from headrace.testing.simulation.engine_life import EngineLife
from headrace.testing.simulation.function_code import CodeLoader
from headrace.testing.simulation.invocation import Invocation
from headrace.testing.simulation.names import Named
from headrace.testing.simulation.queues import SimulatedQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.engine.statistics import BatchReport, MappingStatistics
    from headrace.model.mapping import QueueMapping
    from headrace.model.queue import QueueSettings
    from headrace.testing.history import What
    from headrace.testing.simulation.backends import Backend
    from headrace.testing.simulation.functions import SimulatedFunction
    from headrace.testing.simulation.mappings import SimulatedMapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GC_THRESHOLD = 50_000
"""A thousand batches in flight are some ten thousand objects that live for a moment: Python's own threshold of a few
hundred makes the collector look at them again and again, which costs a third of the time."""
_CLOSE_SECONDS = 60.0
"""Virtual seconds for what still runs at the end to give up."""


class World:
    """The inside of a `Simulation`."""

    def __init__(self, *, seed: int, start: datetime, history: bool) -> None:
        self.seed = seed
        self.start = start
        self.loop = VirtualTimeLoop()
        self.loop.set_exception_handler(self._unhandled)
        self.epoch = start.timestamp()
        self.clock = LoopClock(self.loop, start=self.epoch)
        self.queues: Named[SimulatedQueue] = Named("queue")
        self.functions: Named[SimulatedFunction] = Named("function")
        self.mappings: Named[SimulatedMapping] = Named("mapping")
        self.invocations: list[Invocation] = []
        self.running: dict[str, Invocation] = {}
        self.chronicle = Chronicle(self) if history else None
        self.store: InlineStore | None = None
        self.code = CodeLoader()
        self.faults = Faults(self)
        self.is_driving = False
        self.has_ended = False
        self.life = EngineLife(self, 1)
        self.is_down = False
        self._past: list[EngineLife] = []
        self._failure: BaseException | None = None
        self._thread: ThreadPoolExecutor | None = None

    # Time and chance

    def chance_of(self, *names: str) -> Random:
        """A generator of its own for whatever is named."""
        return Random("/".join((str(self.seed), *names)))  # noqa: S311 - a simulation's chance

    @property
    def now(self) -> datetime:
        """The virtual wall time."""
        return self.start + timedelta(seconds=self.loop.time())

    def instant_of(self, epoch_seconds: float) -> datetime:
        """A wall time as a datetime, to the millisecond."""
        return _EPOCH + timedelta(milliseconds=round(epoch_seconds * 1000))

    def drive(self, seconds: float, *, until: Callable[[], bool] | None = None) -> Pause:
        """Run what is due within *seconds*; raises what went wrong meanwhile."""
        self.refuse_if_ended("the simulation")
        if self.is_driving:
            raise VirtualTimeError(
                "time advances already: a handler can't advance the simulation that runs it"
            )
        self.is_driving = True
        collecting = gc.get_threshold()
        gc.set_threshold(max(_GC_THRESHOLD, collecting[0]) if collecting[0] else 0, *collecting[1:])
        try:
            pause = self._run(self.loop.time() + seconds, until)
        finally:
            gc.set_threshold(*collecting)
            self.is_driving = False
        if (failure := self._failure) is not None:
            self._failure = None
            raise failure
        return pause

    def _run(self, deadline: float, until: Callable[[], bool] | None) -> Pause:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self.loop.run_up_to(deadline, until=until)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="headrace simulation")
        context = contextvars.copy_context()
        running = self._thread.submit(
            context.run, lambda: self.loop.run_up_to(deadline, until=until)
        )
        try:
            return running.result()
        except BaseException:
            # Ctrl-C arrives here, not there.
            if not running.done():
                self.loop.call_soon_threadsafe(self.loop.stop)
                running.exception()
            raise

    def fail(self, error: BaseException) -> None:
        """End the run that is under way and let it raise *error*; the first one counts."""
        if self._failure is None:
            self._failure = error
        self.loop.stop()

    def refuse_if_ended(self, what: str) -> None:
        """Raise `VirtualTimeError` after the end."""
        if self.has_ended:
            raise VirtualTimeError(f"{what} was used after its simulation had ended")

    # What happens

    def begin(self, mapping: QueueMapping, request_id: str, event: bytes) -> Invocation:
        """Note the start of an invocation."""
        invocation = Invocation(
            mapping=mapping.mapping_id,
            function=mapping.function,
            request_id=request_id,
            encoded=event,
            start=self.start,
            began=self.loop.time(),
        )
        self.invocations.append(invocation)
        self.running[request_id] = invocation
        return invocation

    def end(self, invocation: Invocation) -> None:
        """Note its end; what came of it is for the engine to say (`observe`)."""
        invocation.end(self.loop.time())

    def cut_off(self, invocation: Invocation) -> None:
        """Note that nobody waits for an invocation any more."""
        invocation.end(self.loop.time())
        self.running.pop(invocation.request_id, None)

    def observe(self, report: BatchReport) -> None:
        """Take in what the engine made of an invocation."""
        invocation = self.running.pop(report.request_id, None)
        if invocation is not None:
            invocation.outcome = report.outcome
            invocation.error = report.why

    def record(self, what: What, **fields: Any) -> None:  # noqa: ANN401 - fields of an event
        """Write an event into the history, if there is one."""
        if self.chronicle is not None:
            self.chronicle.record(what, **fields)

    # Where queues lie

    def use_store(self) -> None:
        """Put the queues that follow into a store."""
        self.store = InlineStore(self.clock, random=self.chance_of("message ids"))

    def make_queue(
        self, settings: QueueSettings, dead_letter: SimulatedQueue | None
    ) -> SimulatedQueue:
        """Make a queue; its dead-letter queue exists."""
        backend: Backend
        if self.store is not None:
            backend = StoreBackend(self.store, settings)
        else:
            behind = None if dead_letter is None else dead_letter.backend
            assert behind is None or isinstance(behind, MemoryBackend)
            backend = MemoryBackend(self, settings, dead_letter=behind)
        return SimulatedQueue(self, settings, backend, dead_letter=dead_letter)

    # Lives of the engine

    def crash(self, down: float) -> None:
        """Kill the engine, and start another after *down* seconds."""
        if self.is_down:
            return
        self._past.append(self.life)
        self.record(What.KILL, role="engine", engine=self.life.name)
        self.life.crash()
        self.is_down = True
        self.loop.call_later(down, self._restart) if down else self.loop.call_soon(self._restart)

    def _restart(self) -> None:
        self.is_down = False
        self.life = EngineLife(self, self.life.number + 1)
        self.record(What.START, engine=self.life.name)
        for mapping in list(self.mappings.values()):
            mapping.start()

    def statistics_of(self, mapping: str) -> list[MappingStatistics]:
        """A mapping's counters, one set for each life of the engine."""
        lives = [*self._past, self.life] if not self.is_down else self._past
        found = (life.supervisors.get(mapping) for life in lives)
        return [each.statistics for each in found if each is not None]

    # The end

    def close(self) -> None:
        """End everything where it stands and give the loop back. Idempotent.

        What is in the queues stays as it is, to be looked at.
        """
        if self.has_ended:
            return
        self.life.crash()
        self.has_ended = True
        try:
            self._run(self.loop.time() + _CLOSE_SECONDS, self._nothing_runs)
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self._run(self.loop.time() + _CLOSE_SECONDS, self._nothing_runs)
        finally:
            self.loop.close()
            self.code.close()
            if self.store is not None:
                self.store.close()
            if self._thread is not None:
                self._thread.shutdown()

    def _nothing_runs(self) -> bool:
        return not asyncio.all_tasks(self.loop)

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context and error is not None:
            self.fail(error)
        else:
            loop.default_exception_handler(context)
