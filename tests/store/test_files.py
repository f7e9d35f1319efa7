"""What may be opened, what is refused and in which words, and what is made."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from random import Random

import apsw
import pytest

from headrace.errors import StoreError, StoreRefusedError, StoreUnavailableError
from headrace.model.queue import QueueSettings
from headrace.store import file, schema
from headrace.store.message import prepare
from headrace.store.queues import Queues
from headrace.store.writer import Store

LOCKS = Path("/proc/locks")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.db"


def fill(path, count=50):
    with Store.open(path) as store:
        queues = Queues(store)
        queues.create(QueueSettings("orders"))
        queues.send("orders", [prepare(f"message {number}") for number in range(count)])


def bodies(path):
    with Store.open(path, create=False) as store:
        return [message.body for message in Queues(store).peek("orders")]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def refusal(path, **options):
    with pytest.raises(StoreRefusedError) as caught:
        Store.open(path, **options)
    return str(caught.value)


def test_a_new_store_is_what_its_description_says(path):
    connection = file.connect(path)
    try:
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2  # FULL
        assert connection.pragma("auto_vacuum") == 2  # INCREMENTAL
        assert connection.pragma("application_id") == schema.APPLICATION_ID
        assert connection.pragma("user_version") == schema.VERSION
    finally:
        connection.close()


def test_the_faster_mode_is_chosen_by_name(path):
    connection = file.connect(path, durability=file.Durability.NORMAL)
    assert connection.pragma("synchronous") == 1
    connection.close()
    with pytest.raises(ValueError, match="fast"):
        Store(path, durability="fast")


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_files_are_for_their_owner_alone_whatever_the_umask(path, umask):
    before = os.umask(umask)
    try:
        fill(path)
        store = Store.open(path)
        Queues(store).send("orders", [prepare("x")])
    finally:
        os.umask(before)

    found = {each.name: mode(each) for each in path.parent.iterdir()}
    assert found == {
        "shop.db": 0o600,
        "shop.db-wal": 0o600,
        "shop.db-shm": 0o600,
        "shop.db-run": 0o700,
    }
    assert {mode(each) for each in (path.parent / "shop.db-run").iterdir()} == {0o600}
    store.close()


def test_a_closed_store_is_whole_in_its_one_file(path):
    fill(path)

    assert path.with_name("shop.db-wal").stat().st_size == 0
    for each in path.parent.iterdir():
        if each != path:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    assert len(bodies(path)) == 50


def test_a_process_that_was_killed_is_no_reason_to_miss_the_log(path):
    """The last to close empties the log; the mark of a killed process still stands then."""
    fill(path)
    with Store.open(path):
        killed = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert killed.stdout is not None
        killed.stdout.readline()
        killed.kill()
        killed.communicate()

    assert len(bodies(path)) == 50


HOLD = """
import sys, time
from headrace.store.writer import Store
store = Store.open(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


def test_a_process_that_was_killed_beside_others_does_not_hinder_the_next_start(path):
    """Its mark stands, but the log that the others leave behind is there, and empty."""
    fill(path)
    with Store.open(path) as store:
        Queues(store).send("orders", [prepare("x")])
        (file.run_directory_of(path) / "killed.open").touch(mode=0o600)

    assert len(bodies(path)) == 51


def test_a_missing_directory_is_named(tmp_path):
    text = refusal(tmp_path / "no" / "shop.db")

    assert f"the directory {tmp_path / 'no'} does not exist" in text


def test_a_directory_is_no_store(tmp_path):
    assert "is a directory" in refusal(tmp_path)


def test_a_missing_store_is_not_made_by_who_only_uses_it(path):
    assert f"`headrace queue create NAME --store {path}`" in refusal(path, create=False)
    assert list(path.parent.iterdir()) == []


def test_an_empty_file_is_never_started_fresh(path):
    path.touch(mode=0o600)

    assert "is empty (0 bytes)" in refusal(path)
    assert path.stat().st_size == 0


def test_an_empty_file_with_a_log_keeps_its_log(path):
    """SQLite by itself would delete the log without a word."""
    fill(path)
    log = file.wal_of(path)
    store = Store.open(path)
    Queues(store).send("orders", [prepare("x")])
    saved = log.read_bytes()
    store.close()
    path.write_bytes(b"")
    log.write_bytes(saved)

    assert "is empty (0 bytes)" in refusal(path)
    assert log.read_bytes() == saved


def test_a_log_without_its_file_is_not_started_fresh(path):
    file.wal_of(path).write_bytes(b"x" * 5000)

    assert "is missing, but shop.db-wal holds data of it" in refusal(path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"x", b"x" * 8192, b"SQLite format 3\0", b"{}" * 60])
