"""Faults that a simulation injects by name: ``sim.faults.source_down(orders, 60)``.

Theory of operation. A fault is *planned* by one of the methods of `Faults`, at once or some seconds later, and *fires* when what it
waits for happens: the next invocation, the next receive, an instant. A planned fault that never fires is a test that does
not test what it says, so the end of a simulation complains about it.

Faults stand between the engine and the world (in the ports that the engine is given), never inside the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from headrace.errors import ConfigurationError, SourceUnavailableError
from headrace.model.record import ALL_SETTLED
from headrace.testing.history import Phase, What

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.abc import QueueSource
    from headrace.model.record import Received
    from headrace.testing.simulation.functions import SimulatedFunction
    from headrace.testing.simulation.queues import SimulatedQueue
    from headrace.testing.simulation.world import World

Operation = Literal["receive", "delete", "release", "extend"]
OPERATIONS: tuple[Operation, ...] = ("receive", "delete", "release", "extend")


class DisturbedCall(Protocol):
    """A call of the engine to a source that a fault has in hand."""

    source: QueueSource

    async def act(self) -> Any:  # noqa: ANN401 - whatever the operation answers
        """Do what was asked; returns the answer."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time pass; does not return if the engine crashes meanwhile."""
        ...


@dataclass(eq=False)
class Fault:
    """A planned fault: what it is called, where it strikes, and how often it did."""

    world: World
    name: str
    target: str
    times: int = 1
    fired: int = 0

    def __post_init__(self) -> None:
        self.world.record(What.FAULT, phase=Phase.INVOKED, name=self.name, source=self.source)

    @property
    def source(self) -> str:
        """The queue that it concerns, if it concerns one only."""
        return ""

    @property
    def is_spent(self) -> bool:
        """Whether it fired as often as it was planned to."""
        return self.fired >= self.times

    def fire(self, records: Sequence[str] = ()) -> None:
        """Count that it struck, and which *records*."""
        self.fired += 1
        self.world.record(
            What.FAULT, name=self.name, source=self.source, records=tuple(sorted(records))
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.target})"


@dataclass(eq=False)
class QueueFault(Fault):
    """A fault of one queue."""

    @property
    def source(self) -> str:
        """The queue's name."""
        return self.target


@dataclass(eq=False)
class CallFault(QueueFault):
    """A fault that strikes the next calls of one operation."""

    async def disturb(self, call: DisturbedCall) -> Any:  # noqa: ANN401
        """Do with *call* what the fault does."""
        raise NotImplementedError


@dataclass(eq=False)
class Delay(CallFault):
    """The call takes *seconds*, before it has its effect or (*answer*) after it."""

    seconds: float = 0.0
    answer: bool = False

    async def disturb(self, call: DisturbedCall) -> Any:  # noqa: ANN401
        """Wait around the call."""
        self.fire()
        if not self.answer:
            await call.pause(self.seconds)
        result = await call.act()
        if self.answer:
            await call.pause(self.seconds)
        return result


@dataclass(eq=False)
class LostResponse(CallFault):
    """The caller is told nothing; the call had its effect (*applied*) or had none."""

    applied: bool = True

    async def disturb(self, call: DisturbedCall) -> Any:  # noqa: ANN401
        """Act or don't, and say that nobody knows."""
        result = await call.act() if self.applied else None
        self.fire([record.record_id for record in getattr(result, "records", ())])
        raise SourceUnavailableError(f"{self.target}: the answer was lost (an injected fault)")


@dataclass(eq=False)
class DuplicateDelivery(CallFault):
    """What is handed out stays visible too, so somebody gets it a second time."""

    async def disturb(self, call: DisturbedCall) -> Any:  # noqa: ANN401
        """Receive, then show the same messages again at once."""
        received: Received = await call.act()
        if received.records:
            self.fire([record.record_id for record in received.records])
            await call.source.release(received.records, delay_seconds=0)
        return received


@dataclass(eq=False)
class ForgottenDelete(CallFault):
    """A delete is confirmed and forgotten: the message comes back, as it rarely does on SQS."""

    async def disturb(self, call: DisturbedCall) -> Any:  # noqa: ANN401, ARG002
        """Confirm, and do nothing."""
        self.fire()
        return ALL_SETTLED


@dataclass(eq=False)
class CrashAtCall(CallFault):
    """The engine crashes at a call: before it has its effect or (*applied*) before its answer comes."""

    applied: bool = False
    crash: Callable[[], None] = lambda: None

    async def disturb(self, call: DisturbedCall) -> Any:  # noqa: ANN401
        """Crash, in the middle of it."""
        if self.applied:
            await call.act()
        self.fire()
        self.crash()
        await call.pause(0)


@dataclass
class QueueFaults:
    """What is planned for one queue. Written by `Faults`, read by the engine's ports to that queue."""

    queue: str
    world: World
    down_until: float = 0.0
    armed: dict[str, list[CallFault]] = field(default_factory=dict)

    def refuse_if_down(self) -> None:
        """Raise `SourceUnavailableError` while the queue can't be reached."""
        if self.down_until and self.world.loop.time() < self.down_until:
            raise SourceUnavailableError(f"{self.queue} can't be reached (an injected fault)")

    def take(self, operation: str) -> CallFault | None:
        """The fault that the next call of *operation* meets."""
        waiting = self.armed.get(operation, [])
        while waiting and waiting[0].is_spent:
            del waiting[0]
        return waiting[0] if waiting else None


@dataclass
class FunctionFaults:
    """What is planned for one function."""

    throttles: list[Fault] = field(default_factory=list)
    time_outs: list[Fault] = field(default_factory=list)

    @staticmethod
    def take(planned: list[Fault]) -> Fault | None:
        """The fault that the next invocation meets; it counts as fired."""
        while planned and planned[0].is_spent:
            del planned[0]
        if not planned:
            return None
        planned[0].fire()
        return planned[0]


