"""Keep the file and its log small, in portions that nobody notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from headrace.store.file import wal_of

if TYPE_CHECKING:
    from pathlib import Path

LOG_BYTES_MAX = 32 * 1024 * 1024
"""Above this the log is started anew as soon as no reader needs it. SQLite copies it into the file all the time."""

FREE_PAGES_MIN = 4096
FREE_SHARE_MIN = 0.25
PORTION_PAGES = 256


class Upkeep:
    """Looks after one store, between the transactions of its writer."""

    def __init__(self, path: Path) -> None:
        self._log = wal_of(path)
        self.more = False
        """Whether there is more to do as soon as nothing else is."""

    def work(self, connection: apsw.Connection) -> None:
        """Do one portion. Readers that hold the log back are not waited for."""
        self.more = False
        try:
            if self._log.stat().st_size > LOG_BYTES_MAX:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            free = int(connection.pragma("freelist_count"))
            if free >= FREE_PAGES_MIN and free >= FREE_SHARE_MIN * _page_count(connection):
                connection.execute(f"PRAGMA incremental_vacuum({PORTION_PAGES})").fetchall()
                self.more = True
        except (apsw.Error, OSError):
            return  # it will be tried again, and the next commit tells what is wrong


def _page_count(connection: apsw.Connection) -> int:
    return int(connection.pragma("page_count"))
