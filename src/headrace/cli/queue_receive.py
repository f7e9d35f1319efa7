"""``headrace queue receive``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from headrace.cli.command import Command, SecondsType, json_option, store_option
from headrace.cli.output import note, print_json, print_line, safe

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.model.record import Record
    from headrace.sources.store import StoreQueueSource


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--max",
    "limit",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Receive at most N messages.",
)
@click.option(
    "--wait",
    type=SecondsType(),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for a first message; without it the answer comes at once.",
)
@click.option(
    "--visibility-timeout",
    type=SecondsType(whole=True),
    metavar="SECONDS",
    help="Hide what is received so long, instead of the queue's own timeout (0: not at all).",
)
@click.option(
    "--delete", "is_final", is_flag=True, help="Delete what was received, once it is printed."
)
@store_option()
@json_option
def receive(
    *,
    name: str,
    limit: int,
    wait: float,
    visibility_timeout: int | None,
    is_final: bool,
    store: Path,
    json: bool,
) -> None:
    """Receive messages of the queue NAME, as a consumer would.

    Receive counts go up, and what is received is hidden for the visibility timeout: use `peek` to look without
    touching. With --json each line is a record as Lambda's handlers get it.
    """
    import asyncio

    wish = _Wish(name, limit, wait, visibility_timeout, is_final)
    asyncio.run(_receive(wish, store, json=json))


class _Wish(NamedTuple):
    """What a person wants to receive."""

    name: str
    limit: int
    wait_seconds: float
    visibility_seconds: int | None
    is_final: bool


async def _receive(wish: _Wish, store: Path, *, json: bool) -> None:
    from headrace.sources.store import StoreQueueSource
    from headrace.store.queues import Queues
    from headrace.store.writer import Store

    with Store.open(store, create=False) as opened:
        Queues(opened).get(wish.name)
        source = StoreQueueSource(opened, wish.name)
        records = await _first(source, wish.limit, wish.wait_seconds)
        if records and wish.visibility_seconds is not None and not wish.is_final:
            await source.extend(records, visibility_seconds=wish.visibility_seconds)
        _print(records, json=json)
        if records and wish.is_final:
            await _delete(source, records)
        if not records and not json:
            note(f"no message is visible in {wish.name}")


async def _first(source: StoreQueueSource, limit: int, wait: float) -> list[Record]:
    """What can be received within *wait* seconds, as soon as there is anything."""
    import asyncio

    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        records = (await source.receive(limit)).records
        if records or loop.time() >= deadline:
            return records
        try:
            async with asyncio.timeout_at(deadline):
                await source.wait_visible()
        except TimeoutError:
            pass


async def _delete(source: StoreQueueSource, records: list[Record]) -> None:
    # What was printed must have left the process before it is gone from the queue.

    from headrace.errors import SourceUnavailableError

    sys.stdout.flush()
    settled = await source.delete(records)
    if settled.unsettled:
        raise SourceUnavailableError(
            f"{len(settled.unsettled)} messages could not be deleted: they come back after their visibility timeout"
        )
    if settled.superseded:
        note(f"{len(settled.superseded)} messages were received by somebody else meanwhile")


def _print(records: list[Record], *, json: bool) -> None:
    from json import loads

    for record in records:
        message: dict[str, Any] = loads(record.encoded)
        if json:
            print_json(message)
        else:
            print_line(
                f"{record.record_id}  received {record.receive_count}  {safe(message['body'])}"
            )
