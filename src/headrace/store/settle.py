"""Settle claimed messages: delete, release, extend. A claim is a message's key and the receive count that its receive gave it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from headrace.store import queue_settings
from headrace.store.keys import queue_of, runs_of_claims, runs_of_keys
from headrace.store.transaction import NOW, declare_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from headrace.store.transaction import Transaction

DELETE = declare_step("delete", "messages deleted")
RELEASE = declare_step("release", "messages released")
EXTEND = declare_step("extend", "visibility extended")

VISIBILITY_MS_MAX = 43_200_000
"""AWS: a message stays invisible for at most 12 hours from the receive on, however often that is extended."""

_DELETE_RUN = "DELETE FROM message WHERE key BETWEEN ? AND ? AND receive_count = ?"
_HIDE_RUN = """
UPDATE message SET held = ?4, visible_at_ms = min(?5, received_at_ms + ?6)
WHERE key BETWEEN ?1 AND ?2 AND receive_count = ?3
"""

Claim: TypeAlias = tuple[int, int]
_NONE: frozenset[Claim] = frozenset()


class Hide(NamedTuple):
    """A request to make claimed messages visible after some time."""

    claims: Sequence[Claim]
    milliseconds: int


def delete_messages(
    transaction: Transaction, requests: Sequence[Sequence[Claim]]
) -> list[frozenset[Claim]]:
    """Delete claimed messages for good; each request gets those of its claims that a later receive has superseded.

    What is gone already counts as deleted.
    """
    transaction.steps.add(DELETE)
    superseded: set[Claim] = set()
    for queue_id, claims in _by_queue(requests):
        superseded |= _delete_of_queue(transaction, queue_id, claims)
    if not superseded:
        return [_NONE] * len(requests)
    return [frozenset(superseded.intersection(claims)) for claims in requests]


def release_messages(transaction: Transaction, requests: Sequence[Hide]) -> list[frozenset[Claim]]:
    """Make claimed messages visible after a delay; each request gets its claims that are superseded or gone."""
    transaction.steps.add(RELEASE)
    return [_hide(transaction, request) for request in requests]


def extend_messages(transaction: Transaction, requests: Sequence[Hide]) -> list[frozenset[Claim]]:
    """Hide claimed messages from now on, up to 12 hours after their receive; answers as `release_messages`."""
    transaction.steps.add(EXTEND)
    return [_hide(transaction, request) for request in requests]


def _delete_of_queue(transaction: Transaction, queue_id: int, claims: list[Claim]) -> set[Claim]:
    runs = runs_of_claims(claims)
    before = transaction.connection.total_changes()
    transaction.executemany(_DELETE_RUN, runs)
    deleted = transaction.connection.total_changes() - before
    if deleted:
        transaction.execute(
            "UPDATE queue SET message_count = message_count - ? WHERE id = ?", (deleted, queue_id)
        )
    left: set[Claim] = set()
    if deleted != len(claims):
        keys = [key for key, _ in claims]
        left_keys = _receive_counts(transaction, keys).keys()
        left = {claim for claim in claims if claim[0] in left_keys}
        content_runs = runs_of_keys(set(keys) - left_keys)
    else:
        content_runs = [(first, last) for first, last, _ in runs]
    transaction.executemany("DELETE FROM content WHERE key BETWEEN ? AND ?", content_runs)
    return left


def _hide(transaction: Transaction, request: Hide) -> frozenset[Claim]:
    claims, milliseconds = request
    until_ms = transaction.now_ms + milliseconds
    held = int(milliseconds > 0)  # shown at once it is like new, else still in flight
    before = transaction.connection.total_changes()
    transaction.executemany(
        _HIDE_RUN,
        [
            (first, last, count, held, until_ms, VISIBILITY_MS_MAX)
            for first, last, count in runs_of_claims(sorted(claims))
        ],
    )
    changed = transaction.connection.total_changes() - before
    _tell(transaction, claims, until_ms if milliseconds else NOW)
    if changed == len(claims):
        return _NONE
    counts = _receive_counts(transaction, [key for key, _ in claims])
    return frozenset(claim for claim in claims if counts.get(claim[0]) != claim[1])


def _tell(transaction: Transaction, claims: Iterable[Claim], due_ms: int) -> None:
    for queue_id in {queue_of(key) for key, _ in claims}:
        name = queue_settings.name_of(transaction, queue_id)
        if name is not None:
            transaction.tell(queue_settings.topic(name), due_ms)


def _by_queue(requests: Iterable[Iterable[Claim]]) -> Iterator[tuple[int, list[Claim]]]:
    """All claims in order, without repetition, by the id of their queue."""
    claims = sorted({claim for claims in requests for claim in claims})
    if claims and queue_of(claims[0][0]) == queue_of(claims[-1][0]):
        yield queue_of(claims[0][0]), claims
        return
    for queue_id, theirs in groupby(claims, key=lambda claim: queue_of(claim[0])):
        yield queue_id, list(theirs)


def _receive_counts(transaction: Transaction, keys: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for key in keys:
        count = transaction.value("SELECT receive_count FROM message WHERE key = ?", (key,))
        if count is not None:
            counts[key] = count
    return counts