class Faults:
    """The faults of one simulation, each a method: ``sim.faults``.

    Every method takes ``after``: the seconds after which the fault is planned (default: now), and returns a `Fault` that counts
    in ``fired`` how often it struck. ``times`` is how many calls or invocations it strikes.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.planned: list[Fault] = []
        """Every fault so far, in the order of planning."""
        self._waiting = 0

    def throttle(self, function: SimulatedFunction, *, times: int = 1, after: float = 0) -> Fault:
        """Refuse the next *times* invocations of *function* as Lambda does when it has no concurrency left."""
        fault = self._plan(Fault(self._world, "throttle", function.name, times))
        self._at(after, lambda: function.faults.throttles.append(fault))
        return fault

    def time_out(self, function: SimulatedFunction, *, times: int = 1, after: float = 0) -> Fault:
        """Let the next *times* invocations of *function* run into its timeout; its handler is called all the same."""
        fault = self._plan(Fault(self._world, "time out", function.name, times))
        self._at(after, lambda: function.faults.time_outs.append(fault))
        return fault

    def duplicate_delivery(
        self,
        queue: SimulatedQueue,
        *,
        times: int = 1,
        forget_delete: bool = False,
        after: float = 0,
    ) -> Fault:
        """Deliver messages twice: what the next *times* receives hand out stays visible for others.

        With *forget_delete* instead the next *times* deletes are confirmed and forgotten, so that their messages come
        back after the visibility timeout.
        """
        kind = ForgottenDelete if forget_delete else DuplicateDelivery
        fault = kind(self._world, "duplicate delivery", queue.name, times)
        return self._arm(queue, "delete" if forget_delete else "receive", fault, after=after)

    def delay(
        self,
        queue: SimulatedQueue,
        seconds: float,
        *,
        of: Operation = "receive",
        times: int = 1,
        answer: bool = False,
        after: float = 0,
    ) -> Fault:
        """Let the next *times* calls of one operation take *seconds*.

        The call has its effect at the end of that time; with *answer* at the beginning, and only its answer is late.
        """
        fault = Delay(self._world, "delay", queue.name, times, seconds=seconds, answer=answer)
        return self._arm(queue, of, fault, after=after)

    def lose_response(
        self,
        queue: SimulatedQueue,
        *,
        of: Operation = "delete",
        applied: bool = True,
        times: int = 1,
        after: float = 0,
    ) -> Fault:
        """Lose the answers of the next *times* calls of one operation, which had its effect (*applied*) or had none."""
        fault = LostResponse(self._world, "lost response", queue.name, times, applied=applied)
        return self._arm(queue, of, fault, after=after)

    def expire_visibility(self, queue: SimulatedQueue, *, after: float = 0) -> Fault:
        """Make every message in flight visible at once, as if its visibility timeout had run out."""
        fault = self._plan(QueueFault(self._world, "expire visibility", queue.name))

        def expire() -> None:
            fault.fire(queue.show_all())

        self._at(after, expire)
        return fault

    def source_down(self, queue: SimulatedQueue, seconds: float, *, after: float = 0) -> Fault:
        """Let every call to *queue* fail for *seconds*."""
        fault = self._plan(QueueFault(self._world, "source down", queue.name))

        def take_down() -> None:
            queue.faults.down_until = self._world.loop.time() + seconds
            fault.fire()

        self._at(after, take_down)
        return fault

    def crash_and_restart(
        self,
        *,
        down: float = 0,
        after: float = 0,
        at: tuple[SimulatedQueue, Operation] | None = None,
        applied: bool = False,
    ) -> Fault:
        """Kill the engine where it stands, and start a new one on the same queues after *down* seconds.

        With *at* it dies at its next call of that operation to that queue: before the call has its effect, or (*applied*)
        after it, before the answer is in. Nothing that the dead engine still tries has any effect.
        """

        def crash() -> None:
            self._world.crash(down)

        if at is not None:
            queue, operation = at
            call = CrashAtCall(self._world, "crash", queue.name, applied=applied, crash=crash)
            return self._arm(queue, operation, call, after=after)
        fault = self._plan(Fault(self._world, "crash", "the engine"))

        def strike() -> None:
            fault.fire()
            crash()

        self._at(after, strike)
        return fault

    @property
    def is_waiting(self) -> bool:
        """Whether a fault is to be planned or to strike at a later instant."""
        return self._waiting > 0

    @property
    def unfired(self) -> list[Fault]:
        """Faults that never struck."""
        return [fault for fault in self.planned if not fault.fired]

    def _plan(self, fault: Fault) -> Fault:
        if type(fault.times) is not int or fault.times < 1:
            raise ConfigurationError(f"times: expected 1 or more, got {fault.times!r}")
        self.planned.append(fault)
        return fault

    def _arm(
        self, queue: SimulatedQueue, operation: str, fault: CallFault, *, after: float
    ) -> Fault:
        if operation not in OPERATIONS:
            raise ConfigurationError(
                f"of: expected one of {', '.join(OPERATIONS)}, got {operation!r}"
            )
        self._plan(fault)
        armed = queue.faults.armed
        self._at(after, lambda: armed.setdefault(operation, []).append(fault))
        return fault

    def _at(self, after: float, act: Callable[[], Any]) -> None:
        if after < 0:
            raise ConfigurationError(f"after: expected 0 or more seconds, got {after:g}")
        if not after:
            act()
            return
        self._waiting += 1

        def due() -> None:
            self._waiting -= 1
            act()

        self._world.loop.call_later(after, due)
