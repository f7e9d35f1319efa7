"""Several processes on one store: nothing lost, nobody starved, everybody woken."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

import apsw
import pytest

from headrace.errors import StoreRefusedError, StoreUnavailableError
from headrace.model.queue import QueueSettings
from headrace.producer import Queue
from headrace.store import file, listener, wakeup
from headrace.store.queues import Queues
from headrace.store.writer import Store
from tests.store.programs import program, run
from tests.store.rig import source

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with Store.open(path) as store:
        Queues(store).create(QueueSettings("orders", visibility_timeout_seconds=1))
    return path


@pytest.fixture
def no_look(monkeypatch):
    """Only what is told wakes."""
    monkeypatch.setattr(listener, "LOOK_SECONDS", 1000.0)


def bodies(path):
    with Store.open(path, create=False) as store:
        return [message.body for message in Queues(store).peek("orders")]


def last_number(transaction):
    return transaction.value("SELECT last_number FROM queue")


def turn_of(path):
    descriptor = os.open(file.run_directory_of(path) / "turn", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_what_several_processes_send_all_arrives(path):
    code = """
        with Queue("orders", store=path) as queue:
            for number in range(100):
                queue.send(f"{sys.argv[2]} {number}")
    """
    with (
        program(code, path, "a") as a,
        program(code, path, "b") as b,
        program(code, path, "c") as c,
    ):
        for each in (a, b, c):
            each.end()

    assert sorted(bodies(path)) == sorted(f"{p} {n}" for p in "abc" for n in range(100))


def test_a_send_in_another_process_wakes_who_waits(path, no_look):
    async def main():
        with Store.open(path) as store:
            queue = source(store)
            assert (await queue.receive(1)).records == []
            waiting = asyncio.get_running_loop().create_task(queue.wait_visible())
            await asyncio.sleep(0)
            code = "Queue('orders', store=path).send('x')"
            await asyncio.to_thread(run, code, path)
            await asyncio.wait_for(waiting, 5)
            return len((await queue.receive(1)).records)

    assert asyncio.run(main()) == 1


def test_a_message_that_a_killed_process_held_wakes_who_waits_when_it_comes_back(path, no_look):
    """The receive itself told when it would be due."""
    code = """
        async def main():
            with Store.open(path) as store:
                say(len((await StoreQueueSource(store, "orders").receive(1)).records))
                time.sleep(100)
        asyncio.run(main())
    """

    async def main():
        with Store.open(path) as store, Queue("orders", store=store) as producer:
            queue = source(store)
            assert (await queue.receive(1)).records == []
            await producer.asend("x")
            with program(code, path) as other:
                assert await asyncio.to_thread(other.line) == "1"
                other.kill()
            # The send is still unseen here, so the first wait ends at once; then all is drained.
            await queue.wait_visible()
            while not (records := (await queue.receive(1)).records):
                await asyncio.wait_for(queue.wait_visible(), 5)
            return records[0].receive_count

    assert asyncio.run(main()) == 2


def test_a_program_that_writes_plain_sql_is_noticed_by_the_rare_look(path, monkeypatch):
    monkeypatch.setattr(listener, "LOOK_SECONDS", 0.02)

    async def main():
        with Store.open(path) as store:
            queue = source(store)
            assert (await queue.receive(1)).records == []
            await asyncio.sleep(0.1)
            waiting = asyncio.get_running_loop().create_task(queue.wait_visible())
            await asyncio.sleep(0)
            other = apsw.Connection(str(path))
            other.execute("UPDATE queue SET delay_seconds = 1")
            other.close()
            await asyncio.wait_for(waiting, 5)

    asyncio.run(main())


def test_idle_looks_wake_nobody(path, monkeypatch):
    monkeypatch.setattr(listener, "LOOK_SECONDS", 0.01)

    async def main():
        with Store.open(path) as store:
            changes = store.changes("queue/orders")
            waiting = asyncio.get_running_loop().create_task(changes.wait(changes.generation))
            await asyncio.sleep(0.05)  # the first look only takes down where things stand
            seen = changes.generation
            await asyncio.sleep(0.2)
            waiting.cancel()
            return changes.generation - seen

    assert asyncio.run(main()) == 0


def test_a_writer_in_between_waits_for_few_of_a_busy_one(path):
    """With SQLite's own wait it may be overtaken as often as chance wants."""
    busy = """
        with Store.open(path) as store:
            say("ready")
            while True:
                store.write_sync(lambda t: t.execute("UPDATE queue SET last_number = last_number + 1"))
    """
    with Store.open(path) as store, program(busy, path) as other:
        other.line()
        overtaken = []
        for _ in range(30):
            before = store.read_sync(last_number)
            overtaken.append(store.write_sync(last_number) - before)
        other.kill()

    assert statistics.median(overtaken) <= 5


