"""``headrace invoke``: one event, one invocation, one answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.command import FAILED, Command, json_option, session_of, template_argument
from headrace.cli.output import note, print_json, print_line, safe
from headrace.cli.template import (
    aws_option,
    env_vars_option,
    log_format_option,
    log_level_option,
    parameter_option,
    read_template,
    region_option,
)

if TYPE_CHECKING:
    from headrace.config.application import Application
    from headrace.model.outcome import Response

EVENT_BYTES_MAX = 6_291_456
"""What Lambda takes in a synchronous invocation."""


@click.command(cls=Command)
@template_argument
@click.argument("function")
@click.option(
    "--event",
    required=True,
    metavar="FILE|-",
    help="The event, a JSON document: a file, or - for standard input.",
)
@parameter_option
@env_vars_option
@region_option
@aws_option
@log_format_option
@log_level_option
@json_option
@click.pass_context
def invoke(
    ctx: click.Context,
    /,
    *,
    template: str,
    function: str,
    event: str,
    parameter: tuple[tuple[str, str], ...],
    env_vars: Path | None,
    region: str | None,
    aws: bool,
    log_format: str,
    log_level: str,
    json: bool,
) -> int:
    """Invoke FUNCTION of TEMPLATE once with an event, and print what it returns.

    The payload goes to standard output, what the function logs to standard error. If the function fails, its error
    document is printed instead and the exit code is 1. With --json the answer is one object with "outcome", "payload"
    and, after a failure, "error".
    """
    import asyncio

    from headrace.cli.logs import Logs

    application = read_template(ctx, template, parameters=parameter, region=region).require_valid()
    document = _read_event(event)
    level = "debug" if session_of(ctx).verbose else log_level
    with Logs(form=log_format, level=level):
        response = asyncio.run(
            _invoked(application, function, document, env_vars=env_vars, aws=aws)
        )
    _print(response, json=json)
    if response.error is None:
        return 0
    note(
        f"headrace: {function} failed: {safe(response.error.message or response.error.error_type)}"
    )
    return FAILED


async def _invoked(
    application: Application, function: str, event: bytes, *, env_vars: Path | None, aws: bool
) -> Response:
    import random

    from headrace.aio.clock import SystemClock
    from headrace.assembly.invoking import invoke_once

    return await invoke_once(
        application,
        function,
        event,
        clock=SystemClock(),
        chance=random.Random(),  # noqa: S311 - ids of requests
        env_vars=env_vars,
        aws=aws,
    )


def _read_event(place: str) -> bytes:
    """The event's bytes, once they are known to be JSON."""
    import orjson

    try:
        if place == "-":
            event = sys.stdin.buffer.read(EVENT_BYTES_MAX + 1)
        else:
            with Path(place).open("rb") as file:
                event = file.read(EVENT_BYTES_MAX + 1)
    except OSError as error:
        raise click.BadParameter(
            f"{place} can't be read: {error.strerror}", param_hint="'--event'"
        ) from error
    if len(event) > EVENT_BYTES_MAX:
        raise click.BadParameter(
            f"an event has at most {EVENT_BYTES_MAX:,} bytes, this one has more",
            param_hint="'--event'",
        )
    try:
        orjson.loads(event)
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(
            f"expected a JSON document: {error}", param_hint="'--event'"
        ) from error
    return event


def _print(response: Response, *, json: bool) -> None:
    from json import loads

    error = response.error
    shown = response.payload.decode("utf-8", "backslashreplace")
    if error is not None and not shown:
        from headrace.cli.output import json_text

        shown = json_text({"errorType": error.error_type, "errorMessage": error.message})
    if not json:
        print_line(safe(shown) if sys.stdout.isatty() else shown)
        return
    found: dict[str, Any] = {"outcome": error.outcome.value if error else "success"}
    try:
        found["payload"] = loads(shown)
    except (ValueError, RecursionError):
        found["payload"] = shown
    if error is not None:
        found["error"] = {"errorType": error.error_type, "errorMessage": error.message}
    print_json(found)
