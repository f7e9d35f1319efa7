"""Remove messages other than by settling: too old, purged, or of a deleted queue. Each step is bounded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headrace.store import queue_settings
from headrace.store.keys import key_range, runs_of_keys
from headrace.store.transaction import declare_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.store.transaction import Transaction

PURGE = declare_step("purge", "messages purged")
EXPIRE = declare_step("expire", "messages older than the retention period removed")

STEP_MAX = 1000


def remove(transaction: Transaction, queue_id: int, keys: Sequence[int]) -> None:
    """Remove messages that exist, whatever their state, from all tables and counts."""
    if not keys:
        return
    runs = runs_of_keys(keys)
    _uncount_delayed(transaction, queue_id, runs)
    transaction.executemany("DELETE FROM message WHERE key BETWEEN ? AND ?", runs)
    transaction.executemany("DELETE FROM content WHERE key BETWEEN ? AND ?", runs)
    transaction.execute(
        "UPDATE queue SET message_count = message_count - ? WHERE id = ?", (len(keys), queue_id)
    )


def last_key(transaction: Transaction, name: str) -> int:
    """The key of the newest message that was ever in the queue: a purge ends there."""
    queue = queue_settings.find(transaction, name)
    last = transaction.value("SELECT last_number FROM queue WHERE id = ?", (queue.id,))
    return key_range(queue.id)[0] + int(last)


def purge_step(transaction: Transaction, name: str, up_to_key: int) -> int:
    """Remove the oldest messages up to *up_to_key*, in whatever state; returns how many (0: done)."""
    queue = queue_settings.find(transaction, name)
    keys = _oldest(transaction, queue.id, up_to_key)
    if keys:
        transaction.steps.add(PURGE)
        remove(transaction, queue.id, keys)
    return len(keys)


def expire_step(transaction: Transaction, name: str) -> int:
    """Remove what is older than the retention period among the oldest messages; returns how many."""
    queue = queue_settings.find(transaction, name)
    rows = transaction.execute(
        "SELECT key, sent_at_ms FROM content WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
        (*key_range(queue.id), STEP_MAX),
    )
    oldest_ms = transaction.now_ms - queue.retention_seconds * 1000
    keys = [key for key, sent_at_ms in rows if sent_at_ms <= oldest_ms]
    if keys:
        transaction.steps.add(EXPIRE)
        remove(transaction, queue.id, keys)
    return len(keys)


def remove_deleted_step(transaction: Transaction) -> int:
    """Remove messages of deleted queues, and at last the queues; returns how many rows (0: done)."""
    queue_id = transaction.value("SELECT id FROM queue WHERE instr(name, '#') LIMIT 1")
    if queue_id is None:
        return 0
    keys = _oldest(transaction, queue_id, key_range(queue_id)[1])
    if keys:
        remove(transaction, queue_id, keys)
        return len(keys)
    transaction.execute("DELETE FROM delayed WHERE queue_id = ?", (queue_id,))
    transaction.execute("DELETE FROM queue WHERE id = ?", (queue_id,))
    return 1


def _oldest(transaction: Transaction, queue_id: int, up_to_key: int) -> list[int]:
    first, last = key_range(queue_id)
    rows = transaction.execute(
        "SELECT key FROM message WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
        (first, min(last, up_to_key), STEP_MAX),
    )
    return [int(key) for (key,) in rows]


def _uncount_delayed(
    transaction: Transaction, queue_id: int, runs: Sequence[tuple[int, int]]
) -> None:
    by_second: Counter[int] = Counter()
    for first, last in runs:
        rows = transaction.execute(
            "SELECT visible_at_ms FROM message "
            "WHERE key BETWEEN ? AND ? AND held = 0 AND visible_at_ms > ?",
            (first, last, transaction.now_ms),
        )
        by_second.update(visible_at_ms // 1000 for (visible_at_ms,) in rows)
    if by_second:
        transaction.executemany(
            "UPDATE delayed SET messages = messages - ? WHERE queue_id = ? AND due_second = ?",
            [(count, queue_id, second) for second, count in by_second.items()],
        )
