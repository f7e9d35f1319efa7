"""A power cut at any step of the disk loses nothing that was acknowledged (reliability F19).

Every write, truncation, sync and removal that SQLite asks for is recorded below SQLite. From the record, disks are rebuilt as a power
cut may leave them: what was synced is there, of what was not, any part may be, torn at sectors of 512 bytes. Creation and
removal of files count as durable at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from dataclasses import dataclass, field
from typing import Any

import apsw
import pytest

from headrace.errors import StoreRefusedError
from headrace.model.queue import QueueSettings
from headrace.model.record import RecordId
from headrace.producer import Queue
from headrace.sources.store import StoreQueueSource
from headrace.store import file
from headrace.store.queues import Queues
from headrace.store.writer import Store

SECTOR = 512
IMAGES = 600
SENDS = 60


@dataclass
class Disk:
    """What happened below SQLite, in order, with the acknowledgements of the program above in between."""

    steps: list[tuple[Any, ...]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, *step):
        with self.lock:
            self.steps.append(step)


class RecordingFile(apsw.VFSFile):
    def __init__(self, base, name, flags, disk):
        super().__init__(base, name, flags)
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data, offset):  # noqa: N802
        self.disk.note("write", self.path, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, size):  # noqa: N802
        self.disk.note("truncate", self.path, size)
        super().xTruncate(size)

    def xSync(self, flags):  # noqa: N802
        super().xSync(flags)
        self.disk.note("sync", self.path)


class RecordingVFS(apsw.VFS):
    def __init__(self, disk):
        self.disk = disk
        self.base = apsw.vfs_names()[0]
        super().__init__("recording", base=self.base, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return RecordingFile(self.base, name, flags, self.disk)

    def xDelete(self, name, sync_directory):  # noqa: N802
        super().xDelete(name, sync_directory)
        self.disk.note("delete", str(name))


@contextlib.contextmanager
def recording():
    disk = Disk()
    before = apsw.vfs_names()[0]
    vfs = RecordingVFS(disk)
    try:
        yield disk
    finally:
        vfs.unregister()
        assert apsw.vfs_names()[0] == before


class Medium:
    """One file on the disk: what is durable, and what was written since the last sync."""

    def __init__(self, content=b""):
        self.durable = bytearray(content)
        self.pending: list[tuple[Any, ...]] = []

    def apply(self, step):
        if step[0] == "sync":
            for each in self.pending:
                put(self.durable, each)
            self.pending.clear()
        else:
            self.pending.append(step)

    def after_power_cut(self, chance, survives):
        content = bytearray(self.durable)
        for step in self.pending:
            if survives == "none":
                break
            if survives == "all" or chance.random() < 0.5:
                put(content, torn(step, chance) if survives == "torn" else step)
        return bytes(content)


def put(content, step):
    if step[0] == "truncate":
        del content[step[2] :]
        return
    _, _, offset, data = step
    if len(content) < offset + len(data):
        content.extend(bytes(offset + len(data) - len(content)))
    content[offset : offset + len(data)] = data


def torn(step, chance):
    if step[0] == "truncate":
        return step
    kind, path, offset, data = step
    sectors = -(-len(data) // SECTOR)
    return kind, path, offset, data[: chance.randint(0, sectors) * SECTOR]


def work(path, disk, chance):
    """Send, receive and delete; each acknowledgement is noted when the program has it."""
    with Store.open(path) as store:
        Queues(store).create(QueueSettings("orders"))
        disk.note("acknowledged", "created", "orders")
        held = []
        for number in range(SENDS):
            body = str(number) * chance.choice([1, 50, 2000])
            [message_id] = send(store, body)
            disk.note("acknowledged", "sent", message_id)
            if number % 3 == 2:
                held += receive(store)
            if number % 6 == 5 and held:
                gone, held = held[:4], held[4:]
                disk.note("attempted", "deleted", [record.record_id for record in gone])
                delete(store, gone)
                disk.note("acknowledged", "deleted", [record.record_id for record in gone])


def send(store, body):
    return Queue("orders", store=store).send_many([body])


def receive(store):
    return asyncio.run(StoreQueueSource(store, "orders").receive(3)).records


def delete(store, records):
    asyncio.run(StoreQueueSource(store, "orders").delete(records))


@dataclass
class Truth:
    """What a program had been told, up to some step."""

    created: bool = False
    sent: set[RecordId] = field(default_factory=set)
    may_be_gone: set[RecordId] = field(default_factory=set)
    gone: set[RecordId] = field(default_factory=set)

    def note(self, step):
        match step:
            case ("acknowledged", "created", _):
                self.created = True
            case ("acknowledged", "sent", message_id):
                self.sent.add(message_id)
            case ("attempted", "deleted", ids):
                self.may_be_gone.update(ids)
            case ("acknowledged", "deleted", ids):
                self.gone.update(ids)


def images(disk, directory, chance):
    """Disks as a cut after some step may leave them, with what had been acknowledged by then."""
    steps = disk.steps
    begun = 1 + next(i for i, step in enumerate(steps) if step[:2] == ("acknowledged", "created"))
    wanted = sorted(chance.sample(range(begun, len(steps)), min(IMAGES // 3, len(steps) - begun)))
    media: dict[str, Medium] = {}
    truth, place = Truth(), 0
    for cut in wanted:
        for step in steps[place:cut]:
            replay(media, truth, step)
        place = cut
        for survives in ("none", "torn", "all"):
            yield write_image(media, directory, chance, survives), truth


def replay(media, truth, step):
    if step[0] in {"acknowledged", "attempted"}:
        truth.note(step)
    elif step[0] == "delete":
        media.pop(step[1], None)
    else:
        media.setdefault(step[1], Medium()).apply(step)


def write_image(media, directory, chance, survives):
    for each in directory.iterdir():
        if each.is_file():
            each.unlink()
    names = {name.rsplit("/", 1)[-1]: medium for name, medium in media.items()}
    for name, medium in names.items():
        wanted = name.replace("shop.db-new", "shop.db")
        if wanted in {"shop.db", "shop.db-wal"}:
            (directory / wanted).write_bytes(medium.after_power_cut(chance, survives))
    return directory / "shop.db"


def look(path):
    connection = file.connect(path, create=False)
    try:
        file.check_integrity(connection)
        queues = {name for (name,) in connection.execute("SELECT name FROM queue")}
        return queues, {row[0] for row in connection.execute("SELECT message_id FROM content")}
    finally:
        connection.close()


@pytest.mark.powerloss
def test_a_power_cut_at_any_step_loses_nothing_that_was_acknowledged(tmp_path):
    chance = random.Random(7)
    with recording() as disk:
        (tmp_path / "live").mkdir()
        work(tmp_path / "live" / "shop.db", disk, chance)
    (tmp_path / "image").mkdir()

    seen = lost = returned = 0
    for path, truth in images(renamed(disk), tmp_path / "image", chance):
        queues, present = look(path)
        seen += 1
        lost += not truth.created or "orders" not in queues
        lost += len(truth.sent - truth.may_be_gone - present)
        returned += len(truth.gone & present)

    print(  # noqa: T201 - the figure that the page on guarantees quotes
        f"power cuts: {seen} images of {len(disk.steps)} steps, {lost} acknowledged lost, {returned} deletes undone"
    )
    assert seen >= IMAGES
    assert (lost, returned) == (0, 0)


@pytest.mark.powerloss
def test_the_same_cuts_do_lose_messages_where_nothing_is_synced(tmp_path):
    """The test can fail: without syncs the record of a good run gives disks that lack messages."""
    chance = random.Random(7)
    with recording() as disk:
        (tmp_path / "live").mkdir()
        work(tmp_path / "live" / "shop.db", disk, chance)
    (tmp_path / "image").mkdir()
    begun = next(i for i, step in enumerate(disk.steps) if step[:2] == ("acknowledged", "created"))
    unsynced = Disk([s for i, s in enumerate(disk.steps) if s[0] != "sync" or i <= begun])

    harmed = 0
    for path, truth in images(renamed(unsynced), tmp_path / "image", chance):
        try:
            _, present = look(path)
        except StoreRefusedError:
            harmed += 1
        else:
            harmed += bool(truth.sent - truth.may_be_gone - present)

    assert harmed > 0


def renamed(disk):
    """The record with the draft of the file under the name that it gets once it is whole."""
    return Disk(
        [
            (step[0], step[1].replace("shop.db-new", "shop.db"), *step[2:])
            if step[0] in {"write", "truncate", "sync"}
            else step
            for step in disk.steps
            if not (step[0] == "delete" and "-new" in step[1])
        ]
    )
