"""``headrace queue …``: the group of commands for people who look after queues."""

from __future__ import annotations

import click

from headrace.cli.lazy_group import LazyCommand, LazyGroup

COMMANDS = {
    "create": LazyCommand("headrace.cli.queue_create:create", "Make a queue."),
    "send": LazyCommand("headrace.cli.queue_send:send", "Send messages."),
    "receive": LazyCommand("headrace.cli.queue_receive:receive", "Receive messages."),
    "peek": LazyCommand("headrace.cli.queue_peek:peek", "Show messages, touching none."),
    "attributes": LazyCommand(
        "headrace.cli.queue_attributes:attributes", "Show backlog, ages and settings."
    ),
    "list": LazyCommand("headrace.cli.queue_list:list_", "List the store's queues."),
    "redrive": LazyCommand("headrace.cli.queue_redrive:redrive", "Put dead letters back."),
    "purge": LazyCommand("headrace.cli.queue_remove:purge", "Remove every message of a queue."),
    "delete": LazyCommand("headrace.cli.queue_remove:delete", "Delete a queue."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def queue() -> None:
    """Make, fill, watch and empty the queues of a store."""
