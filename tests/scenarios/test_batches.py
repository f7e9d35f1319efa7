"""How batches are built: size, window, payload (semantics B.1, J24, J25)."""

from __future__ import annotations

import asyncio

from headrace.aio.virtual_time import run_virtual
from tests.scenarios import rig


def test_without_a_window_what_one_receive_gives_is_a_batch():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        for number in range(12):
            orders.send(str(number))
        async with rig.running(rig.runner(orders, function)):
            await asyncio.sleep(0)
            await asyncio.sleep(0.1)
        assert sorted(map(len, function.batches)) == [2, 10]
        assert orders.bodies() == []

    run_virtual(scenario())


def test_the_window_opens_with_the_first_record_and_is_never_longer_than_set():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        async with rig.running(rig.runner(orders, function, batch_window_seconds=5)):
            await asyncio.sleep(100)
            orders.send("a")
            await asyncio.sleep(3)
            orders.send("b")
            await asyncio.sleep(3)
        assert function.batches == [["a", "b"]]
        assert function.calls[0].started == 105

    run_virtual(scenario())


def test_a_full_batch_does_not_wait_for_its_window():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        async with rig.running(
            rig.runner(orders, function, batch_window_seconds=300, batch_size=25)
        ):
            for number in range(25):
                orders.send(str(number))
                await asyncio.sleep(1)
        assert [len(batch) for batch in function.batches] == [25]
        assert function.calls[0].started == 24

    run_virtual(scenario())


def test_a_batch_is_handed_over_before_it_exceeds_six_megabytes():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        for _ in range(8):
            orders.send("x" * 1_000_000)
        async with rig.running(rig.runner(orders, function, batch_window_seconds=20)):
            await asyncio.sleep(1)
            assert [len(batch) for batch in function.batches] == [6]
            await asyncio.sleep(30)
        assert [len(batch) for batch in function.batches] == [6, 2]
        assert orders.bodies() == []

    run_virtual(scenario())


def test_without_a_window_a_receive_of_more_than_six_megabytes_is_cut():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        for _ in range(8):
            orders.send("x" * 1_000_000)
        async with rig.running(rig.runner(orders, function)):
            await asyncio.sleep(1)
        assert [len(batch) for batch in function.batches] == [6, 2]
        assert orders.bodies() == []

    run_virtual(scenario())


def test_one_batch_is_open_at_a_time_while_others_run():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(10))
        async with rig.running(rig.runner(orders, function, batch_window_seconds=2, batch_size=2)):
            for number in range(6):
                orders.send(str(number))
            await asyncio.sleep(1)
            assert function.running == 3
            await asyncio.sleep(20)
        assert [len(batch) for batch in function.batches] == [2, 2, 2]

    run_virtual(scenario())


def test_a_late_slot_does_not_lengthen_the_window_of_the_next_batch():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(7))
        async with rig.running(
            rig.runner(orders, function, batch_window_seconds=2, maximum_concurrency=2)
        ):
            for _ in range(12):
                orders.send("x")
                await asyncio.sleep(1)
            await asyncio.sleep(60)
        assert function.running_max <= 2
        assert orders.bodies() == []

    run_virtual(scenario())
