"""``headrace queue list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.command import Command, json_option, store_option
from headrace.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from pathlib import Path


@click.command("list", cls=Command)
@click.argument("prefix", default="")
@store_option()
@json_option
def list_(*, prefix: str, store: Path, json: bool) -> None:
    """List the store's queues with their backlog; with PREFIX, those whose names begin so."""
    from headrace.cli.durations import shown_seconds
    from headrace.cli.open_queues import attributes_as_json, open_queues

    with open_queues(store) as queues:
        found = [(each, queues.attributes(each.name)) for each in queues.list(prefix)]
    if json:
        for settings, attributes in found:
            print_json(attributes_as_json(settings, attributes))
        return
    if not found:
        note(f"no queue in {store}" + (f" begins with {prefix}" if prefix else ""))
        return
    print_table(
        ("QUEUE", "VISIBLE", "IN FLIGHT", "DELAYED", "OLDEST", "DEAD LETTERS GO TO"),
        [
            (
                settings.name,
                f"{attributes.visible:,}",
                f"{attributes.in_flight:,}",
                f"{attributes.delayed:,}",
                shown_seconds(attributes.age_of_oldest_seconds) if attributes.total else "-",
                settings.redrive_policy.dead_letter_queue if settings.redrive_policy else "-",
            )
            for settings, attributes in found
        ],
    )
