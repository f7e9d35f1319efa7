"""``headrace queue peek``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.command import Command, json_option, store_option
from headrace.cli.output import note, print_json, print_line, safe, shortened

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.store.look import Peeked

BODY_LENGTH = 200


@click.command(cls=Command)
@click.argument("name")
@click.option("--max", "limit", type=click.IntRange(1), metavar="N", help="Show the oldest N only.")
@click.option(
    "--state",
    type=click.Choice(["visible", "in_flight", "delayed"]),
    help="Show only messages in this state.",
)
@click.option(
    "--full", is_flag=True, help=f"Show bodies whole, not their first {BODY_LENGTH} characters."
)
@store_option()
@json_option
def peek(
    *, name: str, limit: int | None, state: str | None, full: bool, store: Path, json: bool
) -> None:
    """Show the messages of the queue NAME, oldest first, touching none.

    Nothing is received: no receive count goes up, nothing is hidden. Control characters in a body are shown as
    escapes; with --json the body is exact.
    """
    from headrace.cli.open_queues import open_queues

    with open_queues(store) as queues:
        wanted = (each for each in queues.peek(name) if state in {None, each.state.value})
        shown = 0
        for message in islice(wanted, limit):
            shown += 1
            if json:
                print_json(_as_json(message))
            else:
                print_line(_as_line(message, full=full))
    if not shown and not json:
        note(f"no message in {name}" + (f" is {state}" if state else ""))


def _as_json(message: Peeked) -> dict[str, Any]:
    from json import loads

    from headrace.cli.durations import instant

    return {
        "messageId": message.message_id,
        "body": message.body,
        "receiveCount": message.receive_count,
        "state": message.state.value,
        "sentAt": instant(message.sent_at_ms / 1000),
        "visibleAt": instant(message.visible_at_ms / 1000),
        "messageAttributes": loads(message.attributes) if message.attributes else {},
        "deadLetterSource": message.dead_letter_source,
    }


def _as_line(message: Peeked, *, full: bool) -> str:
    from headrace.cli.durations import instant

    body = safe(message.body) if full else shortened(message.body, BODY_LENGTH)
    source = f"  from {message.dead_letter_source}" if message.dead_letter_source else ""
    return (
        f"{message.message_id}  {instant(message.sent_at_ms / 1000)}  {message.state.value:9}  "
        f"received {message.receive_count}{source}  {body}"
    )
