"""The producer `Queue`: from anywhere, as durable as the store, and clear about what it refuses."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headrace.errors import MessageRefusedError, QueueNotFoundError, StoreRefusedError
from headrace.model.queue import QueueSettings
from headrace.producer import Queue
from headrace.store.queues import Queues
from headrace.store.shared import SHARED
from headrace.store.writer import Store
from tests.store.programs import program, run


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with Store.open(path) as store:
        queues = Queues(store)
        queues.create(QueueSettings("orders"))
        queues.create(QueueSettings("small", message_bytes_max=1024))
    return path


def messages(path, name="orders"):
    with Store.open(path, create=False) as store:
        return list(Queues(store).peek(name))


def bodies(path, name="orders"):
    return [message.body for message in messages(path, name)]


def test_send_returns_the_messages_id(path):
    with Queue("orders", store=path) as queue:
        sent = queue.send("x")

    assert [message.message_id for message in messages(path)] == [sent]


def test_async_twins_do_the_same(path):
    async def main():
        async with Queue("orders", store=path) as queue:
            return [await queue.asend("a"), *await queue.asend_many(["b", "c"])]

    ids = asyncio.run(main())

    assert [(m.message_id, m.body) for m in messages(path)] == list(zip(ids, "abc", strict=True))


def test_many_are_sent_in_order_and_in_portions(path, monkeypatch):
    monkeypatch.setattr("headrace.producer.CHUNK_MESSAGES", 7)
    monkeypatch.setattr("headrace.producer.CHUNK_BYTES", 100)
    sent = [str(number) * (number % 30 + 1) for number in range(100)]
    with Queue("orders", store=path) as queue:
        ids = queue.send_many(iter(sent))

    assert len(set(ids)) == 100
    assert bodies(path) == sent


def test_none_to_send_is_no_mistake(path):
    with Queue("orders", store=path) as queue:
        assert queue.send_many([]) == []


def test_a_refused_body_among_many_says_what_was_sent_before(path, monkeypatch):
    monkeypatch.setattr("headrace.producer.CHUNK_MESSAGES", 2)
    with Queue("orders", store=path) as queue, pytest.raises(MessageRefusedError) as caught:
        queue.send_many(["a", "b", "c", "", "e"])

    assert caught.value.__notes__ == ["2 messages were sent before this one"]
    assert bodies(path) == ["a", "b"]


def test_a_body_too_large_for_its_queue_is_refused(path):
    with Queue("small", store=path) as queue:
        with pytest.raises(MessageRefusedError, match="Message must be shorter than 1024 bytes"):
            queue.send("x" * 1025)
        queue.send("x" * 1024)


def test_a_delay_is_kept(path):
    with Queue("orders", store=path) as queue:
        queue.send("later", delay=900)
        queue.send_many(["later too"], delay=5)

    assert [message.state for message in messages(path)] == ["delayed", "delayed"]


def test_a_missing_queue_is_named_with_its_likeness(path):
    with Queue("order", store=path) as queue:
        with pytest.raises(
            QueueNotFoundError, match=r"there is no queue order in .*did you mean orders"
        ):
            queue.send("x")
        with pytest.raises(QueueNotFoundError):
            asyncio.run(queue.asend("x"))


def test_a_missing_store_is_not_made(tmp_path):
    path = tmp_path / "typo.db"

    with (
        pytest.raises(StoreRefusedError, match="there is no store at"),
        Queue("orders", store=path) as queue,
    ):
        queue.send("x")
    assert list(tmp_path.iterdir()) == []


def test_the_environment_and_then_the_working_directory_name_the_store(path, monkeypatch):
    monkeypatch.setenv("HEADRACE_STORE", str(path))
    with Queue("orders") as queue:
        queue.send("by environment")
    monkeypatch.delenv("HEADRACE_STORE")
    monkeypatch.chdir(path.parent)
    path.rename("headrace.db")
    with Queue("orders") as queue:
        queue.send("by default")

    assert bodies("headrace.db") == ["by environment", "by default"]


def test_a_relative_path_means_the_directory_at_the_time_it_was_given(path, monkeypatch, tmp_path):
    monkeypatch.chdir(path.parent)
    queue = Queue("orders", store="shop.db")
    monkeypatch.chdir("/")
    queue.send("x")
    queue.close()

    assert bodies(path) == ["x"]


def test_queues_of_one_store_share_it_and_the_last_closes_it(path):
    a, b = Queue("orders", store=path), Queue("small", store=str(path))
    a.send("x")
    b.send("y")
    [store] = [store for place, store in SHARED._stores.items() if place == path]
    a.close()
    a.close()
    b.send("z")
    b.close()

    assert path not in SHARED._stores
    assert store._closed


def test_a_closed_queue_opens_again_with_the_next_call(path):
    queue = Queue("orders", store=path)
    queue.send("a")
    queue.close()
    queue.send("b")
    queue.close()

    assert bodies(path) == ["a", "b"]


def test_a_given_store_stays_open(path):
    with Store.open(path) as store:
        with Queue("orders", store=store) as queue:
            queue.send("a")
        Queue("orders", store=store).send("b")

    assert bodies(path) == ["a", "b"]


def test_threads_and_loops_share_one_queue(path):
    queue = Queue("orders", store=path)

    def blocking(number):
        for at in range(10):
            queue.send(f"thread {number} {at}")

    async def awaiting(number):
        await asyncio.gather(*(queue.asend(f"loop {number} {at}") for at in range(10)))

    threads = [threading.Thread(target=blocking, args=[number]) for number in range(4)]
    threads += [
        threading.Thread(target=lambda number=number: asyncio.run(awaiting(number)))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.close()

    assert sorted(bodies(path)) == sorted(
        f"{kind} {number} {at}"
        for kind in ("thread", "loop")
        for number in range(4)
        for at in range(10)
    )


def test_a_loop_is_not_blocked_while_a_send_waits(path):
    async def main():
        async with Queue("orders", store=path) as queue:
            turns = 0
            sending = asyncio.get_running_loop().create_task(queue.asend("x"))
            while not sending.done():
                turns += 1
                await asyncio.sleep(0)
            return turns

    assert asyncio.run(main()) > 1


@pytest.mark.integration
def test_a_program_that_just_ends_leaves_nothing_behind(path):
    """Neither a hanging thread nor a message in the log alone."""
    run("Queue('orders', store=path).send('x')", path)

    assert path.with_name("shop.db-wal").stat().st_size == 0
    assert not list(path.with_name("shop.db-run").glob("*.open"))
    assert bodies(path) == ["x"]


@pytest.mark.integration
def test_what_was_sent_is_there_after_a_kill(path):
    code = """
        queue = Queue("orders", store=path)
        say(queue.send("x"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with program(code, path) as killed:
        sent = killed.line()
        killed.process.wait(10)

    assert [message.message_id for message in messages(path)] == [sent]
