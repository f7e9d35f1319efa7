"""The context object of handlers that run in process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.invokers.bootstrap import Context, FunctionFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.abc import Clock
    from headrace.model.function import FunctionSettings

VERSION = "$LATEST"


def log_group(function_name: str) -> str:
    """The log group that Lambda gives a function."""
    return f"/aws/lambda/{function_name}"


def log_stream(clock: Clock, instance: str) -> str:
    """The log stream of one instance of a function: the day it started and its own id."""
    day = datetime.fromtimestamp(clock.now(), UTC)
    return f"{day:%Y/%m/%d}/[{VERSION}]{instance}"


def facts(settings: FunctionSettings, *, clock: Clock, instance: str) -> FunctionFacts:
    """What every context of one instance of the function says alike."""
    return FunctionFacts(
        name=settings.name,
        version=VERSION,
        arn=settings.arn,
        memory_mb=str(settings.memory_mb),
        log_group=log_group(settings.name),
        log_stream=log_stream(clock, instance),
    )


def make_context(
    function: FunctionFacts, request_id: str, *, deadline: float, now: Callable[[], float]
) -> Context:
    """A context for one invocation; *deadline* is on the scale of *now*, the event loop's time."""
    return Context(aws_request_id=request_id, function=function, deadline=deadline, now=now)
