"""A fork leaves both sides usable: threads, locks and connections of the parent stay the parent's."""

from __future__ import annotations

import os

import pytest

from headrace.model.queue import QueueSettings
from headrace.store.queues import Queues
from headrace.store.writer import Store
from tests.store.programs import program, run

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with Store.open(path) as store:
        Queues(store).create(QueueSettings("orders"))
    return path


def bodies(path):
    with Store.open(path, create=False, verify=True) as store:
        found = [message.body for message in Queues(store).peek("orders")]
        ids = [message.message_id for message in Queues(store).peek("orders")]
    assert len(set(ids)) == len(ids)
    return sorted(found)


@pytest.mark.parametrize("leave", ["os._exit(0)", "sys.exit(0)", "queue.close(); os._exit(0)"])
def test_parent_and_child_send_through_the_same_queue(path, leave):
    run(
        f"""
        queue = Queue("orders", store=path)
        queue.send("before")
        if (child := os.fork()) == 0:
            queue.send("child")
            {leave}
        assert os.waitpid(child, 0)[1] == 0
        queue.send("parent")
        queue.close()
        """,
        path,
    )

    assert bodies(path) == ["before", "child", "parent"]


def test_a_child_that_never_uses_the_store_does_no_harm(path):
    """Not even when it ends in the usual way, which closes what it holds."""
    run(
        """
        queue = Queue("orders", store=path)
        queue.send("before")
        for _ in range(5):
            if (child := os.fork()) == 0:
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            queue.send("parent")
        assert os.path.getsize(path + "-wal") > 0
        """,
        path,
    )

    assert bodies(path) == ["before"] + ["parent"] * 5


def test_a_child_outlives_its_parent(path):
    lines = run(
        """
        queue = Queue("orders", store=path)
        queue.send("before")
        read, write = os.pipe()
        if os.fork() == 0:
            os.read(read, 1)
            queue.send("orphan")
            say("sent")
            os._exit(0)
        queue.close()
        os.write(write, b"x")
        """,
        path,
    )

    assert lines == ["sent"]
    assert bodies(path) == ["before", "orphan"]


def test_forks_in_the_midst_of_writing_never_hang(path):
    run(
        """
        import threading
        queue = Queue("orders", store=path)
        stopping = False
        def busy():
            while not stopping:
                queue.send("busy")
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads: thread.start()
        children = []
        for number in range(15):
            if (child := os.fork()) == 0:
                queue.send(f"child {number}")
                os._exit(0)
            children.append(child)
        ends = [os.waitpid(child, 0)[1] for child in children]
        stopping = True
        for thread in threads: thread.join()
        queue.close()
        assert ends == [0] * 15
        """,
        path,
    )

    assert [each for each in bodies(path) if each != "busy"] == sorted(
        f"child {number}" for number in range(15)
    )


def test_processes_of_a_pool_send(path):
    run(
        """
        import multiprocessing
        queue = Queue("orders", store=path)
        queue.send("before")
        def work(number):
            return queue.send(f"worker {number}")
        with multiprocessing.get_context("fork").Pool(3) as pool:
            assert len(set(pool.map(work, range(20)))) == 20
        queue.send("after")
        """,
        path,
    )

    assert bodies(path) == sorted(["before", "after", *(f"worker {n}" for n in range(20))])


def test_a_forked_child_sends_from_an_event_loop(path):
    run(
        """
        queue = Queue("orders", store=path)
        async def parent():
            await queue.asend("before")
            if (child := os.fork()) == 0:
                queue.send("child")
                os._exit(0)
            assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
            await queue.asend("parent")
        asyncio.run(parent())
        """,
        path,
    )

    assert bodies(path) == ["before", "child", "parent"]


def test_a_listener_goes_on_listening_beside_a_child(path):
    run(
        """
        async def main():
            with Store.open(path) as store:
                source = StoreQueueSource(store, "orders")
                assert (await source.receive(1)).records == []
                if (child := os.fork()) == 0:
                    with Queue("orders", store=store) as queue:
                        queue.send("child")
                    os._exit(0)
                await asyncio.wait_for(source.wait_visible(), 5)
                assert len((await source.receive(1)).records) == 1
                os.waitpid(child, 0)
        asyncio.run(main())
        """,
        path,
    )


def test_a_forked_child_does_not_keep_the_engines_lock(path):
    code = """
        store = Store.open(path)
        store.engine_lock().acquire()
        if (child := os.fork()) == 0:
            time.sleep(60)
        say(child)
        time.sleep(60)
    """
    with Store.open(path) as store, program(code, path) as other:
        child = int(other.line())
        try:
            other.kill()
            with store.engine_lock():
                pass
            store.write_sync(lambda transaction: None)
        finally:
            os.kill(child, 9)
