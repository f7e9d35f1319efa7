"""Move messages between queues: to the dead-letter queue and back. Content is copied, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.store import queue_settings
from headrace.store.removal import remove
from headrace.store.send import INSERT_CONTENT, INSERT_MESSAGE, next_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.store.queue_settings import QueueRow
    from headrace.store.transaction import Transaction


class Moved(NamedTuple):
    """A message on its way: the key that it had, and what it will be in its new queue, visible at once."""

    key: int
    message_id: str
    sent_at_ms: int
    dead_letter_source: str | None
    md5_of_body: str
    attributes: str | None
    md5_of_attributes: str | None
    body: str


def move(
    transaction: Transaction, messages: Sequence[Moved], *, source_id: int, target: QueueRow
) -> None:
    """Take *messages* out of one queue and put them at the end of another, never received there."""
    now_ms = transaction.now_ms
    remove(transaction, source_id, [message.key for message in messages])
    key = next_key(transaction, target.id, len(messages))
    transaction.executemany(
        INSERT_MESSAGE, [(key + at, target.id, now_ms, now_ms) for at in range(len(messages))]
    )
    transaction.executemany(
        INSERT_CONTENT,
        [
            (key + at, message_id, sent_at_ms, now_ms, *rest)
            for at, (_, message_id, sent_at_ms, *rest) in enumerate(messages)
        ],
    )
    transaction.tell(queue_settings.topic(target.name))
