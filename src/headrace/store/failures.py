"""Translate what SQLite raises into our own errors, split by whether waiting helps."""

from __future__ import annotations

import apsw

from headrace.errors import StoreError, StoreRefusedError, StoreUnavailableError

_DAMAGED = (
    "{path} is damaged ({what}): stop what uses it and restore a backup, or save what is left with "
    "`sqlite3 {path} .recover`"
)
_REFUSED = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)
_UNAVAILABLE: dict[type[apsw.Error], str] = {
    apsw.FullError: "the disk is full",
    apsw.BusyError: "another program holds the file's lock",
    apsw.LockedError: "another connection holds the file's lock",
    apsw.IOError: "the disk failed to read or write",
    apsw.ReadOnlyError: "the file can't be written now",
    apsw.CantOpenError: "the file can't be opened",
    apsw.NoMemError: "there is no memory left",
    apsw.InterruptError: "the operation was interrupted",
}
_NEEDS_REOPEN = (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.NoMemError, *_REFUSED)


def is_storage_error(error: BaseException) -> bool:
    """Whether *error* tells of the file or disk, not of an operation's own mistake."""
    return isinstance(error, (*_REFUSED, *_UNAVAILABLE))


def needs_reopen(error: BaseException) -> bool:
    """Whether the connection can't be trusted after *error*: what it holds in memory may not be what the disk has."""
    return isinstance(error, _NEEDS_REOPEN)


def damaged_text(error: UnicodeDecodeError, path: str) -> StoreRefusedError:
    """Our error for text in the file that is none any more: only the operation that reads it fails."""
    return StoreRefusedError(
        _DAMAGED.format(path=path, what=f"text that is not UTF-8: {error.reason}")
    )


def translated(error: apsw.Error, path: str, *, during: str) -> StoreError:
    """Our error for SQLite's *error*, which came *during* something."""
    if isinstance(error, _REFUSED):
        return StoreRefusedError(_DAMAGED.format(path=path, what=f"{error}, {during}"))
    for kind, what in _UNAVAILABLE.items():
        if isinstance(error, kind):
            return StoreUnavailableError(f"{path}: {what} ({error}, {during})")
    return StoreUnavailableError(f"{path}: {error} ({during})")