def test_waiting_for_another_writer_is_bounded_and_heals(path):
    with Store.open(path, wait_seconds=0.2) as store, Queue("orders", store=store) as queue:
        queue.send("before")
        turn = turn_of(path)
        started = time.monotonic()
        with pytest.raises(
            StoreUnavailableError, match=r"has held the store for 0\.2 seconds; nothing"
        ):
            queue.send("too late")
        assert time.monotonic() - started < 5
        with pytest.raises(StoreUnavailableError):
            queue.send("refused at once")
        os.close(turn)
        while True:
            try:
                queue.send("after")
                break
            except StoreUnavailableError:
                time.sleep(0.01)

    assert bodies(path) == ["before", "after"]


def test_callers_on_a_loop_get_their_error_in_time_too(path):
    async def main():
        with Store.open(path, wait_seconds=0.2) as store, Queue("orders", store=store) as queue:
            await queue.asend("before")
            turn = turn_of(path)
            try:
                return await asyncio.gather(
                    *(queue.asend("too late") for _ in range(3)), return_exceptions=True
                )
            finally:
                os.close(turn)

    assert [type(result) for result in asyncio.run(main())] == [StoreUnavailableError] * 3
    assert bodies(path) == ["before"]


def test_a_program_that_holds_sqlites_own_lock_is_waited_for_and_no_longer(path):
    with Store.open(path, wait_seconds=0.2) as store, Queue("orders", store=store) as queue:
        queue.send("before")
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError):
            queue.send("too late")
        releasing = threading.Timer(0.05, other.execute, ["ROLLBACK"])
        releasing.start()
        releasing.join()
        queue.send("after")
        other.close()

    assert bodies(path) == ["before", "after"]


def test_a_writer_that_is_killed_holds_up_nobody(path):
    code = """
        store = Store.open(path)
        def stuck(transaction):
            transaction.execute("UPDATE queue SET last_number = last_number + 1000")
            say("inside")
            time.sleep(100)
        store.write_sync(stuck)
    """
    with Store.open(path) as store, Queue("orders", store=store) as queue:
        with program(code, path) as other:
            assert other.line() == "inside"
            other.kill()
        queue.send("x")
        [message] = Queues(store).peek("orders")

    assert message.key & 0xFFFF == 1  # what it had begun is undone


def test_a_stopped_listener_that_overflows_finds_out_when_it_goes_on(path, monkeypatch):
    monkeypatch.setattr(wakeup, "RETRIES_MAX", 2)
    monkeypatch.setattr(listener, "LOOK_SECONDS", 0.05)

    async def main():
        with Store.open(path) as store, Store.open(path) as other:
            queue, producer = source(store), Queue("orders", store=other)
            while (await queue.receive(10)).records:
                pass
            for number in range(300):  # without letting the loop read a single datagram
                producer.send(str(number))
            received = 0
            async with asyncio.timeout(10):
                while received < 300:
                    await queue.wait_visible()
                    records = (await queue.receive(100)).records
                    await queue.delete(records)
                    received += len(records)

    asyncio.run(main())


def test_a_loop_that_is_closed_is_not_told_any_more(path):
    async def listen(store):
        store.changes("queue/orders")

    with Store.open(path) as store, Queue("orders", store=store) as queue:
        asyncio.run(listen(store))
        [left] = wakeup.socket_directory(file.run_directory_of(path)).glob("*.sock")
        queue.send("x")
        while left.exists():  # the writer tidies up after it has answered
            queue.send("y")
        asyncio.run(listen(store))


