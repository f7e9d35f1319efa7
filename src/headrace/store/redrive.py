"""Put dead-lettered messages back where they came from, or into a queue that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.store import queue_settings
from headrace.store.keys import key_range
from headrace.store.moves import Moved, move
from headrace.store.portion import portion
from headrace.store.transaction import declare_step

if TYPE_CHECKING:
    from headrace.store.transaction import Transaction

REDRIVE = declare_step("redrive", "messages put back from a dead-letter queue")

STEP_MAX = 500

_PAGE = """
SELECT visible_at_ms, key, message_id, sent_at_ms, dead_letter_source, md5_of_body, attributes, md5_of_attributes, body
FROM message JOIN content USING (key) WHERE key > ? AND key <= ? ORDER BY key LIMIT ?
"""


class Redriven(NamedTuple):
    """What one step did. Go on with ``last_key`` until ``done``."""

    moved: int
    skipped: int
    """Messages that are in flight or delayed, and those whose source is not known or gone."""
    last_key: int
    done: bool


def redrive_step(
    transaction: Transaction,
    name: str,
    destination: str | None = None,
    *,
    after_key: int,
    up_to_key: int,
    limit: int = STEP_MAX,
) -> Redriven:
    """Move the next visible messages of the dead-letter queue *name* to *destination* or to where each came from.

    They arrive as new messages, with a new id, time of sending and count, as in SQS. Those that were sent to the
    dead-letter queue directly go to the one queue that names it in its redrive policy, if there is just one.
    """
    queue = queue_settings.find(transaction, name)
    if destination is not None:
        queue_settings.find(transaction, destination)
    first, last = key_range(queue.id)
    limit = min(limit, STEP_MAX)
    page = (max(first - 1, after_key), min(last, up_to_key), limit)
    rows, complete = portion(transaction.execute(_PAGE, page), body_at=8)
    by_target = _by_target(transaction, rows, destination, only=_only_source(transaction, name))
    moved = sum(
        _move(transaction, theirs, source_id=queue.id, target_name=target)
        for target, theirs in by_target.items()
    )
    last_key = rows[-1][1] if rows else up_to_key
    return Redriven(moved, len(rows) - moved, last_key, done=complete and len(rows) < limit)


def _by_target(
    transaction: Transaction,
    rows: list[tuple[Any, ...]],
    destination: str | None,
    *,
    only: str | None,
) -> dict[str, list[Moved]]:
    by_target: dict[str, list[Moved]] = {}
    for visible_at_ms, *message in rows:
        moved = Moved(*message)
        target = destination or moved.dead_letter_source or only
        if visible_at_ms <= transaction.now_ms and target is not None:
            by_target.setdefault(target, []).append(moved)
    return by_target


def _only_source(transaction: Transaction, name: str) -> str | None:
    rows = transaction.execute(
        "SELECT name FROM queue WHERE dead_letter_queue = ? AND NOT instr(name, '#') LIMIT 2",
        (name,),
    ).fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None


def _move(
    transaction: Transaction, messages: list[Moved], *, source_id: int, target_name: str
) -> int:
    target = queue_settings.find_or_none(transaction, target_name)
    if target is None:
        return 0
    transaction.steps.add(REDRIVE)
    fresh = [
        message._replace(
            message_id=transaction.new_message_id(),
            sent_at_ms=transaction.now_ms,
            dead_letter_source=None,
        )
        for message in messages
    ]
    move(transaction, fresh, source_id=source_id, target=target)
    return len(fresh)
