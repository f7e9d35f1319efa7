"""Notice that a write-ahead log was taken away, with commits in it that the file itself does not have yet.

Theory of operation. What a process that died left in ``FILE-wal`` is read by the next that opens the file. A missing log looks to
SQLite like a clean end. So the log is kept at the last close, empty (`file`), and each process keeps a mark, a locked file
in the run directory, made after the log exists and removed before the file is closed. A mark without a log thus means that
somebody removed the log. The lock tells whether the mark's process lives.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from headrace.errors import StoreRefusedError
from headrace.store.locks import close_lock_file, open_lock_file

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX = ".open"


class Mark:
    """Says that a process has the store open."""

    def __init__(self, run_directory: Path, owner: str) -> None:
        self._path = run_directory / f"{owner}{_SUFFIX}"
        self._descriptor = open_lock_file(self._path)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Take the mark away, before the file is closed."""
        self._path.unlink(missing_ok=True)
        close_lock_file(self._descriptor)


def refuse_missing_log(run_directory: Path, log: Path) -> None:
    """Raise `StoreRefusedError` if there are marks but no log. To be called before the file is opened."""
    if not _marks(run_directory) or log.exists():
        return
    if not _marks(run_directory):  # its process ended well in this moment
        return
    raise StoreRefusedError(
        f"{log} is gone, though the store was not closed: the last messages were in it. Stop what uses the store and put "
        f"the file back; to go on without them, remove {run_directory}"
    )


def remove_stale_marks(run_directory: Path) -> None:
    """Forget processes that died. To be called once the file, and so the log, is open."""
    for path in _marks(run_directory):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _marks(run_directory: Path) -> list[Path]:
    return list(run_directory.glob(f"*{_SUFFIX}")) if run_directory.is_dir() else []
