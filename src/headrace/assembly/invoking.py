"""Invoke one function of a template once, as a mapping would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.assembly.running import environment_rules
from headrace.config.suggestions import did_you_mean
from headrace.engine.dispatcher import request_id
from headrace.errors import ConfigurationError, Problem
from headrace.invokers.fleet import WorkerFleet

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from headrace.abc import Clock
    from headrace.config.application import Application
    from headrace.invokers.function_log import LogSink
    from headrace.model.outcome import Response


async def invoke_once(
    application: Application,
    function: str,
    event: bytes,
    *,
    clock: Clock,
    chance: Random,
    env_vars: Path | None = None,
    aws: bool = False,
    log: LogSink | None = None,
) -> Response:
    """Start one worker for *function* (logical id or name), hand it *event*, and end it."""
    rules, problems = environment_rules(application, env_vars=env_vars, aws=aws)
    settings = application.functions.get(function) or next(
        (one for one in application.functions.values() if one.name == function), None
    )
    if settings is None:
        hint = did_you_mean(function, list(application.functions))
        problems.append(Problem(function, "the template has no function of that name", hint))
    if problems or settings is None:
        raise ConfigurationError(problems)
    fleet = WorkerFleet(ceiling=1, clock=clock, log=log, environment=rules)
    await fleet.start()
    try:
        return await fleet.invoker(settings).invoke(event, request_id=request_id(chance))
    finally:
        await fleet.aclose()
