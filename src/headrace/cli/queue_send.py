"""``headrace queue send``: bodies from the command line, or one a line from standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, cast

import click

from headrace.cli.command import Command, PairType, SecondsType, json_option, store_option
from headrace.cli.output import amount, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.cli.line_reader import Line, Readable
    from headrace.errors import MessageRefusedError
    from headrace.model.queue import QueueSettings
    from headrace.store.message import Prepared
    from headrace.store.queues import Queues


@click.command(cls=Command)
@click.argument("name")
@click.argument("bodies", metavar="BODY…|-", nargs=-1, required=True)
@click.option(
    "--delay",
    type=SecondsType(whole=True),
    metavar="SECONDS",
    help="Hide the messages so long (0-900; default: the queue's own delay).",
)
@click.option(
    "--attribute",
    "attributes",
    type=PairType(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Give every message this attribute, of type String; may be repeated.",
)
@store_option()
@json_option
def send(
    *,
    name: str,
    bodies: tuple[str, ...],
    delay: int | None,
    attributes: tuple[tuple[str, str], ...],
    store: Path,
    json: bool,
) -> None:
    """Send each BODY as a message to the queue NAME; with -, each line of standard input.

    Of a line only its end is cut: a line feed, or carriage return and line feed. When the command has ended well, every
    message survives a crash and a power cut. A body that the queue refuses ends the command; what came before it has been sent,
    and the error says how many that are. With --json the message ids are printed, one object a line.
    """
    from headrace.cli.open_queues import open_queues

    if "-" in bodies and len(bodies) > 1:
        raise click.UsageError("- reads standard input: give it alone, or give bodies")
    with open_queues(store) as queues:
        target = _Target(queues, queues.get(name), delay, dict(attributes), prints_ids=json)
        if bodies == ("-",):
            sent = _send_lines(target)
        else:
            sent = target.send([target.prepared(body) for body in bodies])
    if not json:
        print_line(f"{amount(sent, 'message')} sent to {name}")


class _Target(NamedTuple):
    """A queue, and what all messages for it have in common."""

    queues: Queues
    settings: QueueSettings
    delay: int | None
    attributes: Mapping[str, str]
    prints_ids: bool

    def prepared(self, body: str) -> Prepared:
        """A message that the queue takes, or `MessageRefusedError`."""
        from headrace.store.message import check_size, prepare

        message = prepare(body, delay_seconds=self.delay, attributes=self.attributes)
        check_size(message.size_bytes, self.settings.message_bytes_max)
        return message

    def send(self, messages: list[Prepared]) -> int:
        """Send all of *messages* at once; returns how many they are."""
        if messages:
            ids = self.queues.send(self.settings.name, messages)
            if self.prints_ids:
                for message_id in ids:
                    print_json({"messageId": message_id})
        return len(messages)


def _send_lines(target: _Target) -> int:
    """Send each line of standard input, in portions as they come."""
    from headrace.cli.line_reader import portions
    from headrace.cli.progress import Progress
    from headrace.errors import HeadraceError

    sent = 0
    with Progress("messages sent") as progress:
        try:
            for lines in portions(cast("Readable", sys.stdin.buffer)):
                messages, refused = _prepared_until_refused(target, lines)
                sent += target.send(messages)
                progress.show(sent)
                if refused is not None:
                    raise refused
        except (HeadraceError, KeyboardInterrupt) as error:
            error.add_note(f"{amount(sent, 'message')} sent before that")
            raise
    return sent


def _prepared_until_refused(
    target: _Target, lines: list[Line]
) -> tuple[list[Prepared], MessageRefusedError | None]:
    """The messages of *lines* up to the first that the queue does not take, and why it doesn't."""
    from headrace.errors import MessageRefusedError

    messages = []
    for line in lines:
        try:
            messages.append(target.prepared(line.text()))
        except MessageRefusedError as error:
            return messages, MessageRefusedError(f"line {line.number}: {error}")
    return messages, None
