"""The store's door without threads: operations run where they are called. For simulations and tests.

Everything lies in memory and time is the given clock's, so it works on a virtual-time loop. After a commit the caller lets
the loop run once, as it would while a thread commits.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any, cast

import apsw

from headrace.errors import StoreUnavailableError
from headrace.store import failures, file, group
from headrace.store.changes import Topics
from headrace.store.group import Entry
from headrace.store.transaction import Transaction, milliseconds

if TYPE_CHECKING:
    from headrace.abc import Clock
    from headrace.store.changes import Changes
    from headrace.store.transaction import CombinedOperation, Operation, R, T


class InlineStore:
    """A store in memory, or on *connection*; belongs to one thread."""

    def __init__(
        self,
        clock: Clock,
        *,
        random: Random | None = None,
        connection: apsw.Connection | None = None,
    ) -> None:
        self.clock = clock
        self._transaction: Transaction | None = Transaction(
            file.memory() if connection is None else connection,
            random or Random(0),  # noqa: S311 - message ids, no secrets
        )
        self._topics = Topics(clock)

    async def write(self, operation: Operation[T]) -> T:
        """Run *operation* and return its result once it is committed."""
        result = self._committed(Entry(operation))
        await asyncio.sleep(0)
        return cast("T", result)

    async def write_combined(self, operation: CombinedOperation[R, T], request: R) -> T:
        """Run *operation* for this request alone."""
        result = self._committed(Entry(operation, request))
        await asyncio.sleep(0)
        return cast("T", result)

    def write_sync(self, operation: Operation[T]) -> T:
        """Run *operation* and return its result once it is committed."""
        return cast("T", self._committed(Entry(operation)))

    async def read(self, operation: Operation[T]) -> T:
        """Run *operation*, which changes nothing."""
        return self.read_sync(operation)

    def read_sync(self, operation: Operation[T]) -> T:
        """Run *operation*, which changes nothing."""
        transaction = self._open()
        transaction.now_ms = milliseconds(self.clock)
        return operation(transaction)

    def changes(self, topic: str) -> Changes:
        """What is known of *topic*."""
        return self._topics.changes(topic)

    def close(self) -> None:
        """Give the memory back. Idempotent."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            self._topics.wake_all()
            transaction.connection.close()

    async def aclose(self) -> None:
        """Like `close`."""
        self.close()

    def _open(self) -> Transaction:
        if self._transaction is None:
            raise StoreUnavailableError("the store was closed")
        return self._transaction

    def _committed(self, entry: Entry) -> Any:  # noqa: ANN401 - cast by the callers
        transaction = self._open()
        try:
            group.commit(transaction, (entry,), lambda: milliseconds(self.clock))
        except apsw.Error as error:
            raise failures.translated(error, "the store", during="committing") from error
        self._topics.note(transaction.changed)
        if entry.error is not None:
            raise entry.error
        return entry.result
