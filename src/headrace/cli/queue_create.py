"""``headrace queue create``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headrace.cli.command import Command, SecondsType, json_option, store_option
from headrace.cli.output import print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.model.queue import QueueSettings, RedrivePolicy
    from headrace.store.transaction import Transaction

DEAD_LETTER_RETENTION_SECONDS = 1_209_600
"""A dead-letter queue that is made along the way keeps messages for 14 days: their age goes on counting there."""


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--visibility-timeout",
    type=SecondsType(whole=True),
    metavar="SECONDS",
    help="How long a received message stays hidden (0-43200; default 30).",
)
@click.option(
    "--dead-letter",
    metavar="QUEUE:COUNT",
    help="Where a message goes after COUNT receives (1-1000) without success; made if missing, "
    "with a retention of 14 days.",
)
@click.option(
    "--delay",
    type=SecondsType(whole=True),
    metavar="SECONDS",
    help="How long a new message stays hidden (0-900; default 0).",
)
@click.option(
    "--retention",
    type=SecondsType(whole=True),
    metavar="SECONDS",
    help="How long a message is kept (60-1209600; default 345600: 4 days).",
)
@click.option(
    "--max-message-bytes",
    type=int,
    metavar="BYTES",
    help="The largest body with its attributes (1024-1048576; default 1048576).",
)
@store_option(help="The store's file; made if missing.")
@json_option
def create(
    *,
    name: str,
    visibility_timeout: int | None,
    dead_letter: str | None,
    delay: int | None,
    retention: int | None,
    max_message_bytes: int | None,
    store: Path,
    json: bool,
) -> None:
    """Make the queue NAME, and the store if there is none.

    A queue that exists with the same settings is left as it is; one with other settings is an error. Durations may be
    written as 90, 90s, 5m, 2h or 4d.
    """
    from headrace.model.queue import QueueSettings

    policy = None if dead_letter is None else _policy(dead_letter)
    given = {
        "visibility_timeout_seconds": visibility_timeout,
        "delay_seconds": delay,
        "retention_seconds": retention,
        "message_bytes_max": max_message_bytes,
        "redrive_policy": policy,
    }
    given = {field: value for field, value in given.items() if value is not None}
    made, settings = _make(store, QueueSettings(name, **given), given)  # type: ignore[arg-type]
    if json:
        from headrace.cli.open_queues import settings_as_json

        print_json({**settings_as_json(settings), "made": made})
        return
    for each in made:
        print_line(f"queue {each}: made")
    if name not in made:
        print_line(f"queue {name}: exists already, as asked for")


def _policy(text: str) -> RedrivePolicy:
    from headrace.model.queue import RedrivePolicy

    name, _, count = text.rpartition(":")
    if not name or not (count.isascii() and count.isdigit()):
        raise click.BadParameter(
            f"expected QUEUE:COUNT, such as orders-dlq:3, found {text!r}",
            param_hint="'--dead-letter'",
        )
    return RedrivePolicy(name, int(count))


def _make(
    store: Path, settings: QueueSettings, given: Mapping[str, Any]
) -> tuple[list[str], QueueSettings]:
    """Make the queue, and its dead-letter queue if that is missing, or neither.

    Returns the names of what was made, and the queue's settings as they are now.
    """
    from headrace.model.queue import QueueSettings
    from headrace.store.queue_settings import check_settings, create_queue, get_queue
    from headrace.store.writer import Store

    check_settings(settings)
    wanted: list[tuple[QueueSettings, Mapping[str, Any]]] = [(settings, given)]
    if (policy := settings.redrive_policy) is not None:
        dead_letters = QueueSettings(
            policy.dead_letter_queue, retention_seconds=DEAD_LETTER_RETENTION_SECONDS
        )
        check_settings(dead_letters)
        wanted.insert(0, (dead_letters, {}))

    def make(transaction: Transaction) -> tuple[list[str], QueueSettings]:
        made = [each.name for each, fields in wanted if create_queue(transaction, each, fields)]
        return made, get_queue(transaction, settings.name)

    with Store.open(store) as opened:
        return opened.write_sync(make)
