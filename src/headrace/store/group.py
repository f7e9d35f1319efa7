"""Run operations together in one transaction, so that one failing operation takes no other along.

Theory of operation. All entries of a group run between one ``BEGIN IMMEDIATE`` and one ``COMMIT``; nobody gets a result before the
commit returned. An operation that raises before it changed anything has only its own error. One that raises
after a change has spoilt the transaction: it is rolled back and the group is repeated, now with a savepoint around
each entry. That is rare, and so the usual group pays for no savepoints. An error of the disk fails the whole group.

Entries of one combined operation are run by one call for all of them, wherever they stand in the group: they were all
under way at once, so no order among them was promised.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import apsw

from headrace.aio import failpoints
from headrace.store import failures

if TYPE_CHECKING:
    import asyncio
    import threading
    from collections.abc import Callable, Sequence

    from headrace.store.transaction import CombinedOperation, Operation, Transaction

ALONE = object()
"""Stands where a combined operation has a request: the entry is a plain operation."""


class Entry:
    """One caller's operation, and in the end its result or error."""

    __slots__ = ("done", "error", "future", "operation", "request", "result")

    def __init__(
        self,
        operation: Operation[Any] | CombinedOperation[Any, Any],
        request: object = ALONE,
        *,
        future: asyncio.Future[Any] | None = None,
        done: threading.Lock | None = None,
    ) -> None:
        self.operation = operation
        self.request = request
        self.future = future
        """Set for a caller on an event loop."""
        self.done = done
        """Held until the result is there, for a caller that blocks its thread."""
        self.result: Any = None
        self.error: BaseException | None = None


class _SpoiltError(Exception):
    """An operation failed after it had changed something."""


def commit(transaction: Transaction, entries: Sequence[Entry], begun: Callable[[], int]) -> None:
    """Run *entries* and commit; each then has its result or error. Raises `apsw.Error` if the disk failed.

    *begun* is called once the transaction has begun and gives the time in milliseconds; what it raises ends the transaction.
    """
    transaction.clear()
    execute = transaction.execute
    try:
        execute("BEGIN IMMEDIATE")
        transaction.now_ms = begun()
        try:
            _perform(transaction, entries)
        except _SpoiltError:
            execute("ROLLBACK")
            execute("BEGIN IMMEDIATE")
            for entry in entries:
                _perform_apart(transaction, entry)
        for step in transaction.steps:
            failpoints.reached(f"store.{step}.before_commit")
        transaction.committing = True
        execute("COMMIT")
        for step in transaction.steps:
            failpoints.reached(f"store.{step}.after_commit")
    except BaseException:
        _roll_back(transaction)
        raise


def read(transaction: Transaction, entry: Entry, now_ms: int) -> None:
    """Run one operation that changes nothing, on one consistent view of the file."""
    transaction.now_ms = now_ms
    transaction.execute("BEGIN")
    try:
        _perform(transaction, (entry,))
        transaction.execute("COMMIT")
    except BaseException:
        _roll_back(transaction)
        raise


def _perform(transaction: Transaction, entries: Sequence[Entry]) -> None:
    combined: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.request is not ALONE:
            combined.setdefault(id(entry.operation), []).append(entry)
        else:
            _run(transaction, [entry])
    for together in combined.values():
        _run(transaction, together)


def _perform_apart(transaction: Transaction, entry: Entry) -> None:
    entry.result = entry.error = None
    transaction.execute("SAVEPOINT entry")
    try:
        _run(transaction, [entry])
    except _SpoiltError as spoilt:
        entry.error = spoilt.__cause__
        transaction.execute("ROLLBACK TO entry")
    transaction.execute("RELEASE entry")


def _run(transaction: Transaction, together: list[Entry]) -> None:
    first = together[0]
    changes_before = transaction.connection.total_changes()
    try:
        if first.request is ALONE:
            first.result = cast("Operation[Any]", first.operation)(transaction)
        else:
            results = _call_combined(transaction, together)
            for entry, result in zip(together, results, strict=True):
                entry.result = result
    except Exception as error:
        if failures.is_storage_error(error):
            raise
        if isinstance(error, UnicodeDecodeError):  # only text was ever written
            error = failures.damaged_text(error, transaction.connection.filename)
        if len(together) > 1 or transaction.connection.total_changes() != changes_before:
            raise _SpoiltError from error
        first.error = error


def _call_combined(transaction: Transaction, together: list[Entry]) -> Sequence[Any]:
    operation = cast("CombinedOperation[Any, Any]", together[0].operation)
    return operation(transaction, [entry.request for entry in together])


def _roll_back(transaction: Transaction) -> None:
    if transaction.connection.in_transaction:
        with contextlib.suppress(apsw.Error):  # then whoever owns the connection closes it
            transaction.execute("ROLLBACK")
