"""The engine of a simulation, from its start to its crash or its end; after a crash there is another.

Theory of operation. Each mapping has a supervisor, which runs it by the engine's own `Engine` and `MappingRunner`: one runner after
another, since a runner's settings never change. An update asks the runner to stop; the batches that it has begun end with the
old settings; only then does the next runner start, so no mapping ever has two pollers.

A crash *fences* a life: its tasks are cancelled, and whatever their ``finally`` blocks still try, every port that they
were given (source, function, clock) refuses with `FencedError`. Nothing of a crashed engine has an effect any more. The
next life has new tasks, new slots and new counters, on the same queues.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headrace.engine.engine import Engine
from headrace.engine.mapping_runner import MappingRunner
from headrace.engine.slots import SlotPool
from headrace.engine.statistics import MappingStatistics
from headrace.model.mapping import MappingState
from headrace.testing.simulation.function_port import FunctionPort
from headrace.testing.simulation.source_port import SourcePort

if TYPE_CHECKING:
    from random import Random

    from headrace.abc import Clock
    from headrace.testing.simulation.functions import SimulatedFunction
    from headrace.testing.simulation.mappings import SimulatedMapping
    from headrace.testing.simulation.world import World

ACCOUNT_CONCURRENCY = 1000
"""AWS: Lambda quotas, concurrent executions of an account, the default."""

DRAIN_SECONDS = 7 * 86_400.0
"""An update waits for the batches that run, however long their settlement takes."""


class FencedError(asyncio.CancelledError):
    """A crashed engine tried to do something. Nobody but its own remains ever sees this."""


class EngineLife:
    """One incarnation of the engine."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.name = f"engine-{number}"
        self.is_over = False
        self.clock: Clock = _FencedClock(world.clock, self)
        self.supervisors: dict[str, Supervisor] = {}
        self._shared = SlotPool(ACCOUNT_CONCURRENCY)
        self._reserved: dict[str, SlotPool] = {}

    def refuse_if_over(self) -> None:
        """Raise `FencedError` once this life has ended."""
        if self.is_over:
            raise FencedError(f"{self.name} has crashed")

    def slots_of(self, function: SimulatedFunction) -> SlotPool:
        """The pool that the function's invocations share."""
        if function.concurrency is None:
            return self._shared
        if function.name not in self._reserved:
            self._reserved[function.name] = SlotPool(function.concurrency)
        return self._reserved[function.name]

    def start(self, mapping: SimulatedMapping, state: MappingState) -> Supervisor:
        """Begin to run *mapping*, which shows *state* until it has got going with the next run of the loop."""
        supervisor = Supervisor(mapping, self, state)
        self.supervisors[mapping.name] = supervisor
        supervisor.task = self.world.loop.create_task(
            supervisor.run(), name=f"{self.name} {mapping.name}"
        )
        supervisor.task.add_done_callback(self._note_end)
        return supervisor

    def stop(self) -> None:
        """Ask every mapping to finish what it has begun."""
        for supervisor in self.supervisors.values():
            supervisor.stop()

    @property
    def has_ended(self) -> bool:
        """Whether nothing of this life runs any more."""
        return all(supervisor.task.done() for supervisor in self.supervisors.values())

    def crash(self) -> None:
        """End now: fence every port, drop every task."""
        self.is_over = True
        self.cancel()

    def cancel(self) -> None:
        """Cancel what runs: without a fence this is the engine's hard stop."""
        for supervisor in self.supervisors.values():
            supervisor.task.cancel()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self.is_over:
            self.world.fail(error)


class Supervisor:
    """Runs one mapping for the length of one life."""

    task: asyncio.Task[None]

    def __init__(self, mapping: SimulatedMapping, life: EngineLife, state: MappingState) -> None:
        self._mapping = mapping
        self._life = life
        self._stopping = False
        self.statistics = MappingStatistics()
        self._chance: Random = life.world.chance_of(mapping.name, life.name)
        self._engine, self._runner = self._prepare(state)

    @property
    def state(self) -> MappingState:
        """The mapping's state."""
        return self._mapping.transition if self._engine.stopping else self._runner.state

    @property
    def is_settled(self) -> bool:
        """Whether the mapping is what it was last asked to be."""
        return not self._engine.stopping and self._runner.state in {
            MappingState.ENABLED,
            MappingState.DISABLED,
        }

    def restart(self) -> None:
        """Let what runs end, then go on with the mapping's settings as they are then."""
        self._engine.stop()

    def stop(self) -> None:
        """Let what runs end, and then end."""
        self._stopping = True
        self._engine.stop()

    async def run(self) -> None:
        """Run the mapping until it is deleted or stopped. Cancelling is the hard stop."""
        while True:
            await self._engine.run()
            if self._stopping or self._mapping.is_deleted:
                break
            self._engine, self._runner = self._prepare(self._mapping.transition)
        if self._mapping.is_deleted:
            self._mapping.forget()

    def _prepare(self, state: MappingState) -> tuple[Engine, MappingRunner]:
        mapping, life = self._mapping, self._life
        function = mapping.function
        runner = MappingRunner(
            mapping=mapping.settings,
            source=SourcePort(mapping.queue, life, mapping.settings),
            invoker=FunctionPort(function, life, mapping.settings),
            slots=life.slots_of(function),
            clock=life.clock,
            chance=self._chance,
            observe=life.world.observe,
            statistics=self.statistics,
            state=state,
        )
        return Engine([runner], drain_seconds=DRAIN_SECONDS), runner


class _FencedClock:
    """The simulation's clock, until the engine crashes."""

    def __init__(self, clock: Clock, life: EngineLife) -> None:
        self._clock = clock
        self._life = life

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        self._life.refuse_if_over()
        return self._clock.now()