def test_sockets_of_dead_processes_are_removed(path):
    code = """
        async def main():
            store = Store.open(path)
            store.changes("queue/orders")
            say("listening")
            time.sleep(100)
        asyncio.run(main())
    """
    sockets = wakeup.socket_directory(file.run_directory_of(path))
    with program(code, path) as other:
        other.line()
        [left] = sockets.glob("*.sock")
        other.kill()
    with Queue("orders", store=path) as queue:
        queue.send("x")

    assert not left.exists()


def test_what_comes_in_on_the_socket_is_not_trusted(path):
    async def main():
        with Store.open(path) as store:
            changes = store.changes("queue/orders")
            [place] = wakeup.socket_directory(file.run_directory_of(path)).glob("*.sock")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
                for datagram in (
                    b"",
                    b"\xff\xfe",
                    b"x",
                    b"-1 queue/orders",
                    b"1e9 a\n 7",
                    b"0 " + b"x" * 4000,
                ):
                    stranger.sendto(datagram, os.fspath(place))
                stranger.sendto(b"0 queue/orders", os.fspath(place))
            await asyncio.wait_for(changes.wait(0), 5)
            return changes.generation

    assert asyncio.run(main()) == 1


def directory_modes(top):
    return [each.stat().st_mode & 0o777 for each in top.rglob("*") if each.is_dir()]


def test_a_path_too_long_for_a_socket_has_its_sockets_elsewhere(tmp_path, monkeypatch, no_look):
    runtime = Path(tempfile.mkdtemp(prefix="hr-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    path = deep / "shop.db"

    async def main():
        with Store.open(path) as store, Store.open(path) as other:
            Queues(store).create(QueueSettings("orders"))
            queue = source(store)
            assert (await queue.receive(1)).records == []
            await Queue("orders", store=other).asend("x")
            await asyncio.wait_for(queue.wait_visible(), 5)
            return directory_modes(runtime)

    try:
        assert asyncio.run(main()) == [0o700, 0o700]
    finally:
        shutil.rmtree(runtime)


def test_a_directory_of_somebody_else_is_no_place_for_sockets(tmp_path, monkeypatch):
    runtime = Path(tempfile.mkdtemp(prefix="hr-"))
    (runtime / f"headrace-{os.getuid()}").mkdir(mode=0o755)
    (runtime / f"headrace-{os.getuid()}").chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    try:
        with pytest.raises(StoreRefusedError, match="is not a private directory of this user"):
            Store.open(deep / "shop.db")
    finally:
        shutil.rmtree(runtime)


ENGINE = """
    store = Store.open(path)
    with store.engine_lock():
        say("running")
        sys.stdin.readline()
"""


def test_a_second_engine_is_refused_with_the_holders_process_id(path):
    with Store.open(path) as store, program(ENGINE, path) as other:
        assert other.line() == "running"
        with pytest.raises(
            StoreRefusedError, match=rf"another engine \(process {other.pid}\) runs"
        ):
            store.engine_lock().acquire()
        other.tell()
        other.end()
        with store.engine_lock():
            pass


def test_the_engine_lock_dies_with_its_process(path):
    with Store.open(path) as store, program(ENGINE, path) as other:
        other.line()
        other.kill()
        lock = store.engine_lock()
        lock.acquire()
        lock.release()
        lock.release()


def test_a_program_that_an_engine_started_does_not_keep_its_lock(path):
    code = """
        import subprocess
        store = Store.open(path)
        store.engine_lock().acquire()
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
        say(child.pid)
        time.sleep(60)
    """
    with Store.open(path) as store, program(code, path) as other:
        child = int(other.line())
        try:
            other.kill()
            with store.engine_lock():
                pass
        finally:
            os.kill(child, 9)


def test_two_stores_in_one_process_are_two_engines(path):
    with (
        Store.open(path) as a,
        Store.open(path) as b,
        a.engine_lock(),
        pytest.raises(StoreRefusedError, match=rf"process {os.getpid()}"),
    ):
        b.engine_lock().acquire()
