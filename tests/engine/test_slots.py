"""The slot pool: bounded, fair, and right under every interleaving."""

from __future__ import annotations

import asyncio
import random

import pytest

from headrace.aio.virtual_time import run_virtual
from headrace.engine.slots import SlotPool


def test_waiting_mappings_are_served_in_turn_not_by_their_number_of_waiters():
    async def main():
        pool, served = SlotPool(1), []
        for name in ("many", "one", "holder"):
            pool.register(name)
        await pool.acquire("holder")

        async def wait(name):
            await pool.acquire(name)
            served.append(name)
            pool.release(name)

        async with asyncio.TaskGroup() as group:
            for name in ["many"] * 5 + ["one"]:
                group.create_task(wait(name))
            await asyncio.sleep(0)
            pool.release("holder")
        return served

    assert run_virtual(main())[:2] == ["many", "one"]


def test_a_cancelled_wait_takes_nothing():
    async def main():
        pool = SlotPool(1)
        pool.register("a")
        await pool.acquire("a")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(pool.acquire("a"))
            await asyncio.sleep(0)
            waiting.cancel()
        pool.release("a")
        assert pool.running == 0

    run_virtual(main())


def test_a_wait_that_is_cancelled_just_as_it_is_granted_gives_the_slot_on():
    async def main():
        pool = SlotPool(1)
        pool.register("a")
        await pool.acquire("a")
        async with asyncio.TaskGroup() as group:
            first = group.create_task(pool.acquire("a"))
            second = group.create_task(pool.acquire("a"))
            await asyncio.sleep(0)
            pool.release("a")
            first.cancel()
            async with asyncio.timeout(1):
                await second
        assert pool.running == 1

    run_virtual(main())


def test_a_lent_slot_is_reclaimed_before_anybody_gets_a_first_one():
    async def main():
        pool, order = SlotPool(1), []
        for name in ("window", "busy"):
            pool.register(name)
        await pool.acquire("window")
        pool.lend("window")
        await pool.acquire("busy")

        async def note(wait, name):
            await wait
            order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(note(pool.acquire("busy"), "busy"))
            await asyncio.sleep(0)
            group.create_task(note(pool.reclaim("window"), "window"))
            await asyncio.sleep(0)
            pool.release("busy")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert order == ["window"]
            pool.release("window")
        assert order == ["window", "busy"]

    run_virtual(main())


@pytest.mark.parametrize("seed", range(30))
def test_no_interleaving_breaks_the_pool(seed):
    """Random workers acquire, lend, reclaim and release; the counts always hold."""

    async def main():
        chance = random.Random(seed)
        capacity, names = chance.randint(1, 5), ["a", "b", "c", "d"]
        pool = SlotPool(capacity)
        for name in names:
            pool.register(name)

        async def work(name):
            for _ in range(10):
                await pool.acquire(name)
                held = True
                try:
                    assert pool.running <= capacity
                    await asyncio.sleep(chance.random())
                    if chance.random() < 0.5:
                        pool.lend(name)
                        held = False
                        await asyncio.sleep(chance.random())
                        if chance.random() < 0.3:
                            pool.give_up_lent(name)
                            continue
                        await pool.reclaim(name)
                        held = True
                        await asyncio.sleep(chance.random())
                finally:
                    if held:
                        pool.release(name)

        tasks = [asyncio.get_running_loop().create_task(work(name)) for name in names * 3]
        async with asyncio.timeout(10_000):
            await asyncio.wait(tasks)
        for task in tasks:
            task.result()
        assert pool.running == 0
        assert set(pool._running.values()) == set(pool._lent.values()) == {0}
        assert pool._without == len(names)

    run_virtual(main())
