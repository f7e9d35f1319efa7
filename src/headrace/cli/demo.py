"""``headrace demo``: the command. What it shows is in `demo_screen`, what happens in `headrace.demo`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headrace.cli.command import FAILED, Command, json_option
from headrace.cli.output import note

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.cli.demo_screen import Show
    from headrace.demo.verdict import Verdict


@click.command(cls=Command)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=60.0,
    show_default=True,
    metavar="N",
    help="About how long it takes; less than 10 take 10.",
)
@click.option(
    "--keep", is_flag=True, help="Keep the directory with the template, the store and the books."
)
@json_option
def demo(*, seconds: float, keep: bool, json: bool) -> int:
    """Show the whole story in a minute, then judge it.

    A second process sends the orders of a shop, some of them bad, now few, now many at once. Three unchanged Lambda
    handlers work them off in batches, from a SAM template that would deploy to AWS as it is. One of them pays through
    a service that can't take more than four calls at a time.

    In the end every order must be paid or a dead letter, none missing and none paid twice, and the payments service
    never above its limit; else the exit code is 1. Ctrl-C ends it early, in good order. Nothing is left behind
    without --keep.
    """
    import asyncio
    import shutil
    import tempfile
    from pathlib import Path

    from headrace.cli.demo_screen import JsonShow, LineShow, LiveShow

    show: Show = JsonShow() if json else LiveShow(seconds) if sys.stdout.isatty() else LineShow()
    directory = Path(tempfile.mkdtemp(prefix="headrace-demo-"))
    try:
        verdict = asyncio.run(_run(directory, seconds, show))
    finally:
        if keep:
            note(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return 0 if verdict.ok else FAILED


async def _run(directory: Path, seconds: float, show: Show) -> Verdict:
    import random

    from headrace.aio.clock import SystemClock
    from headrace.aio.signals import two_step_stop
    from headrace.demo.session import Session

    session = Session(
        directory,
        seconds=seconds,
        clock=SystemClock(),
        chance=random.Random(),  # noqa: S311 - jitter and names of invocations
        look=show.look,
    )
    with two_step_stop(ask=session.stop, insist=session.abort):
        with show:
            verdict, snapshot = await session.run()
        show.end(verdict, snapshot)
    return verdict
