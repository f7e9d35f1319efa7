"""Open or make the one SQLite file, and refuse every file that must not be used.

Theory of operation. A store is made under another name, complete, synced, and then renamed into place, all under a file lock: so
a file with the store's name is either whole or not ours, and an empty or broken one is never "started fresh".
Before the first statement on an existing file, its size and first 100 bytes are judged (`_judge`): magic, page
count, whose application it is. SQLite itself would silently drop the WAL of an empty file, for example. The bytes are
read through SQLite: opening the file beside it and closing it again would drop the locks of this process's
other connections (POSIX). Then the version is brought up to date and the tables are compared.

What every open costs is the header and the schema, independent of size. `check_integrity` reads the whole file; an
engine calls it through `Store.open(verify=True)`, which reads files up to `VERIFY_BYTES_MAX` only (0.4 s). A flipped bit
inside a body can't be seen by either (SQLite keeps no checksums); one inside the structure is found when it is read.

Beside ``FILE`` lie SQLite's ``FILE-wal`` and ``FILE-shm``, and the directory ``FILE-run`` with locks and sockets,
which may be deleted while nothing runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from headrace.errors import StoreError, StoreRefusedError, StoreUnavailableError
from headrace.store import failures, filesystem, forking, presence, schema
from headrace.store.locks import EngineLock, Turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator

MODE = 0o600
_DIRECTORY_MODE = 0o700
VERIFY_BYTES_MAX = 256 * 1024 * 1024
_HEADER_BYTES = 100
_STATEMENTS = 64  # the cache is searched from end to end
_MAGIC = b"SQLite format 3\0"
_FIXED_VERSION = (3, 51, 3)


class Durability(StrEnum):
    """What a commit survives: ``full`` a power cut, ``normal`` the death of every process, but not a power cut."""

    FULL = "full"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Description:
    """What `headrace doctor` says of a store."""

    path: Path
    exists: bool
    file_system: str
    bytes: int = 0
    wal_bytes: int = 0
    schema_version: int | None = None
    refused: str | None = None
    """Why the file would not be opened, or None."""


def sqlite_verdict() -> tuple[str, bool]:
    """The version of SQLite in use, and whether it has the fix for two connections that corrupt a WAL (3.51.3)."""
    version = apsw.sqlite_lib_version()
    return version, tuple(int(part) for part in version.split(".")[:3]) >= _FIXED_VERSION


def describe(path: str | os.PathLike[str]) -> Description:
    """Look at a store without changing it; never raises for what it finds."""
    store = Path(path).absolute()
    kind = filesystem.type_of(store.parent)
    if not store.exists():
        return Description(store, exists=False, file_system=kind)
    look = partial(
        Description, store, file_system=kind, bytes=_size(store), wal_bytes=_size(wal_of(store))
    )
    try:
        with forking.opening, _translating(store), contextlib.closing(_open(store)) as connection:
            return look(exists=True, schema_version=_judge(store, connection))
    except StoreError as error:
        return look(exists=True, refused=str(error))


def wal_of(path: Path) -> Path:
    """The write-ahead log that belongs to the file at *path*."""
    return path.with_name(path.name + "-wal")


def run_directory_of(path: Path) -> Path:
    """The directory of locks and sockets that belongs to the file at *path*."""
    return path.with_name(path.name + "-run")


def engine_lock(path: str | os.PathLike[str]) -> EngineLock:
    """The right to be the one engine on the store at *path*; not yet taken."""
    return EngineLock(made_run_directory(Path(path).absolute()) / "engine")


def turnstile(path: Path) -> Turnstile:
    """The locks through which the writers of the store at *path* go."""
    return Turnstile(made_run_directory(path))


def connect(
    path: str | os.PathLike[str],
    *,
    create: bool = True,
    durability: Durability = Durability.FULL,
    wait_seconds: float = 30.0,
) -> apsw.Connection:
    """Open the store at *path*, ready to read and write; make it first if there is none and *create* is set.

    Raises `StoreRefusedError` with what was found and what to do, `StoreUnavailableError` where waiting may help.
    """
    store = Path(path).absolute()
    with _translating(store):
        _refuse_place(store)
        if not store.exists():
            _make(store, create=create)
        run_directory = made_run_directory(store)
        presence.refuse_missing_log(run_directory, wal_of(store))
        connection = _open(store)
        try:
            _judge(store, connection)
            _configure(connection, durability, wait_seconds)
            schema.upgrade(connection)
            _compare_tables(connection)
            presence.remove_stale_marks(run_directory)
        except BaseException:
            connection.close()
            raise
    return connection


def memory() -> apsw.Connection:
    """A store in memory, for simulations and tests."""
    connection = apsw.Connection(":memory:", statementcachesize=_STATEMENTS)
    schema.upgrade(connection)
    return connection


def check_integrity(connection: apsw.Connection) -> None:
    """Read the whole file and raise `StoreRefusedError` if its structure is damaged."""
    with _translating(Path(connection.filename)):
        found = connection.execute("PRAGMA quick_check(1)").get
        if found != "ok":
            raise apsw.CorruptError(str(found))


def verify(connection: apsw.Connection) -> None:
    """`check_integrity` for a file of at most `VERIFY_BYTES_MAX`; a larger one would delay a start too much."""
    if Path(connection.filename).stat().st_size <= VERIFY_BYTES_MAX:
        check_integrity(connection)


def _make(store: Path, *, create: bool) -> None:
    """Make the file, complete and synced, and rename it into place."""
    if _size(wal_of(store)):
        raise StoreRefusedError(
            f"{store} is missing, but {wal_of(store).name} holds data of it: put the file back, or remove that one too"
        )
    if not create:
        raise StoreRefusedError(
            f"there is no store at {store}: make a queue in it with "
            f"`headrace queue create NAME --store {store}`, or give the right path"
        )
    locks = turnstile(store)
    try:
        locks.enter(lambda: None)
        if not store.exists():
            _build(store)
        locks.leave()
    finally:
        locks.close()


def _build(store: Path) -> None:
    draft = store.with_name(store.name + "-new")
    for leftover in (draft, wal_of(draft), draft.with_name(draft.name + "-journal")):
        leftover.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    os.fchmod(descriptor, MODE)  # whatever the umask is
    os.close(descriptor)
    connection = apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    schema.upgrade(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    _sync(draft)
    draft.rename(store)
    _sync(store.parent)


def _configure(connection: apsw.Connection, durability: Durability, wait_seconds: float) -> None:
    connection.set_busy_timeout(int(wait_seconds * 1000))
    if connection.pragma("journal_mode", "wal") != "wal":
        raise StoreRefusedError(
            f"{connection.filename} can't be put into WAL mode on this file system"
        )
    _keep_log(connection)
    connection.pragma("synchronous", durability.value.upper())
    if sys.platform == "darwin":  # there fsync does not reach the platter
        connection.pragma("fullfsync", 1)
        connection.pragma("checkpoint_fullfsync", 1)
    connection.pragma("temp_store", "MEMORY")
    connection.pragma("cache_size", -16_384)
    connection.pragma("journal_size_limit", 16 * 1024 * 1024)
    connection.pragma("foreign_keys", 0)
    connection.pragma("trusted_schema", 0)


def _keep_log(connection: apsw.Connection) -> None:
    """Have SQLite leave the log in place at the last close, so that a missing one means that somebody removed it.

    Else the last of several processes to close would remove it, while the mark of one that was killed still stands.
    """
    wanted = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(wanted))


def _compare_tables(connection: apsw.Connection) -> None:
    """Refuse a file whose tables and indexes are not word for word as our own scripts make them."""
    fresh = memory()
    wanted = _tables(fresh)
    fresh.close()
    found = _tables(connection)
    other = sorted(name for name in wanted if found.get(name) != wanted[name])
    if other:
        raise StoreRefusedError(
            f"{connection.filename} lacks {', '.join(other)} as Headrace makes it: another program changed the file, or it "
            "is damaged; restore a backup"
        )


def _tables(connection: apsw.Connection) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
    return dict(connection.execute(query).fetchall())  # type: ignore[arg-type]


def _refuse_place(store: Path) -> None:
    if not store.parent.is_dir():
        raise StoreRefusedError(
            f"the directory {store.parent} does not exist: make it first, or give another path for the store"
        )
    if store.is_dir():
        raise StoreRefusedError(f"{store} is a directory: give the path of a file for the store")
    filesystem.refuse_network(store.parent)


def _open(store: Path) -> apsw.Connection:
    _refuse_place(store)
    _refuse_empty(store)
    return apsw.Connection(
        str(store), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=_STATEMENTS
    )


def _refuse_empty(store: Path) -> None:
    found = store.stat()
    if found.st_size == 0:
        raise StoreRefusedError(
            f"{store} is empty (0 bytes), which a store never is: restore a backup, or remove it to start a new one"
        )
    if not stat.S_IMODE(found.st_mode) & 0o222:  # root would be let in all the same
        raise StoreRefusedError(f"{store} is read-only: make it writable with `chmod u+w {store}`")


def _judge(store: Path, connection: apsw.Connection) -> int:
    """Refuse a file that is not a usable store by its first bytes; returns the schema version in its header."""
    size = _size(store)
    header = connection.read("main", 0, 0, _HEADER_BYTES)[1] if size >= _HEADER_BYTES else b""
    if not header.startswith(_MAGIC):
        raise StoreRefusedError(
            f"{store} is not an SQLite file, or its header is damaged: restore a backup, or give another path"
        )
    if connection.readonly("main"):
        raise StoreRefusedError(
            f"{store} can be read but not written: give this user write permission on it"
        )
    application = int.from_bytes(header[68:72], "big")
    if application != schema.APPLICATION_ID:
        raise StoreRefusedError(
            f"{store} is an SQLite file of another program (application id {application:#x}): "
            "give another path for the store"
        )
    _refuse_truncated(store, header, size)
    return int.from_bytes(header[60:64], "big")


def _refuse_truncated(store: Path, header: bytes, size: int) -> None:
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65_536 if page_bytes == 1 else page_bytes
    pages = int.from_bytes(header[28:32], "big")
    counted = header[24:28] == header[92:96]  # else the page count is not to be believed
    # A crash within a checkpoint may leave the file short; then the WAL still has the pages.
    if counted and size < pages * page_bytes and not _size(wal_of(store)):
        raise StoreRefusedError(
            f"{store} is truncated: {size} bytes instead of {pages * page_bytes}; restore a backup"
        )


def made_run_directory(store: Path) -> Path:
    """The run directory of *store*, there and private. Raises `StoreRefusedError`."""
    directory = run_directory_of(store)
    try:
        directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        if stat.S_IMODE(directory.stat().st_mode) != _DIRECTORY_MODE:
            directory.chmod(_DIRECTORY_MODE)
    except OSError as error:
        raise StoreRefusedError(
            f"{directory} can't be made ({error.strerror}): the store needs a directory that this user may write in"
        ) from error
    return directory


@contextlib.contextmanager
def _translating(store: Path) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise failures.translated(error, str(store), during="opening the store") from error
    except UnicodeDecodeError as error:
        raise failures.damaged_text(error, str(store)) from error
    except OSError as error:
        raise StoreUnavailableError(f"{store}: {error.strerror} (opening the store)") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
