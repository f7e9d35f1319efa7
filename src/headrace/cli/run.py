"""``headrace run``: a template's mappings, until stopped, idle or stuck."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from click.core import ParameterSource

from headrace.cli.command import (
    Command,
    SecondsType,
    by_name,
    json_option,
    named_option,
    session_of,
    store_option,
    template_argument,
)
from headrace.cli.template import (
    aws_option,
    env_vars_option,
    log_format_option,
    log_level_option,
    parameter_option,
    read_template,
    region_option,
)

TIMEOUT_SECONDS = 300.0
DRAIN_SECONDS = 8.0


@click.command(cls=Command)
@template_argument
@click.option(
    "--local", is_flag=True, help="Bind every declared queue to the store; made if missing."
)
@store_option()
@named_option(
    "bind",
    metavar="QUEUE=ADDRESS",
    help="Bind one declared queue to an address, such as sqlite:///path/file.db?queue=NAME; may be repeated.",
)
@parameter_option
@click.option(
    "--until-idle", is_flag=True, help="End once nothing is visible, delayed or in flight."
)
@click.option(
    "--timeout",
    type=SecondsType(),
    default=TIMEOUT_SECONDS,
    metavar="SECONDS",
    help="With --until-idle: so long without a success is an error (default 300).",
)
@click.option(
    "--drain-seconds",
    type=SecondsType(),
    default=DRAIN_SECONDS,
    metavar="SECONDS",
    help="How long a stop waits for what runs; the rest is released at once (default 8).",
)
@click.option(
    "--only", multiple=True, metavar="MAPPING", help="Run this mapping only; may be repeated."
)
@click.option(
    "--max-workers",
    type=click.IntRange(1),
    metavar="N",
    help="How many workers run at most, all functions together (default: twice the cores, at least 4).",
)
@env_vars_option
@region_option
@aws_option
@click.option(
    "--status",
    metavar="[HOST:]PORT",
    help="Serve /healthz, /readyz and /metrics there; without a host on 127.0.0.1 only.",
)
@log_format_option
@log_level_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    *,
    template: str,
    parameter: tuple[tuple[str, str], ...],
    bind: tuple[tuple[str, str], ...],
    region: str | None,
    status: str | None,
    json: bool,
    log_format: str,
    log_level: str,
    timeout: float,
    **given: Any,  # noqa: ANN401 - what `RunOptions` has under the same names, each with click's type
) -> int:
    """Run the event source mappings of TEMPLATE: from queue to function, batch by batch.

    TEMPLATE is a SAM or CloudFormation template. With --local its queues live in the store, and nothing else is needed.
    A mapping is named by its logical id: the resource's own, or SAM's function and event together (ProcessOrders and New:
    ProcessOrdersNew).

    Ctrl-C or SIGTERM stops in good order: nothing new is received, what runs is finished and settled, within the drain
    time. A second Ctrl-C gives up what runs. The exit code is 1 if a run --until-idle can't become idle.

    On a terminal a live status is shown, otherwise a line now and then; at the end a summary. With --json standard output has one
    object for each invocation, and the summary as the last one.
    """
    from headrace.assembly.running import RunOptions
    from headrace.cli.run_session import RunSession, Shown

    asked = ctx.get_parameter_source("timeout") is ParameterSource.COMMANDLINE
    if asked and not given["until_idle"]:
        ctx.fail("--timeout says how long --until-idle waits for a success: give both")
    application = read_template(ctx, template, parameters=parameter, region=region).require_valid()
    options = RunOptions(bindings=by_name(ctx, "bind", bind), timeout_seconds=timeout, **given)
    level = "debug" if session_of(ctx).verbose else log_level
    shown = Shown(title=template, status=status, json=json, log_format=log_format, log_level=level)
    return asyncio.run(RunSession(application, options, shown).run())
