"""Hand out messages: claim what is visible, set aside what was received too often, drop what is too old.

Theory of operation. Visible is what is due, be it never received (``held`` 0) or received and not settled in time
(``held`` 1); both are read in the order in which they became visible. A claim is the message's key with its receive count
after this receive: whoever settles with an older count is told so. Requests of many pollers that meet in one
transaction are answered by one look, full batches first.

A message that was received as often as the redrive policy allows is not handed out but moved to the dead-letter queue,
in this same transaction; it keeps its id and the time of sending, and is counted anew there. Work is bounded: a
receive looks at most `ROUNDS_MAX` times for as many messages as were asked for, and reads no more than some megabytes of
bodies (`portion`); who gets less than there is finds the queue not drained.
"""

from __future__ import annotations

import sys
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from headrace.errors import SourceUnavailableError
from headrace.model.record import RecordId
from headrace.store import queue_settings
from headrace.store.keys import runs_of_keys
from headrace.store.moves import Moved, move
from headrace.store.portion import portion
from headrace.store.removal import remove
from headrace.store.transaction import NOW, declare_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.store.queue_settings import QueueRow
    from headrace.store.transaction import Transaction

RECEIVE = declare_step("receive", "messages claimed")
DEAD_LETTER = declare_step("dead_letter", "messages moved to the dead-letter queue")

IN_FLIGHT_MAX = 120_000
"""AWS: SQS quotas, in-flight messages of a standard queue, approximately."""

ROUNDS_MAX = 5

_DUE = """
SELECT key, message_id, body, sent_at_ms, receive_count, first_received_at_ms, md5_of_body, attributes,
       md5_of_attributes, visible_at_ms
FROM message JOIN content USING (key)
WHERE queue_id = ?1 AND held = {} AND visible_at_ms <= ?2 ORDER BY visible_at_ms, key LIMIT ?3
"""
_DUE_NEW, _DUE_AGAIN = _DUE.format(0), _DUE.format(1)
_CLAIM = """
UPDATE message SET held = 1, visible_at_ms = ?3, receive_count = receive_count + 1, received_at_ms = ?4,
                   first_received_at_ms = iif(receive_count = 0, ?4, first_received_at_ms)
WHERE key BETWEEN ?1 AND ?2
"""
_NEXT_DUE = "SELECT min(visible_at_ms) FROM message WHERE queue_id = ? AND held = {}"
_NEXT_DUE_NEW, _NEXT_DUE_AGAIN = _NEXT_DUE.format(0), _NEXT_DUE.format(1)
_IN_FLIGHT = "SELECT count(*) FROM message WHERE queue_id = ? AND held = 1 AND visible_at_ms > ?"

Row: TypeAlias = tuple[int, RecordId, str, int, int, int, str, str | None, str | None, int]
"""A message as a receive found it, in the order of `_DUE`; counts and times are those before the receive.

A plain tuple: this path is hot.
"""
_sent_at, _count, _place = itemgetter(3), itemgetter(4), itemgetter(9, 0)
_UNLIMITED = sys.maxsize


class Answer(NamedTuple):
    """What one receive gave."""

    rows: list[Row]
    received_at_ms: int
    visibility_timeout_seconds: int
    dead_lettered: int
    drained: bool
    """Whether nothing else was visible; when something will be has been told to the queue's topic."""


