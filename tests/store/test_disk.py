"""A disk that is full or fails: nothing is invented, nothing acknowledged is lost, and the store heals by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from headrace.errors import StoreRefusedError, StoreUnavailableError
from headrace.model.queue import QueueSettings
from headrace.producer import Queue
from headrace.store import file, group
from headrace.store.queues import Queues
from headrace.store.writer import Store
from tests.store.programs import program


def bodies(store):
    return [message.body for message in Queues(store).peek("orders")]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with Store.open(path) as store:
        Queues(store).create(QueueSettings("orders"))
    return path


def fill_up(queue):
    """Send until the disk is full; returns what was acknowledged."""
    acknowledged = []
    for number in range(10_000):
        body = f"{number} " + "x" * 5000
        if (text := refusal_of(queue, body)) is not None:
            assert "the disk is full" in text
            assert "nothing was written" in text
            break
        acknowledged.append(body)
    return acknowledged


def refusal_of(queue, body):
    try:
        queue.send(body)
    except StoreUnavailableError as error:
        return str(error)
    return None


def test_a_full_disk_refuses_sends_and_heals_by_itself(path):
    """Here the limit is SQLite's own, so that no root is needed."""
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        assert store._process is not None
        connection = store._running().committer._connection.ready().connection
        connection.pragma("max_page_count", 100)
        acknowledged = fill_up(queue)
        assert acknowledged
        with pytest.raises(StoreUnavailableError):
            queue.send("y" * 500_000)
        assert bodies(store) == acknowledged
        connection.pragma("max_page_count", 1_000_000)
        queue.send("after")

        assert bodies(store) == [*acknowledged, "after"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_file_system_refuses_sends_and_heals_by_itself(tmp_path):
    with small_disk(tmp_path / "disk", "2M") as disk:
        with Store.open(disk / "shop.db") as store, Queue("orders", store=store) as queue:
            Queues(store).create(QueueSettings("orders"))
            acknowledged = fill_up(queue)
            assert bodies(store) == acknowledged
            mount("-o", "remount,size=8M", disk)
            queue.send("after")
            assert bodies(store)[-1:] == ["after"]
        with Store.open(disk / "shop.db", verify=True) as store:
            assert bodies(store)[-1:] == ["after"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_store_is_not_half_made_on_a_full_disk(tmp_path):
    with small_disk(tmp_path / "disk", "16k") as disk:
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            Store.open(disk / "shop.db")
        assert not (disk / "shop.db").exists()
        mount("-o", "remount,size=8M", disk)
        with Store.open(disk / "shop.db") as store:
            Queues(store).create(QueueSettings("orders"))


@contextmanager
def small_disk(place: Path, size):
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount here")
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", "-l", place], check=True)


def mount(*arguments):
    subprocess.run(["/bin/mount", *arguments], check=True)


class FailingFile(apsw.VFSFile):
    """A file whose next sync fails, once."""

    armed = False

    def __init__(self, name, flags):
        super().__init__("unix", name, flags)

    def xSync(self, flags):  # noqa: N802 - SQLite's name
        if FailingFile.armed:
            FailingFile.armed = False
            raise apsw.IOError("sync failed") from OSError(errno.EIO, "EIO")
        return super().xSync(flags)


class FailingDisk(apsw.VFS):
    def __init__(self):
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        return FailingFile(name, flags)


@pytest.fixture
def failing_disk():
    before = apsw.vfs_names()[0]
    disk = FailingDisk()
    FailingFile.armed = False
    yield FailingFile
    disk.unregister()
    assert apsw.vfs_names()[0] == before


def test_a_failed_sync_leaves_the_outcome_open_and_the_connection_is_not_trusted(
    path, failing_disk
):
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        queue.send("before")
        failing_disk.armed = True
        with pytest.raises(StoreUnavailableError, match="it may or may not be written"):
            queue.send("perhaps")
        queue.send("after")

        found = bodies(store)
    assert [body for body in found if body != "perhaps"] == ["before", "after"]
    with Store.open(path, verify=True) as store:
        assert bodies(store) == found


def test_after_a_failed_sync_the_log_starts_anew(path, failing_disk):
    """What the system dropped must not lie before what is synced later."""
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        for number in range(20):
            queue.send(f"{number} " + "x" * 3000)
        before = file.wal_of(path).stat().st_size
        failing_disk.armed = True
        with pytest.raises(StoreUnavailableError):
            queue.send("perhaps")
        queue.send("after")

        assert file.wal_of(path).stat().st_size < before


def test_while_the_log_cannot_start_anew_nothing_is_written(path, failing_disk, monkeypatch):
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        queue.send("before")
        failing_disk.armed = True
        with pytest.raises(StoreUnavailableError):
            queue.send("perhaps")
        failing_disk.armed = True  # the checkpoint syncs too
        with pytest.raises(
            StoreUnavailableError, match=r"can't be started anew yet|failed to read or write"
        ):
            queue.send("not yet")
        queue.send("after")

        assert "not yet" not in bodies(store)
        assert bodies(store)[-1] == "after"


def test_every_operation_of_a_failed_group_gets_its_own_error(path, failing_disk):
    async def main():
        with Store.open(path) as store, Queue("orders", store=store) as queue:
            await queue.asend("before")
            failing_disk.armed = True
            return await asyncio.gather(
                *(queue.asend("x") for _ in range(5)), return_exceptions=True
            )

    errors = asyncio.run(main())

    assert {type(error) for error in errors} == {StoreUnavailableError}
    assert len({id(error) for error in errors}) == 5


def test_a_program_that_reads_for_long_delays_the_log_but_no_write(path, monkeypatch):
    monkeypatch.setattr("headrace.store.upkeep.LOG_BYTES_MAX", 200_000)
    monkeypatch.setattr("headrace.store.committer._UPKEEP_COMMITS", 5)
    log = file.wal_of(path)
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM queue").fetchall()
        for _ in range(100):
            queue.send("x" * 5000)
        assert log.stat().st_size > 200_000
        reader.execute("COMMIT")
        reader.close()
        for _ in range(10):
            queue.send("x" * 100)

        assert log.stat().st_size < 200_000
        assert len(bodies(store)) == 110


def test_a_file_that_was_large_gives_room_back_while_nothing_else_is_to_do(path, monkeypatch):
    monkeypatch.setattr("headrace.store.upkeep.FREE_PAGES_MIN", 50)
    monkeypatch.setattr("headrace.store.committer._UPKEEP_COMMITS", 5)
    monkeypatch.setattr("headrace.store.committer._UPKEEP_SECONDS", 0.001)
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        queue.send_many("x" * 5000 for _ in range(2000))
        pages = pages_of(store)
        Queues(store).purge("orders")
        for _ in range(5):
            queue.send("x")
        for _ in range(2000):
            if pages_of(store) < pages / 4:
                break

        assert pages_of(store) < pages / 4
        assert bodies(store) == ["x"] * 5


def pages_of(store):
    time.sleep(0.005)
    return store.read_sync(lambda transaction: transaction.value("PRAGMA page_count"))


def test_a_process_killed_in_the_commit_leaves_all_or_nothing(path):
    code = """
        os.environ.pop("HEADRACE_FAILPOINT", None)
        with Store.open(path) as store, Queue("orders", store=store) as queue:
            queue.send("before")
            say("ready")
            queue.send_many(["a", "b"])
    """
    for point, expected in (
        ("store.send.before_commit:2", ["before"]),
        ("store.send.after_commit:2", ["before", "a", "b"]),
    ):
        with program(code, path, HEADRACE_FAILPOINT=point) as other:
            assert other.line() == "ready"
            assert other.process.wait(10) == -9
        with Store.open(path, verify=True) as store:
            assert bodies(store) == expected
            Queues(store).purge("orders")


def test_damage_found_while_running_is_refused_and_said(path, monkeypatch):
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        queue.send("x")

        def corrupt(*_):
            raise apsw.CorruptError("database disk image is malformed")

        with monkeypatch.context() as patch:
            patch.setattr(group, "commit", corrupt)
            with pytest.raises(StoreRefusedError, match=r"is damaged .* restore a backup"):
                queue.send("y")
        queue.send("z")
        assert bodies(store) == ["x", "z"]
