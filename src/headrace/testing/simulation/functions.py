"""A function of a simulation: a handler, how long it takes, and its limits."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

from headrace.errors import ConfigurationError, Problem
from headrace.invokers import context
from headrace.invokers.bootstrap import writes_ascii
from headrace.model.function import FunctionSettings
from headrace.testing.faults import FunctionFaults

if TYPE_CHECKING:
    from random import Random
    from types import ModuleType

    from headrace.testing.simulation.world import World

TIMEOUT_SECONDS = 30.0
DURATION_SECONDS = 0.2
_TIMEOUT_SECONDS_MAX = 900
_INSTANCE = "0" * 32


class Distribution(Protocol):
    """Something that durations are drawn from."""

    def sample(self, chance: Random) -> float:
        """One value, in seconds; all chance comes from *chance*."""
        ...


Duration: TypeAlias = float | Callable[[Any], float] | Distribution
"""Seconds, a function of the event, or a distribution."""

Handler: TypeAlias = Callable[[Any, Any], Any]


class SimulatedFunction:
    """A function: ``sim.function(handler, name="process", timeout=30, duration=0.2)``.

    ``duration`` is how long an invocation takes on the virtual clock, and may be set at any time. A handler that is a
    coroutine function takes at least as long as it sleeps.
    """

    def __init__(
        self,
        world: World,
        settings: FunctionSettings,
        *,
        handler: Handler | None = None,
        duration: Duration = DURATION_SECONDS,
    ) -> None:
        """Without a *handler* the code that *settings* name is loaded when it is needed."""
        if handler is not None and not callable(handler):
            raise ConfigurationError(
                [Problem("handler", f"expected a callable, got {type(handler).__name__}")]
            )
        self._world = world
        self._handler = handler
        self._module: ModuleType | None = None
        self.settings = settings
        self.facts = context.facts(settings, clock=world.clock, instance=_INSTANCE)
        self.is_async = handler is not None and _is_async(handler)
        self.ascii_only = writes_ascii(settings.runtime)
        self.faults = FunctionFaults()
        self._chance = world.chance_of("function", settings.name)
        self.duration = duration

    @property
    def handler(self) -> Handler:
        """What is called with event and context."""
        return self._handler or self.load()

    @property
    def module(self) -> ModuleType | None:
        """The module of a function of a template, where a test may patch things; None for a plain callable."""
        self.load()
        return self._module

    def load(self) -> Handler:
        """See that the handler is there. Raises `ConfigurationError` where a template's can't be imported."""
        if self._handler is None:
            self._handler, self._module = self._world.code.load(self.settings)
            self.is_async = _is_async(self._handler)
        return self._handler

    @property
    def name(self) -> str:
        """The function's name."""
        return self.settings.name

    @property
    def arn(self) -> str:
        """The function's ARN, unqualified."""
        return self.settings.arn

    @property
    def timeout(self) -> float:
        """After how many seconds an invocation is ended."""
        return self.settings.timeout_seconds

    @property
    def concurrency(self) -> int | None:
        """Its reserved concurrency, if it has any."""
        return self.settings.reserved_concurrency

    @property
    def duration(self) -> Duration:
        """How long an invocation takes: seconds, a callable of the event, or a distribution."""
        return self._duration

    @duration.setter
    def duration(self, value: Duration) -> None:
        if isinstance(value, int | float):
            _checked(value)
        elif not callable(value) and not hasattr(value, "sample"):
            raise _not_a_duration(value)
        self._duration = value

    def duration_of(self, event: Any) -> float:  # noqa: ANN401 - JSON
        """How long the invocation with *event* takes."""
        duration = self._duration
        if isinstance(duration, int | float):
            return duration
        if not callable(duration) or hasattr(duration, "sample"):
            return _checked(duration.sample(self._chance))
        return _checked(duration(event))

    def __repr__(self) -> str:
        return f"<SimulatedFunction {self.name}>"


def function_settings(
    name: str, *, timeout: float, concurrency: int | None = None
) -> FunctionSettings:
    """Settings of a function that is a callable. Raises `ConfigurationError` with everything that is wrong."""
    problems = []
    if not _is_number(timeout) or not 0 < timeout <= _TIMEOUT_SECONDS_MAX:
        expected = f"expected seconds above 0 and up to {_TIMEOUT_SECONDS_MAX}, got {timeout!r}"
        problems.append(Problem("timeout", expected))
    if concurrency is not None and (type(concurrency) is not int or concurrency < 0):
        problems.append(
            Problem("concurrency", f"expected an integer from 0 on, or None, got {concurrency!r}")
        )
    if problems:
        raise ConfigurationError(problems)
    return FunctionSettings(
        logical_id=name,
        name=name,
        handler="handler",
        runtime="python3.13",
        code=Path(),
        timeout_seconds=timeout,
        reserved_concurrency=concurrency,
    )


def _checked(seconds: object) -> float:
    if not _is_number(seconds) or not 0 <= seconds < math.inf:
        raise _not_a_duration(seconds)
    return float(seconds)


def _not_a_duration(value: object) -> ConfigurationError:
    expected = "seconds from 0 on, a callable of the event, or a distribution with sample(chance)"
    return ConfigurationError([Problem("duration", f"expected {expected}, got {value!r}")])


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_async(handler: Handler) -> bool:
    call = getattr(handler, "__call__", None)  # noqa: B004 - an object whose __call__ is a coroutine function
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