class InFlightGauge:
    """Knows roughly how many messages of a queue are in flight, so that not every receive has to count them.

    It counts anew once as many have been received since as a quarter of the room that was left: exact enough for a
    limit that is approximate, and right with a few consuming processes.
    """

    def __init__(self) -> None:
        self._room = 0

    def room(self, transaction: Transaction, queue: QueueRow, wanted: int) -> int:
        """How many of *wanted* messages may be received now."""
        if queue.message_count <= IN_FLIGHT_MAX:
            return wanted
        if self._room < wanted:
            in_flight = transaction.value(_IN_FLIGHT, (queue.id, transaction.now_ms))
            left = IN_FLIGHT_MAX - int(in_flight)
            self._room = max(0, min(left, max(left // 4, wanted)))
        granted = min(wanted, self._room)
        self._room -= granted
        return granted


def receive_messages(
    transaction: Transaction, limits: Sequence[int], *, name: str, gauge: InFlightGauge
) -> list[Answer]:
    """Answer receives of at most *limits* messages each, from the queue *name*.

    Raises `SourceUnavailableError` while too many messages are in flight.
    """
    queue = queue_settings.find(transaction, name)
    wanted = gauge.room(transaction, queue, sum(limits))
    if wanted <= 0:
        raise SourceUnavailableError(
            f"OverLimit: {IN_FLIGHT_MAX} messages of {name} are in flight already; settle some first"
        )
    rows, dead_lettered = _collect(transaction, queue, wanted)
    drained = _tell_next_due(transaction, queue, short=len(rows) < wanted)
    return _shared_out(
        Answer(rows, transaction.now_ms, queue.visibility_timeout_seconds, dead_lettered, drained),
        limits,
    )


def next_due_ms(transaction: Transaction, queue_id: int) -> int | None:
    """When the next message of a queue is or was due: visible, or back from flight."""
    dues = (transaction.value(query, (queue_id,)) for query in (_NEXT_DUE_NEW, _NEXT_DUE_AGAIN))
    return min((due for due in dues if due is not None), default=None)


def _shared_out(answer: Answer, limits: Sequence[int]) -> list[Answer]:
    if len(limits) == 1:
        return [answer]
    answers = []
    start, dead_lettered = 0, answer.dead_lettered
    for limit in limits:
        rows = answer.rows[start : start + limit]
        answers.append(answer._replace(rows=rows, dead_lettered=dead_lettered))
        start, dead_lettered = start + limit, 0
    return answers


def _collect(transaction: Transaction, queue: QueueRow, wanted: int) -> tuple[list[Row], int]:
    """Claim up to *wanted* messages; returns them and how many were dead-lettered on the way."""
    target = None
    if queue.dead_letter_queue is not None:  # if it was deleted, messages stay here, as in SQS
        target = queue_settings.find_or_none(transaction, queue.dead_letter_queue)
    claimed: list[Row] = []
    dead_lettered = 0
    for _ in range(ROUNDS_MAX):
        due = _due(transaction, queue.id, wanted - len(claimed))
        usable, spent, expired = _sorted_out(due, queue, transaction.now_ms)
        if target is None:
            usable += spent
            spent = []
        _claim(transaction, queue, usable)
        claimed += usable
        if not spent and not expired:
            break
        remove(transaction, queue.id, [row[0] for row in expired])
        if spent and target is not None:
            _dead_letter(transaction, queue, target, rows=spent)
            dead_lettered += len(spent)
    return claimed, dead_lettered


def _due(transaction: Transaction, queue_id: int, limit: int) -> list[Row]:
    bindings = (queue_id, transaction.now_ms, limit)
    rows, _ = portion(transaction.execute(_DUE_NEW, bindings), body_at=2)
    again, _ = portion(transaction.execute(_DUE_AGAIN, bindings), body_at=2)
    if again:
        rows = sorted(rows + again, key=_place)[:limit]
    return cast("list[Row]", rows)


def _sorted_out(
    due: list[Row], queue: QueueRow, now_ms: int
) -> tuple[list[Row], list[Row], list[Row]]:
    """Split into what may be handed out, what was received too often, and what is too old."""
    if not due:
        return [], [], []
    oldest_ms = now_ms - queue.retention_seconds * 1000
    count_max = _UNLIMITED if queue.max_receive_count is None else queue.max_receive_count
    if min(map(_sent_at, due)) > oldest_ms and max(map(_count, due)) < count_max:
        return due, [], []
    usable: list[Row] = []
    spent: list[Row] = []
    expired: list[Row] = []
    for row in due:
        if row[3] <= oldest_ms:
            expired.append(row)
        elif row[4] >= count_max:
            spent.append(row)
        else:
            usable.append(row)
    return usable, spent, expired


def _claim(transaction: Transaction, queue: QueueRow, rows: list[Row]) -> None:
    if rows:
        transaction.steps.add(RECEIVE)
        now_ms = transaction.now_ms
        until_ms = now_ms + queue.visibility_timeout_seconds * 1000
        transaction.executemany(
            _CLAIM,
            [
                (first, last, until_ms, now_ms)
                for first, last in runs_of_keys(row[0] for row in rows)
            ],
        )


def _dead_letter(
    transaction: Transaction, queue: QueueRow, target: QueueRow, *, rows: list[Row]
) -> None:
    transaction.steps.add(DEAD_LETTER)
    messages = [
        Moved(key, message_id, sent_at_ms, queue.name, md5, attributes, digest, body)
        for key, message_id, body, sent_at_ms, _, _, md5, attributes, digest, _ in rows
    ]
    move(transaction, messages, source_id=queue.id, target=target)


def _tell_next_due(transaction: Transaction, queue: QueueRow, *, short: bool) -> bool:
    """Say when there will be something again, to this process's waiters and others'; returns whether that is later."""
    now_ms = transaction.now_ms
    due_ms: int | None = now_ms + queue.visibility_timeout_seconds * 1000
    if short:
        due_ms = next_due_ms(transaction, queue.id)
    if due_ms is None:
        return True
    transaction.tell(queue_settings.topic(queue.name), NOW if due_ms <= now_ms else due_ms)
    return short and due_ms > now_ms
