"""Look at a queue without touching it: counts, ages, messages."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from headrace.model.queue import QueueAttributes
from headrace.store import queue_settings
from headrace.store.keys import key_range
from headrace.store.portion import portion

if TYPE_CHECKING:
    from headrace.store.transaction import Transaction

PAGE = 200


class MessageState(StrEnum):
    """Where a message is in its life."""

    VISIBLE = "visible"
    IN_FLIGHT = "in_flight"
    DELAYED = "delayed"


class Peeked(NamedTuple):
    """A message as `peek_page` shows it."""

    key: int
    message_id: str
    body: str
    receive_count: int
    state: MessageState
    visible_at_ms: int
    sent_at_ms: int
    attributes: str | None
    dead_letter_source: str | None


class Counts(NamedTuple):
    """What `attributes` found."""

    attributes: QueueAttributes
    expired: bool
    """Whether the oldest message is past the retention period and waits for its removal."""


def attributes(transaction: Transaction, name: str) -> Counts:
    """Backlog and ages. Costs as much as there is in flight, whatever the backlog."""
    queue = queue_settings.find(transaction, name)
    in_flight = int(
        transaction.value(
            "SELECT count(*) FROM message WHERE queue_id = ? AND held = 1 AND visible_at_ms > ?",
            (queue.id, transaction.now_ms),
        )
    )
    delayed = _delayed(transaction, queue.id)
    oldest = transaction.first(
        "SELECT coalesce(moved_at_ms, sent_at_ms), sent_at_ms FROM content WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1",
        key_range(queue.id),
    )
    age_ms = 0 if oldest is None else max(0, transaction.now_ms - oldest[0])
    found = QueueAttributes(
        visible=max(0, queue.message_count - in_flight - delayed),
        in_flight=in_flight,
        delayed=delayed,
        age_of_oldest_seconds=age_ms / 1000,
    )
    return Counts(
        found,
        oldest is not None and oldest[1] <= transaction.now_ms - queue.retention_seconds * 1000,
    )


def peek_page(
    transaction: Transaction, name: str, after_key: int = 0, *, limit: int = PAGE
) -> list[Peeked]:
    """The next messages after *after_key*, oldest first, in whatever state; none: there are no more."""
    queue = queue_settings.find(transaction, name)
    first, last = key_range(queue.id)
    cursor = transaction.execute(
        "SELECT held, visible_at_ms, key, message_id, body, receive_count, sent_at_ms, attributes, dead_letter_source "
        "FROM message JOIN content USING (key) WHERE key > ? AND key <= ? ORDER BY key LIMIT ?",
        (max(first - 1, after_key), last, limit),
    )
    rows, _ = portion(cursor, body_at=4)
    now_ms = transaction.now_ms
    return [
        Peeked._make((*row[2:6], _state(row[0], row[1], now_ms), row[1], *row[6:])) for row in rows
    ]


def _state(held: int, visible_at_ms: int, now_ms: int) -> MessageState:
    if visible_at_ms <= now_ms:
        return MessageState.VISIBLE
    return MessageState.IN_FLIGHT if held else MessageState.DELAYED


def _delayed(transaction: Transaction, queue_id: int) -> int:
    """Whole seconds from their counts, the present second message by message."""
    second = transaction.now_ms // 1000
    later = transaction.value(
        "SELECT sum(messages) FROM delayed WHERE queue_id = ? AND due_second > ?",
        (queue_id, second),
    )
    this_second = transaction.value(
        "SELECT count(*) FROM message WHERE queue_id = ? AND held = 0 AND visible_at_ms > ? AND visible_at_ms < ?",
        (queue_id, transaction.now_ms, (second + 1) * 1000),
    )
    return int(later or 0) + int(this_second)
