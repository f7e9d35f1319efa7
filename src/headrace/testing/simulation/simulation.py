"""A simulation: queues, functions and mappings of a test, run by the real engine on a virtual clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from headrace.errors import ConfigurationError, Problem, QueueConflictError
from headrace.model.queue import QueueSettings
from headrace.store.queue_settings import ATTRIBUTES, check_settings
from headrace.testing.simulation import idle, later
from headrace.testing.simulation.functions import (
    DURATION_SECONDS,
    TIMEOUT_SECONDS,
    SimulatedFunction,
    function_settings,
)
from headrace.testing.simulation.mappings import SimulatedMapping
from headrace.testing.simulation.names import Named, unknown
from headrace.testing.simulation.queues import SimulatedQueue, redrive_policy
from headrace.testing.simulation.world import World

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType

    from headrace.testing.faults import Faults
    from headrace.testing.history import Event
    from headrace.testing.simulation.functions import Duration, Handler
    from headrace.testing.simulation.invocation import Invocation

START = "2026-01-01T00:00:00Z"
IDLE_LIMIT_SECONDS = 86_400.0


class Simulation:
    """Drives handlers as they will be driven, in virtual time.

    Use it as a context manager. The engine runs only inside `advance` and `run_until_idle`; what is sent between two of these
    is sent at one instant. Same seed, same run. With ``history=True`` everything is written down in `history`, for
    `headrace.testing.check`. With ``on_store=True`` queues are the embedded store's own, in memory: slower, the same to see.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        start: str | datetime = START,
        history: bool = False,
        on_store: bool = False,
    ) -> None:
        self._world = World(seed=seed, start=_instant(start), history=history)
        self._implicit: list[SimulatedFunction] = []
        """Functions that were made for plain handlers."""
        if on_store:
            self._world.use_store()

    @classmethod
    def from_template(
        cls,
        path: str | os.PathLike[str],
        *,
        parameters: Mapping[str, object] | None = None,
        seed: int = 1,
        start: str | datetime = START,
        history: bool = False,
    ) -> Self:
        """The queues, functions and mappings of a SAM or CloudFormation template.

        They are in `queues`, `functions` and `mappings` by logical id. Raises `ConfigurationError` with everything that
        keeps the template from being simulated.
        """
        from headrace.testing.simulation import template  # noqa: PLC0415 - reads templates only when asked to

        simulation = cls(seed=seed, start=start, history=history)
        try:
            template.declare(simulation, simulation._world, Path(path), parameters=parameters or {})
        except BaseException:
            simulation.close()
            raise
        return simulation

    # What there is

    def queue(
        self,
        name: str,
        *,
        visibility_timeout: int | None = None,
        delay: int | None = None,
        dead_letter: tuple[str, int] | None = None,
        retention: int | None = None,
        fifo: bool = False,
        content_based_deduplication: bool = False,
    ) -> SimulatedQueue:
        """Declare a queue, or with nothing but its name find one that was declared.

        *dead_letter* is the name of another queue, which is made if need be, and after how many receives a message goes there.
        Times are seconds, with SQS's defaults: 30 for the visibility timeout, 0 for the delay, 345,600 for the retention.
        """
        self._world.refuse_if_ended("the simulation")
        if fifo or content_based_deduplication:
            raise later.not_yet("FIFO queues")
        policy = redrive_policy(dead_letter)
        chosen: dict[str, Any] = {
            "visibility_timeout_seconds": visibility_timeout,
            "delay_seconds": delay,
            "retention_seconds": retention,
            "redrive_policy": policy,
        }
        given = {field: value for field, value in chosen.items() if value is not None}
        existing = self._queue_named(name)
        settings = QueueSettings(name) if existing is None else existing.settings
        return self.declare_queue(replace(settings, **given))

    def declare_queue(self, settings: QueueSettings, *, key: str | None = None) -> SimulatedQueue:
        """Make a queue with *settings*; an existing one must have the same. It is in `queues` under *key* or its name."""
        check_settings(settings)
        existing = self._queue_named(settings.name)
        if existing is not None:
            if existing.settings == settings:
                return existing
            raise QueueConflictError(_conflict(existing.settings, settings))
        policy = settings.redrive_policy
        dead_letter = None
        if policy is not None:
            dead_letter = self.queue(policy.dead_letter_queue)
        queue = self._world.make_queue(settings, dead_letter)
        self.queues[key or settings.name] = queue
        return queue

    def function(
        self,
        handler: Handler,
        *,
        name: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        duration: Duration = DURATION_SECONDS,
        concurrency: int | None = None,
    ) -> SimulatedFunction:
        """Declare a function. *name* is by default the handler's own, *concurrency* its reserved concurrency.

        *duration* is how long an invocation takes on the virtual clock: seconds, a callable of the event, or a distribution.
        """
        self._world.refuse_if_ended("the simulation")
        name = self._free_name(handler) if name is None else name
        if name in self.functions:
            raise ConfigurationError(
                [Problem("name", f"the simulation has a function named {name} already")]
            )
        settings = function_settings(name, timeout=timeout, concurrency=concurrency)
        function = SimulatedFunction(self._world, settings, handler=handler, duration=duration)
        self.functions[name] = function
        return function

    def map(
        self,
        source: SimulatedQueue,
        function: SimulatedFunction | Handler,
        *,
        name: str | None = None,
        beyond_aws: bool = False,
        **settings: Any,  # noqa: ANN401 - settings under AWS's names
    ) -> SimulatedMapping:
        """Connect a queue to a function, with settings under AWS's names: ``BatchSize=10``.

        A plain handler becomes a function of its own, whose timeout is 30 seconds or, if that is less, the queue's visibility
        timeout. Raises `ConfigurationError` with every problem at once, in AWS's words where it has any.
        """
        self._world.refuse_if_ended("the simulation")
        if not isinstance(source, SimulatedQueue):
            raise ConfigurationError(
                [
                    Problem(
                        "source",
                        f"expected a queue of this simulation, got {source!r}",
                        "sim.queue(name)",
                    )
                ]
            )
        if not isinstance(function, SimulatedFunction):
            function = self._function_of(function, source)
        mapping_name = name or f"{function.name}-from-{source.name}"
        if mapping_name in self.mappings and name is not None:
            raise ConfigurationError(
                [Problem("name", f"the simulation has a mapping named {name} already")]
            )
        mapping = SimulatedMapping(
            self._world,
            mapping_name,
            queue=source,
            function=function,
            given=settings,
            beyond_aws=beyond_aws,
        )
        self.mappings[mapping_name] = mapping
        return mapping

    def find(self, name: str) -> SimulatedQueue:
        """The queue of that name; an unknown name is an error."""
        queue = self._queue_named(name)
        if queue is None:
            raise unknown("queue", name, [each.name for each in self.queues.values()])
        return queue

    def stream(self, *_: object, **__: object) -> NoReturn:
        """Kinesis streams come in a later version."""
        raise later.not_yet("streams")

    def table(self, *_: object, **__: object) -> NoReturn:
        """DynamoDB tables come in a later version."""
        raise later.not_yet("tables", "streams")

    def destination(self, *_: object, **__: object) -> NoReturn:
        """Destinations come in a later version."""
        raise later.not_yet("destinations", "streams")

    @property
    def queues(self) -> Named[SimulatedQueue]:
        """Queues by name; those of a template by logical id."""
        return self._world.queues

    @property
    def functions(self) -> Named[SimulatedFunction]:
        """Functions by name; those of a template by logical id."""
        return self._world.functions

    @property
    def mappings(self) -> Named[SimulatedMapping]:
        """Mappings by name; those of a template by logical id."""
        return self._world.mappings

    @property
    def faults(self) -> Faults:
        """The faults that can be injected, each a method."""
        return self._world.faults

    # What happens

    @property
    def seed(self) -> int:
        """What all chance comes from."""
        return self._world.seed

    @property
    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return self._world.now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and everything happen that is due by then."""
        if not _is_time(seconds):
            raise ConfigurationError(
                [
                    Problem(
                        "seconds",
                        f"expected a number of seconds from 0 on, got {seconds!r}",
                        "time does not run back",
                    )
                ]
            )
        self._world.drive(seconds)

    def run_until_idle(self, limit: float = IDLE_LIMIT_SECONDS) -> None:
        """Let time pass until nothing is left to do: no queue of an enabled mapping holds a message, no handler runs.

        Raises `NotIdleError` after *limit* seconds, and names the record and the error that keep it busy.
        """
        if not _is_time(limit) or not limit:
            raise ConfigurationError(
                [Problem("limit", f"expected a number of seconds above 0, got {limit!r}")]
            )
        idle.run_until_idle(self._world, limit)

    @property
    def invocations(self) -> list[Invocation]:
        """Every invocation so far, in the order of their starts; throttled attempts too."""
        return self._world.invocations

    @property
    def history(self) -> list[Event]:
        """What was sent, handed over, settled …, for `headrace.testing.check`; needs ``history=True``."""
        if self._world.chronicle is None:
            raise ConfigurationError("no history is written: make it Simulation(history=True)")
        return self._world.chronicle.events

    # The end

    def close(self) -> None:
        """End everything where it stands. Idempotent; what is in the queues can still be looked at."""
        self._world.close()

    def require_fired(self) -> None:
        """Raise `AssertionError` if a fault was planned and never struck: then the test does not test what it says."""
        if unfired := self.faults.unfired:
            raise AssertionError("planned, but never fired: " + ", ".join(map(str, unfired)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if kind is None:
            self.require_fired()

    def __repr__(self) -> str:
        return f"<Simulation seed={self.seed} now={self.now.isoformat()}>"

    def _queue_named(self, name: str) -> SimulatedQueue | None:
        return next((queue for queue in self.queues.values() if queue.name == name), None)

    def _function_of(self, handler: Handler, source: SimulatedQueue) -> SimulatedFunction:
        for function in self._implicit:
            if function.handler is handler:
                return function
        visibility = source.settings.visibility_timeout_seconds
        timeout = min(TIMEOUT_SECONDS, visibility) or TIMEOUT_SECONDS
        function = self.function(handler, timeout=timeout)
        self._implicit.append(function)
        return function

    def _free_name(self, handler: Handler) -> str:
        own = getattr(handler, "__name__", type(handler).__name__)
        own = "function" if own == "<lambda>" else own
        names = (own if number == 1 else f"{own}-{number}" for number in range(1, 1_000_000))
        return next(name for name in names if name not in self.functions)


_FOREVER = 1e12


def _conflict(existing: QueueSettings, wanted: QueueSettings) -> str:
    different = ", ".join(
        f"{name} is {getattr(existing, field)}, not {getattr(wanted, field)}"
        for field, name in ATTRIBUTES.items()
        if getattr(existing, field) != getattr(wanted, field)
    )
    return (
        f"the simulation has a queue named {wanted.name} already, with other settings: {different}"
    )


def _is_time(seconds: object) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return 0 <= seconds < _FOREVER


def _instant(start: str | datetime) -> datetime:
    """A moment as UTC; a text is read as ISO 8601."""
    try:
        instant = datetime.fromisoformat(start) if isinstance(start, str) else start
    except ValueError:
        instant = None
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        expected = "expected an instant with its zone, such as 2026-01-01T00:00:00Z"
        raise ConfigurationError([Problem("start", f"{expected}, got {start!r}")])
    return instant.astimezone(UTC)
