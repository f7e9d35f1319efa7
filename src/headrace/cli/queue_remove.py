"""``headrace queue purge`` and ``headrace queue delete``: what can't be taken back is asked about."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headrace.cli.command import FAILED, Command, json_option, store_option
from headrace.cli.output import amount, note, print_json, print_line

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.store.queues import Queues

yes_option = click.option(
    "--yes", is_flag=True, help="Don't ask. Needed where standard input is no terminal."
)


@click.command(cls=Command)
@click.argument("name")
@yes_option
@store_option()
@json_option
def purge(*, name: str, yes: bool, store: Path, json: bool) -> None:
    """Remove every message of the queue NAME, in whatever state. This can't be taken back."""
    from headrace.cli.open_queues import open_queues

    with open_queues(store) as queues:
        _confirm(queues, name, "remove", yes=yes)
        purged = queues.purge(name)
    if json:
        print_json({"QueueName": name, "purged": purged})
    else:
        print_line(f"{amount(purged, 'message')} removed from {name}")


@click.command(cls=Command)
@click.argument("name")
@yes_option
@store_option()
@json_option
def delete(*, name: str, yes: bool, store: Path, json: bool) -> None:
    """Delete the queue NAME with everything in it. This can't be taken back."""
    from headrace.cli.open_queues import open_queues

    with open_queues(store) as queues:
        _confirm(queues, name, "delete the queue and", yes=yes)
        queues.delete(name)
    if json:
        print_json({"QueueName": name, "deleted": True})
    else:
        print_line(f"queue {name}: deleted")


def _confirm(queues: Queues, name: str, what: str, *, yes: bool) -> None:
    """Go on only if a person says so."""
    there = amount(queues.attributes(name).total, "message")
    if yes:
        return
    if not _is_terminal():
        raise click.UsageError(f"this would {what} {there} of {name}: say --yes")
    if not click.confirm(f"Really {what} {there} of {name}?", err=True):
        note("nothing was done")
        raise click.exceptions.Exit(FAILED)


def _is_terminal() -> bool:
    return sys.stdin.isatty()
