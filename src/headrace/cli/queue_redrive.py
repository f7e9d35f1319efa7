"""``headrace queue redrive``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.command import Command, json_option, store_option
from headrace.cli.output import amount, note, print_json, print_line

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Command)
@click.argument("name", metavar="DEAD-LETTER-QUEUE")
@click.option(
    "--to", metavar="QUEUE", help="Move everything here, instead of to where each came from."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Move at most N messages.")
@store_option()
@json_option
def redrive(*, name: str, to: str | None, limit: int | None, store: Path, json: bool) -> None:
    """Put the messages of a dead-letter queue back where they came from.

    They begin anew there, with a new message id, as with SQS. Messages that are in flight, and those whose source is not
    known or gone, stay where they are.
    """
    from headrace.cli.open_queues import open_queues

    with open_queues(store) as queues:
        moved, skipped = queues.redrive(name, to, limit=limit)
    if json:
        print_json({"QueueName": name, "moved": moved, "skipped": skipped})
        return
    print_line(f"{amount(moved, 'message')} moved from {name}" + (f" to {to}" if to else ""))
    if skipped:
        note(
            f"{amount(skipped, 'message')} left in {name}: in flight or delayed, or without a known source (name one with --to)"
        )
