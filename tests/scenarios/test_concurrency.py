"""Slots: a free one before each receive, limits, fairness (semantics B.2, design invariants 5 and 6)."""

from __future__ import annotations

import asyncio

from headrace.aio.virtual_time import run_virtual
from headrace.engine.slots import SlotPool
from headrace.model.outcome import Outcome
from tests.scenarios import rig


def test_no_message_is_received_without_a_free_slot():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(100))
        for number in range(100):
            orders.send(str(number))
        async with rig.running(rig.runner(orders, function, slots=SlotPool(2)), drain_seconds=1):
            await asyncio.sleep(10)
            assert function.running == 2
            assert (await orders.attributes()).in_flight == 20

    run_virtual(scenario())


def test_maximum_concurrency_bounds_one_mapping():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(1))
        for number in range(100):
            orders.send(str(number))
        async with rig.running(
            rig.runner(orders, function, slots=SlotPool(50), maximum_concurrency=3)
        ):
            await asyncio.sleep(60)
        assert function.running_max == 3
        assert orders.bodies() == []

    run_virtual(scenario())


def test_a_backlog_is_met_by_every_slot():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(1))
        for number in range(1000):
            orders.send(str(number))
        async with rig.running(rig.runner(orders, function, slots=SlotPool(20))):
            await asyncio.sleep(60)
        assert function.running_max == 20
        assert function.calls[-1].ended == 5

    run_virtual(scenario())


def test_an_idle_mapping_has_one_waiting_poller():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(1))
        async with rig.running(rig.runner(orders, function, slots=SlotPool(20))):
            for number in range(200):
                orders.send(str(number))
            await asyncio.sleep(60)
            names = [task.get_name() for task in asyncio.all_tasks()]
            assert sum(name.startswith("poller") for name in names) == 1

    run_virtual(scenario())


def test_a_trickle_is_picked_up_while_a_slow_batch_runs():
    async def scenario():
        orders, function = rig.queue(), rig.Function(rig.takes(20))
        async with rig.running(rig.runner(orders, function, slots=SlotPool(4)), drain_seconds=60):
            for number in range(3):
                orders.send(str(number))
                await asyncio.sleep(1)
            assert [call.started for call in function.calls] == [0, 1, 2]
            await asyncio.sleep(60)

    run_virtual(scenario())


def test_a_slow_mapping_leaves_a_slot_to_an_idle_one():
    async def scenario():
        slots = SlotPool(4)
        slow, quick = rig.queue("slow"), rig.queue("quick")
        sleeper, function = rig.Function(rig.takes(1000)), rig.Function()
        for number in range(1000):
            slow.send(str(number))
        runners = [
            rig.runner(slow, sleeper, slots=slots, name="Slow"),
            rig.runner(quick, function, slots=slots, name="Quick"),
        ]
        async with rig.running(*runners, drain_seconds=1):
            await asyncio.sleep(10)
            assert sleeper.running == 3
            quick.send("x")
            await asyncio.sleep(0.001)
            assert function.batches == [["x"]]

    run_virtual(scenario())


def test_open_windows_do_not_keep_others_from_working():
    async def scenario():
        slots = SlotPool(2)
        function = rig.Function()
        windows = [rig.queue(f"window-{number}") for number in range(5)]
        plain = rig.queue("plain")
        runners = [
            rig.runner(source, function, slots=slots, name=source.name, batch_window_seconds=60)
            for source in windows
        ]
        runners.append(rig.runner(plain, function, slots=slots, name="plain"))
        async with rig.running(*runners):
            for source in windows:
                source.send(source.name)
            await asyncio.sleep(1)
            plain.send("x")
            await asyncio.sleep(1)
            assert function.batches == [["x"]]
            await asyncio.sleep(60)
        assert sorted(map(tuple, function.batches[1:])) == [(source.name,) for source in windows]
        assert {call.started for call in function.calls[1:]} == {60}

    run_virtual(scenario())


def test_a_function_with_reserved_concurrency_of_zero_is_never_invoked_and_nothing_is_received():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        orders.send("x")
        async with rig.running(rig.runner(orders, function, slots=SlotPool(0))):
            await asyncio.sleep(100)
            assert (await orders.attributes()).visible == 1
        assert function.calls == []

    run_virtual(scenario())


def test_a_disabled_mapping_receives_nothing():
    async def scenario():
        orders, function = rig.queue(), rig.Function()
        orders.send("x")
        runner = rig.runner(orders, function, enabled=False)
        async with rig.running(runner):
            await asyncio.sleep(100)
            assert runner.state == "Disabled"
        assert (function.calls, orders.bodies()) == ([], ["x"])

    run_virtual(scenario())


def test_a_handler_that_runs_past_its_timeout_keeps_its_slot():
    async def times_out(records):
        await asyncio.sleep(3)
        return rig.failed(Outcome.TIMED_OUT)

    async def scenario():
        orders, function = rig.queue(), rig.Function(times_out, release_after=100)
        for number in range(20):
            orders.send(str(number))
        async with rig.running(rig.runner(orders, function, slots=SlotPool(1))):
            await asyncio.sleep(90)
            assert len(function.calls) == 1
            await asyncio.sleep(20)
            assert len(function.calls) == 2
            stopped_at = rig.now()
        assert rig.now() - stopped_at <= 3  # a stop does not wait for such a handler

    run_virtual(scenario())
