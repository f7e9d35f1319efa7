"""One connection that is opened when it is needed, and again after it failed."""

from __future__ import annotations

import ctypes
import os
import secrets
from typing import TYPE_CHECKING, TypeAlias

import apsw

from headrace.errors import StoreRefusedError, StoreUnavailableError
from headrace.store import failures, file
from headrace.store.presence import Mark
from headrace.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

_Identity: TypeAlias = tuple[tuple[int, int], tuple[int, int]]


class Reconnecting:
    """The connection of one thread. Never makes the file."""

    def __init__(
        self,
        path: Path,
        random: Random,
        *,
        durability: file.Durability,
        read_only: bool = False,
    ) -> None:
        self._when_busy: Callable[[int], bool] | None = None
        self._path, self._log = os.fspath(path), os.fspath(file.wal_of(path))
        self._store = path
        self._random = random
        self._durability = durability
        self._read_only = read_only
        self._transaction: Transaction | None = None
        self._mark: Mark | None = None
        self._identity: _Identity | None = None
        self._suspect = False

    def ready(self) -> Transaction:
        """The open connection, opened now if need be. Raises `StoreError`."""
        if self._transaction is None:
            return self._opened()
        if self._identity != self._found():
            self.discard()
            raise StoreRefusedError(
                f"{self._path} or its -wal was removed or replaced while it was in use: stop what uses it and put the "
                "file back"
            )
        return self._transaction

    def _opened(self) -> Transaction:
        connection = file.connect(self._store, create=False, durability=self._durability)
        try:
            return self.adopt(connection)
        except OSError as error:
            connection.close()
            raise StoreUnavailableError(f"{self._path}: {error}; nothing was written") from error

    def adopt(self, connection: apsw.Connection) -> Transaction:
        """Take over a connection that was just opened."""
        if self._suspect:
            self._start_log_anew(connection)
        if self._when_busy is not None:
            connection.set_busy_handler(self._when_busy)
        if self._read_only:
            connection.pragma("query_only", 1)
        self._mark = Mark(file.made_run_directory(self._store), secrets.token_hex(8))
        self._identity = self._found()
        self._transaction = Transaction(connection, self._random)
        return self._transaction

    def wait_by(self, when_busy: Callable[[int], bool]) -> None:
        """Call *when_busy* while another program holds SQLite's lock, instead of SQLite's own wait; False gives up."""
        self._when_busy = when_busy
        if self._transaction is not None:
            self._transaction.connection.set_busy_handler(when_busy)

    def failed(self, error: apsw.Error, *, doing: str) -> Exception:
        """Our error for SQLite's *error*; drops the connection if it can't be trusted any more."""
        transaction = self._transaction
        doubtful = False
        if transaction is not None:
            doubtful = transaction.committing and isinstance(error, apsw.IOError)
            if failures.needs_reopen(error) or transaction.connection.in_transaction:
                self._suspect = self._suspect or isinstance(error, apsw.IOError)
                self.discard()
        effect = "it may or may not be written" if doubtful else "nothing was written"
        during = doing if self._read_only else f"{doing}; {effect}"
        return failures.translated(error, self._path, during=during)

    def discard(self) -> None:
        """Close the connection, if there is one. The next use opens another."""
        transaction, self._transaction = self._transaction, None
        mark, self._mark = self._mark, None
        if mark is not None:
            mark.remove()
        if transaction is not None:
            transaction.connection.close(True)  # noqa: FBT003 - positional in apsw: whatever happens

    def abandon(self) -> None:
        """Leave the connection as it is, for ever: it is the parent's, and closing it here could harm its files."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            # One reference too many, so that not even the end of the interpreter closes it.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(transaction.connection))

    def _start_log_anew(self, connection: apsw.Connection) -> None:
        """After a failed write or sync: copy what the log has into the file, synced, and empty the log.

        The system may have dropped what it could not write, so a commit after that place in the log could be lost
        with it though its own sync succeeds.
        """
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            connection.close(True)  # noqa: FBT003 - positional in apsw: whatever happens
            raise StoreUnavailableError(
                f"{self._path}: the disk failed, and its log can't be started anew yet ({error}); nothing was written"
            ) from error
        self._suspect = False

    def _found(self) -> _Identity | None:
        try:
            store, log = os.stat(self._path), os.stat(self._log)  # noqa: PTH116 - cheap, once a commit
        except OSError:
            return None
        return (store.st_dev, store.st_ino), (log.st_dev, log.st_ino)
