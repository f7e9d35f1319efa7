"""Operations share a commit and nothing else: results after the commit, errors to whom they belong."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from random import Random

import pytest

from headrace.errors import StoreUnavailableError
from headrace.model.queue import QueueSettings
from headrace.store import file, group, queue_settings
from headrace.store.group import Entry
from headrace.store.queues import Queues
from headrace.store.transaction import Transaction
from headrace.store.writer import Store


class RefusedError(Exception):
    pass


@pytest.fixture
def transaction():
    connection = file.memory()
    yield Transaction(connection, Random(0))
    connection.close()


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "shop.db") as opened:
        yield opened


def make(name):
    return partial(queue_settings.create_queue, settings=QueueSettings(name))


def refuse(transaction):
    raise RefusedError


def change_and_refuse(transaction):
    queue_settings.create_queue(transaction, QueueSettings("half-done"))
    raise RefusedError


def names(transaction):
    return [queue.name for queue in queue_settings.list_queues(transaction)]


def commit(transaction, *entries):
    group.commit(transaction, entries, lambda: 1000)


def test_one_failing_operation_takes_no_other_along(transaction):
    entries = [Entry(make("a")), Entry(refuse), Entry(make("b"))]
    commit(transaction, *entries)

    assert [entry.result for entry in entries] == [True, None, True]
    assert isinstance(entries[1].error, RefusedError)
    assert names(transaction) == ["a", "b"]


def test_what_a_failing_operation_had_changed_is_undone(transaction):
    entries = [Entry(make("a")), Entry(change_and_refuse), Entry(make("b"))]
    commit(transaction, *entries)

    assert [entry.result for entry in entries] == [True, None, True]
    assert isinstance(entries[1].error, RefusedError)
    assert names(transaction) == ["a", "b"]


def test_an_operation_sees_what_came_before_it_in_its_group(transaction):
    entries = [Entry(make("a")), Entry(names), Entry(make("b")), Entry(names)]
    commit(transaction, *entries)

    assert [entries[1].result, entries[3].result] == [["a"], ["a", "b"]]


def test_requests_of_one_combined_operation_are_served_by_one_call(transaction):
    calls = []

    def double(transaction, requests):
        calls.append(list(requests))
        return [2 * request for request in requests]

    entries = [Entry(double, 1), Entry(make("a")), Entry(double, 2)]
    commit(transaction, *entries)

    assert calls == [[1, 2]]
    assert [entry.result for entry in entries] == [2, True, 4]


def test_a_bad_request_among_combined_ones_fails_alone(transaction):
    def odd(transaction, requests):
        for request in requests:
            if request % 2 == 0:
                raise RefusedError(request)
        return list(requests)

    entries = [Entry(odd, number) for number in (1, 2, 3)]
    commit(transaction, *entries)

    assert [entry.result for entry in entries] == [1, None, 3]
    assert isinstance(entries[1].error, RefusedError)


def test_time_is_taken_once_for_a_group(transaction):
    ticks = iter(range(5))
    entries = [Entry(lambda transaction: transaction.now_ms) for _ in range(3)]
    group.commit(transaction, entries, lambda: next(ticks))

    assert [entry.result for entry in entries] == [0, 0, 0]


def test_what_is_told_is_known_only_after_the_commit(store):
    """A waiter that wakes finds what woke it."""

    async def main():
        changes = store.changes("queue/orders")
        seen = changes.generation
        waiting = asyncio.get_running_loop().create_task(changes.wait(seen))
        await asyncio.sleep(0)
        await store.write(make("orders"))
        await waiting
        return await store.read(names)

    assert asyncio.run(main()) == ["orders"]


def test_operations_that_gather_while_a_commit_runs_share_the_next(store):
    begun, go_on = threading.Event(), threading.Event()
    groups = []

    def slow(transaction):
        begun.set()
        go_on.wait(10)

    def note(transaction):
        groups.append(transaction.connection.total_changes())
        return len(groups)

    async def main():
        first = asyncio.get_running_loop().create_task(store.write(slow))
        await asyncio.to_thread(begun.wait, 10)
        rest = [asyncio.get_running_loop().create_task(store.write(note)) for _ in range(50)]
        one_begin = []
        await asyncio.sleep(0)
        store._process.committer._connection._transaction.connection.set_profile(
            lambda statement, _: one_begin.append(statement)
        )
        go_on.set()
        await asyncio.gather(first, *rest)
        return one_begin

    statements = asyncio.run(main())

    assert len(groups) == 50
    assert statements.count("BEGIN IMMEDIATE") == 1


def test_errors_reach_their_callers_on_the_loop_and_in_threads(store):
    async def main():
        results = await asyncio.gather(
            store.write(make("a")), store.write(refuse), store.write(change_and_refuse),
            store.write(make("b")), return_exceptions=True,
        )  # fmt: skip
        return [type(result) for result in results]

    assert asyncio.run(main()) == [bool, RefusedError, RefusedError, bool]
    with pytest.raises(RefusedError):
        store.write_sync(refuse)
    assert store.read_sync(names) == ["a", "b"]


def test_a_cancelled_caller_undoes_nothing(store):
    async def main():
        task = asyncio.get_running_loop().create_task(store.write(make("a")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await store.write(names)

    assert asyncio.run(main()) == ["a"]


def test_many_threads_and_loops_use_one_store(store):
    store.write_sync(make("orders"))

    def blocking(number):
        for at in range(20):
            store.write_sync(make(f"t{number}-{at}"))

    async def awaiting(number):
        await asyncio.gather(*(store.write(make(f"l{number}-{at}")) for at in range(20)))

    threads = [threading.Thread(target=blocking, args=[number]) for number in range(4)]
    threads += [
        threading.Thread(target=lambda number=number: asyncio.run(awaiting(number)))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(Queues(store).list()) == 161


def test_a_reader_waits_for_no_writer(store):
    begun, go_on = threading.Event(), threading.Event()

    def slow(transaction):
        begun.set()
        go_on.wait(10)

    async def main():
        writing = asyncio.get_running_loop().create_task(store.write(slow))
        await asyncio.to_thread(begun.wait, 10)
        found = await store.read(names)
        assert not writing.done()
        go_on.set()
        await writing
        return found

    assert asyncio.run(main()) == []


def test_a_read_cannot_change_anything(store):
    with pytest.raises(StoreUnavailableError, match="attempt to write a readonly database"):
        store.read_sync(make("a"))
    assert store.read_sync(names) == []


def test_a_closed_store_refuses_and_closing_twice_is_no_mistake(tmp_path):
    store = Store.open(tmp_path / "shop.db")
    store.close()
    store.close()

    with pytest.raises(StoreUnavailableError, match="was closed"):
        store.write_sync(make("a"))


def test_what_was_submitted_before_a_close_is_done(tmp_path):
    path = tmp_path / "shop.db"

    async def main():
        store = Store.open(path)
        tasks = [
            asyncio.get_running_loop().create_task(store.write(make(f"q{n}"))) for n in range(30)
        ]
        await asyncio.sleep(0)
        await store.aclose()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [True] * 30
    with Store.open(path, create=False) as store:
        assert len(store.read_sync(names)) == 30


def test_a_writer_that_meets_a_bug_leaves_nobody_waiting(store, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    monkeypatch.setattr(group, "commit", broken)

    with pytest.raises(StoreUnavailableError, match="a bug"):
        store.write_sync(make("a"))
    store._process.committer._thread.join(10)
    with pytest.raises(StoreUnavailableError, match="closed"):
        store.write_sync(make("a"))
    assert seen == [ZeroDivisionError]


def test_more_operations_than_the_queue_holds_are_refused(store, monkeypatch):
    monkeypatch.setattr("headrace.store.committer.WAITING_MAX", 3)
    begun, go_on = threading.Event(), threading.Event()

    def slow(transaction):
        begun.set()
        go_on.wait(10)

    async def main():
        loop = asyncio.get_running_loop()
        first = loop.create_task(store.write(slow))
        await asyncio.to_thread(begun.wait, 10)
        rest = [loop.create_task(store.write(names)) for _ in range(4)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    results = asyncio.run(main())

    assert results[1:4] == [[], [], []]
    assert isinstance(results[4], StoreUnavailableError)
    assert "3 operations wait for the store already" in str(results[4])
