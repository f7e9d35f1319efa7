"""Put messages into a queue."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import MessageRefusedError
from headrace.store import queue_settings
from headrace.store.message import check_batch, check_size
from headrace.store.schema import SEQUENCE_BITS
from headrace.store.transaction import NOW, declare_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.store.message import Prepared
    from headrace.store.queue_settings import QueueRow
    from headrace.store.transaction import Transaction

SEND = declare_step("send", "messages sent")

INSERT_MESSAGE = (
    "INSERT INTO message (key, queue_id, held, visible_at_ms, received_at_ms, first_received_at_ms) "
    "VALUES (?1, ?2, 0, ?3, ?4, ?4)"
)
INSERT_CONTENT = (
    "INSERT INTO content (key, message_id, sent_at_ms, moved_at_ms, dead_letter_source, md5_of_body, "
    "attributes, md5_of_attributes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Sent(NamedTuple):
    """What became of one entry of a batch: its message id, or why it was refused."""

    message_id: str | None
    error: MessageRefusedError | None = None


def send_messages(transaction: Transaction, name: str, messages: Sequence[Prepared]) -> list[str]:
    """Send all of *messages* or, if the queue refuses one, none; returns their ids in order."""
    queue = queue_settings.find(transaction, name)
    for message in messages:
        check_size(message.size_bytes, queue.message_bytes_max)
    return _insert(transaction, queue, messages)


def send_batch(transaction: Transaction, name: str, messages: Sequence[Prepared]) -> list[Sent]:
    """Send up to ten messages as SQS's SendMessageBatch does: each is accepted or refused for itself."""
    check_batch(messages)
    queue = queue_settings.find(transaction, name)
    refused = {
        at: error for at, message in enumerate(messages) if (error := _refusal(message, queue))
    }
    ids = iter(
        _insert(transaction, queue, [m for at, m in enumerate(messages) if at not in refused])
    )
    return [
        Sent(None, refused[at]) if at in refused else Sent(next(ids)) for at in range(len(messages))
    ]


def next_key(transaction: Transaction, queue_id: int, count: int) -> int:
    """Reserve *count* keys of a queue that were never used, count them as messages, and return the first."""
    last = transaction.value(
        "UPDATE queue SET last_number = last_number + ?1, message_count = message_count + ?1 "
        "WHERE id = ?2 RETURNING last_number",
        (count, queue_id),
    )
    return (queue_id << SEQUENCE_BITS) + int(last) - count + 1


def _refusal(message: Prepared, queue: QueueRow) -> MessageRefusedError | None:
    try:
        check_size(message.size_bytes, queue.message_bytes_max)
    except MessageRefusedError as error:
        return error
    return None


def _insert(transaction: Transaction, queue: QueueRow, messages: Sequence[Prepared]) -> list[str]:
    if not messages:
        return []
    transaction.steps.add(SEND)
    now_ms = transaction.now_ms
    key = next_key(transaction, queue.id, len(messages))
    ids = [transaction.new_message_id() for _ in messages]
    due = [_due_ms(message, queue, now_ms) for message in messages]
    transaction.executemany(
        INSERT_MESSAGE, [(key + at, queue.id, due_ms, now_ms) for at, due_ms in enumerate(due)]
    )
    transaction.executemany(
        INSERT_CONTENT,
        [
            (key + at, ids[at], now_ms, None, None, md5, attributes, md5_of_attributes, body)
            for at, (body, md5, attributes, md5_of_attributes, _, _) in enumerate(messages)
        ],
    )
    if max(due) > now_ms:
        _count_delayed(transaction, queue.id, due)
    earliest = min(due)
    transaction.tell(queue_settings.topic(queue.name), NOW if earliest <= now_ms else earliest)
    return ids


def _due_ms(message: Prepared, queue: QueueRow, now_ms: int) -> int:
    delay = queue.delay_seconds if message.delay_seconds is None else message.delay_seconds
    return now_ms + delay * 1000


def _count_delayed(transaction: Transaction, queue_id: int, due: Sequence[int]) -> None:
    """Count those that are delayed by the second in which they become visible (`look.attributes`)."""
    now_ms = transaction.now_ms
    by_second = Counter(due_ms // 1000 for due_ms in due if due_ms > now_ms)
    transaction.execute(
        "DELETE FROM delayed WHERE queue_id = ? AND due_second < ?", (queue_id, now_ms // 1000)
    )
    transaction.executemany(
        "INSERT INTO delayed (queue_id, due_second, messages) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET messages = messages + excluded.messages",
        [(queue_id, second, count) for second, count in by_second.items()],
    )
