"""The queues of a store, opened for one command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headrace.store.queue_settings import ATTRIBUTES
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.model.queue import QueueAttributes, QueueSettings

COUNTS = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
    "ApproximateAgeOfOldestMessage": "age_of_oldest_seconds",
}
"""SQS's names for what can be read of a queue, and ours."""


@contextmanager
def open_queues(path: Path, *, create: bool = False) -> Iterator[Queues]:
    """The queues of the store at *path*, which must exist unless *create* is set."""
    with Store.open(path, create=create) as store:
        yield Queues(store)


def settings_as_json(settings: QueueSettings) -> dict[str, Any]:
    """A queue's settings under SQS's names."""
    found: dict[str, Any] = {"QueueName": settings.name}
    for field, name in ATTRIBUTES.items():
        if field != "redrive_policy":
            found[name] = getattr(settings, field)
    if (policy := settings.redrive_policy) is not None:
        found["RedrivePolicy"] = {
            "deadLetterQueue": policy.dead_letter_queue,
            "maxReceiveCount": policy.max_receive_count,
        }
    return found


def attributes_as_json(settings: QueueSettings, attributes: QueueAttributes) -> dict[str, Any]:
    """A queue's backlog, ages and settings under SQS's names."""
    counts = {name: getattr(attributes, field) for name, field in COUNTS.items()}
    return {"QueueName": settings.name, **counts, **settings_as_json(settings)}
