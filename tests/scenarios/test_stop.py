"""Stopping: nothing is lost, delivered twice, or left hidden (design invariant 9)."""

from __future__ import annotations

import asyncio

from headrace.aio.virtual_time import run_virtual
from headrace.engine.slots import SlotPool
from tests.scenarios import rig


async def visible(source):
    attributes = await source.attributes()
    return attributes.visible, attributes.in_flight


def test_deliveries_finish_and_are_settled():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(3))
        orders.send("x")
        async with rig.running(rig.runner(orders, function)):
            await asyncio.sleep(1)
        assert (rig.now(), orders.bodies()) == (3, [])

    run_virtual(scenario())


def test_an_idle_engine_stops_at_once():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        async with rig.running(
            rig.runner(orders, function),
            rig.runner(rig.queue("b"), function, name="B", batch_window_seconds=5),
        ):
            await asyncio.sleep(5)
        assert rig.now() == 5

    run_virtual(scenario())


def test_an_open_batch_is_handed_over_early():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        orders.send("x")
        runner = rig.runner(orders, function, batch_window_seconds=300)
        async with rig.running(runner):
            await asyncio.sleep(1)
        assert (function.batches, orders.bodies(), rig.now()) == ([["x"]], [], 1)
        assert dict(runner.statistics.flushes) == {"stop": 1}

    run_virtual(scenario())


def test_what_does_not_end_within_the_drain_time_is_given_up_and_visible_at_once():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(1000))
        orders.send("x")
        async with rig.running(rig.runner(orders, function), drain_seconds=8):
            await asyncio.sleep(1)
        assert rig.now() == 9
        assert function.calls[0].cancelled
        assert await visible(orders) == (1, 0)

    run_virtual(scenario())


def test_a_second_request_does_not_wait_for_the_drain_time():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(1000))
        orders.send("x")
        async with rig.running(rig.runner(orders, function)) as engine:
            await asyncio.sleep(1)
            engine.abort()
        assert rig.now() == 1
        assert await visible(orders) == (1, 0)

    run_virtual(scenario())


def test_a_batch_that_waits_for_its_slot_is_released_when_it_gets_none():
    async def scenario():
        slots = SlotPool(1)
        orders, other = rig.queue(), rig.queue("other")
        sleeper, function = rig.Function(rig.takes(1000)), rig.Function()
        orders.send("x")
        windowed = rig.runner(orders, function, slots=slots, name="Window", batch_window_seconds=5)
        slow = rig.runner(other, sleeper, slots=slots, name="Slow")
        async with rig.running(windowed, slow, drain_seconds=2):
            await asyncio.sleep(1)
            other.send("y")
            await asyncio.sleep(10)
            assert (function.calls, sleeper.running) == ([], 1)
            assert (await orders.attributes()).in_flight == 1
        assert await visible(orders) == (1, 0)
        assert await visible(other) == (1, 0)

    run_virtual(scenario())


def test_a_record_carried_over_to_the_next_batch_is_not_lost_by_a_stop():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(50))
        for _ in range(8):
            orders.send("x" * 1_000_000)
        runner = rig.runner(
            orders, function, batch_window_seconds=100, maximum_concurrency=1, slots=SlotPool(1)
        )
        async with rig.running(runner, drain_seconds=100):
            await asyncio.sleep(1)
            assert function.running == 1
        assert [len(batch) for batch in function.batches] == [6]
        assert await visible(orders) == (2, 0)

    run_virtual(scenario())


def test_stop_is_idempotent_and_may_come_before_the_start():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        orders.send("x")
        runner = rig.runner(orders, function)
        runner.stop()
        await runner.run()
        assert orders.bodies() == ["x"]

    run_virtual(scenario())
