"""What lies in the file: tables, their version, and the way from one version to the next.

A message is two rows under one key: `message` holds what every receive changes, `content` what never changes, so
that a receive does not rewrite bodies. The key is the queue's id and a number within the queue that is never used again,
so a queue's messages lie side by side, oldest first: the oldest message, a page for a peek and a purge need no index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import StoreRefusedError

if TYPE_CHECKING:
    import apsw

APPLICATION_ID = 0x48445243
"""``HDRC``: marks a file as a Headrace store."""

SEQUENCE_BITS = 40
"""A message's key is ``queue id << SEQUENCE_BITS | number within the queue``."""

_VERSION_1 = """
CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    visibility_timeout_seconds INTEGER NOT NULL,
    delay_seconds INTEGER NOT NULL,
    retention_seconds INTEGER NOT NULL,
    message_bytes_max INTEGER NOT NULL,
    dead_letter_queue TEXT,
    max_receive_count INTEGER,
    created_at_ms INTEGER NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0,
    message_count INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The two times of receiving hold the time of sending until then: so a row never grows, and no page is split, when its
-- message is received. held: 0 until the first receive, then 1; a release without delay sets it back to 0.
-- So (held 0, due later) is delayed and (held 1, due later) is in flight.
CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    queue_id INTEGER NOT NULL,
    held INTEGER NOT NULL,
    visible_at_ms INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    received_at_ms INTEGER NOT NULL,
    first_received_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX message_due ON message (queue_id, held, visible_at_ms);

CREATE TABLE content (
    key INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    moved_at_ms INTEGER,
    dead_letter_source TEXT,
    md5_of_body TEXT NOT NULL,
    attributes TEXT,
    md5_of_attributes TEXT,
    body TEXT NOT NULL
) STRICT;

-- How many messages that were never received become visible within each second.
CREATE TABLE delayed (
    queue_id INTEGER NOT NULL,
    due_second INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (queue_id, due_second)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1,)
"""Script N leads from version N to version N + 1."""

VERSION = len(MIGRATIONS)


def upgrade(connection: apsw.Connection) -> None:
    """Bring the file to this program's version in one transaction; a newer file is refused."""
    found = version(connection)
    if found == VERSION:
        return
    if found > VERSION:
        raise StoreRefusedError(
            f"{connection.filename} has schema version {found}, this Headrace knows up to {VERSION}: "
            "use the Headrace that wrote it, or a newer one"
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[
            version(connection) :
        ]:  # read again: another process may have been first
            connection.execute(script)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version(connection: apsw.Connection) -> int:
    """The schema version that the file states."""
    return int(connection.pragma("user_version"))