def test_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)

    assert "is not an SQLite file, or its header is damaged" in refusal(path)
    assert path.read_bytes() == content


def test_another_programs_sqlite_file_is_refused(path):
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()

    assert "is an SQLite file of another program (application id 0x0)" in refusal(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(path):
    fill(path)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", schema.VERSION + 1)
    connection.close()

    text = refusal(path)

    assert f"has schema version {schema.VERSION + 1}, this Headrace knows up to" in text


def test_a_read_only_file_is_refused_even_for_root(path):
    fill(path)
    path.chmod(0o400)

    assert f"is read-only: make it writable with `chmod u+w {path}`" in refusal(path)


def test_a_truncated_file_is_refused(path):
    fill(path, 1000)
    size = path.stat().st_size
    os.truncate(path, size - 4096)

    assert f"is truncated: {size - 4096} bytes instead of {size}" in refusal(path)


def test_a_file_that_lacks_a_table_is_refused(path):
    fill(path)
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE delayed")
    connection.close()

    assert "lacks delayed as Headrace makes it: another program changed the file" in refusal(path)


def test_an_old_version_is_brought_up_to_date_in_one_step(path, monkeypatch):
    fill(path)
    more = (
        *schema.MIGRATIONS,
        "CREATE TABLE later (x INTEGER) STRICT; INSERT INTO later VALUES (1)",
    )
    monkeypatch.setattr(schema, "MIGRATIONS", more)
    monkeypatch.setattr(schema, "VERSION", len(more))

    assert len(bodies(path)) == 50
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == len(more)
    assert connection.execute("SELECT * FROM later").fetchall() == [(1,)]
    connection.close()


def test_an_upgrade_that_fails_changes_nothing(path, monkeypatch):
    fill(path)
    with monkeypatch.context() as patch:
        more = (*schema.MIGRATIONS, "CREATE TABLE later (x INTEGER) STRICT; SELECT nonsense")
        patch.setattr(schema, "MIGRATIONS", more)
        patch.setattr(schema, "VERSION", len(more))
        with pytest.raises(StoreError, match="nonsense"):
            Store.open(path)

    assert len(bodies(path)) == 50


def test_a_log_that_was_removed_after_a_crash_is_missed(path):
    """What it held had been acknowledged, and the file alone looks whole."""
    fill(path)
    log = crashed(path)
    log.unlink()
    path.with_name("shop.db-shm").unlink()

    text = refusal(path)

    assert f"{log} is gone, though the store was not closed" in text
    shutil.rmtree(file.run_directory_of(path))
    assert len(bodies(path)) == 50


def test_what_a_crash_left_in_the_log_is_there_again(path):
    fill(path)
    crashed(path)

    assert bodies(path)[50:] == ["in the log"]
    assert len(bodies(path)) == 51


def test_a_log_with_its_end_torn_off_loses_only_that(path):
    """SQLite stops at the first frame that is not whole. FULL has synced every frame that was acknowledged."""
    fill(path)
    log = crashed(path)
    os.truncate(log, log.stat().st_size - 100)

    assert len(bodies(path)) == 50


def crashed(path):
    """Leave the files as a process that was killed leaves them; returns the log."""
    log = file.wal_of(path)
    store = Store.open(path)
    Queues(store).send("orders", [prepare("in the log")])
    saved = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    [mark] = file.run_directory_of(path).glob("*.open")
    store.close()
    for each, content in saved.items():
        each.write_bytes(content)
    mark.touch(mode=0o600)
    return log


def test_a_store_that_is_replaced_while_in_use_is_noticed(path):
    fill(path)
    with Store.open(path) as store:
        queues = Queues(store)
        queues.send("orders", [prepare("before")])
        path.rename(path.with_name("moved.db"))
        with pytest.raises(StoreRefusedError, match="was removed or replaced while it was in use"):
            queues.send("orders", [prepare("into nowhere")])
        with pytest.raises(StoreRefusedError, match=r"there is no store|holds data of it"):
            queues.send("orders", [prepare("into nowhere")])


def test_a_log_that_is_removed_while_in_use_is_noticed_and_nothing_is_lost(path):
    fill(path)
    with Store.open(path) as store:
        queues = Queues(store)
        queues.send("orders", [prepare("before")])
        file.wal_of(path).unlink()
        with pytest.raises(StoreRefusedError, match="was removed or replaced while it was in use"):
            queues.send("orders", [prepare("refused")])
        queues.send("orders", [prepare("after")])

    assert bodies(path)[50:] == ["before", "after"]


@pytest.mark.slow
def test_flipped_bits_are_refused_or_harmless_and_never_an_empty_start(path, tmp_path):
    """Bits inside a body can't be noticed: SQLite keeps no checksums. Everything else must be."""
    fill(path, 300)
    whole = path.read_bytes()
    random = Random(7)
    copy = tmp_path / "flipped.db"
    refused = 0
    for _ in range(300):
        shutil.rmtree(file.run_directory_of(copy), ignore_errors=True)
        damaged = bytearray(whole)
        damaged[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        copy.write_bytes(damaged)
        try:
            with Store.open(copy, verify=True) as store:
                found = list(Queues(store).peek("orders"))
        except StoreError:
            refused += 1
            continue
        assert len(found) == 300

    assert refused > 3


def test_a_damaged_page_is_named_when_it_is_read(path):
    fill(path, 300)
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 4096):
        content[at : at + 12] = b"\xff" * 12
    path.write_bytes(content)

    with (
        pytest.raises(StoreRefusedError, match=r"is damaged .*\.recover"),
        Store.open(path) as store,
    ):
        Queues(store).send("orders", [prepare("x")])


def test_a_store_is_made_once_though_many_want_it_at_once(path):
    leftover = path.with_name("shop.db-new")
    leftover.write_bytes(b"of a process that was killed while it made the store")
    stores = [Store.open(path) for _ in range(5)]
    Queues(stores[0]).create(QueueSettings("orders"))

    assert [[q.name for q in Queues(store).list()] for store in stores] == [["orders"]] * 5
    for store in stores:
        store.close()
    assert not leftover.exists()


def test_a_run_directory_that_cannot_be_made_is_named(path):
    fill(path)
    run = file.run_directory_of(path)
    shutil.rmtree(run)
    run.touch()

    assert f"{run} can't be made" in refusal(path)


def test_sqlite_has_the_fix_for_two_writers():
    version, fixed = file.sqlite_verdict()

    assert version == apsw.sqlite_lib_version()
    assert fixed


def test_a_description_changes_nothing_and_never_fails(path):
    assert not file.describe(path).exists
    fill(path)
    found = file.describe(path)
    assert (found.exists, found.schema_version, found.refused) == (True, schema.VERSION, None)
    assert found.bytes == path.stat().st_size
    assert found.file_system
    path.write_bytes(b"x" * 200)
    assert "is not an SQLite file" in (file.describe(path).refused or "")


def test_a_description_does_not_disturb_who_has_the_store_open(path):
    """Opening and closing the file beside SQLite would drop this process's locks on it (POSIX)."""
    fill(path)
    with Store.open(path) as store:
        file.describe(path)
        if LOCKS.exists():
            inode = str(path.stat().st_ino)
            held = [line.split()[-3] for line in LOCKS.read_text().splitlines()]
            assert [lock for lock in held if lock.endswith(f":{inode}")]
        Queues(store).send("orders", [prepare("x")])


def test_waiting_for_a_foreign_lock_at_the_opening_ends(path):
    fill(path)
    other = apsw.Connection(str(path))
    other.pragma("locking_mode", "exclusive")
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreUnavailableError, match="another program holds the file's lock"):
            file.connect(path, wait_seconds=0.05)
    finally:
        other.execute("ROLLBACK")
        other.close()
