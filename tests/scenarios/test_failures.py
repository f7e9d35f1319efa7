"""What a handler's outcome does to its records (semantics C.1 to C.3)."""

from __future__ import annotations

import asyncio

from headrace.aio.virtual_time import run_virtual
from headrace.engine.statistics import FAILED, OK
from headrace.model.outcome import Outcome
from headrace.sources.memory import MemoryQueue
from tests.scenarios import rig


def fail_bad(records):
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in records if "bad" in record["body"]
        ]
    }


async def partial(records):
    return fail_bad(records)


async def error(records):
    return rig.failed()


def test_with_batch_item_failures_only_what_failed_returns():
    async def scenario():
        dead = rig.queue("orders-dlq")
        orders = rig.queue(dead_letter=dead, max_receive_count=3)
        function = rig.Function(partial)
        for body in ("A-42", "bad", "A-43"):
            orders.send(body)
        runner = rig.runner(orders, function, report_batch_item_failures=True)
        async with rig.running(runner):
            await asyncio.sleep(100)
        assert function.batches == [["A-42", "bad", "A-43"], ["bad"], ["bad"]]
        assert [call.started for call in function.calls] == [0, 30, 60]
        assert (orders.bodies(), dead.bodies()) == ([], ["bad"])
        assert (
            runner.statistics.last_processing_result == OK
        )  # A.6: a partial response counts as OK
        assert runner.statistics.dead_lettered == 1

    run_virtual(scenario())


def test_without_it_an_error_returns_the_whole_batch():
    async def scenario():
        orders, function = rig.queue(), rig.Function(error)
        orders.send("a")
        orders.send("b")
        runner = rig.runner(orders, function, report_batch_item_failures=False)
        async with rig.running(runner):
            await asyncio.sleep(45)
        assert function.batches == [["a", "b"], ["a", "b"]]
        assert sorted(orders.bodies()) == ["a", "b"]
        assert runner.statistics.last_processing_result == FAILED
        assert runner.statistics.last_failure.why == "ValueError: no"

    run_virtual(scenario())


def test_without_it_a_list_of_failures_means_nothing():
    async def scenario():
        orders, function = rig.queue(), rig.Function(partial)
        orders.send("bad")
        async with rig.running(rig.runner(orders, function)):
            await asyncio.sleep(1)
        assert orders.bodies() == []

    run_virtual(scenario())


def test_a_failed_record_returns_when_aws_would_have_shown_it_although_it_was_extended():
    """Design, rule 1: after a failure the message still returns when AWS would have returned it."""

    async def fails_after_25(records):
        await asyncio.sleep(25)
        return rig.failed()

    async def scenario():
        orders, function = rig.queue(visibility_seconds=30), rig.Function(fails_after_25)
        orders.send("x")
        async with rig.running(rig.runner(orders, function)):
            await asyncio.sleep(31)
            assert [call.started for call in function.calls] == [0, 30]
            await asyncio.sleep(25)

    run_virtual(scenario())


def test_a_handler_longer_than_the_visibility_timeout_keeps_its_records():
    async def scenario():
        orders, function = rig.queue(visibility_seconds=30), rig.Function(rig.takes(100))
        orders.send("x")
        runner = rig.runner(orders, function)
        async with rig.running(runner):
            await asyncio.sleep(150)
        assert len(function.calls) == 1
        assert orders.bodies() == []
        assert runner.statistics.extended == 4

    run_virtual(scenario())


def test_a_failure_after_the_visibility_timeout_returns_at_once():
    async def fails_after_50(records):
        await asyncio.sleep(50)
        return rig.failed()

    async def scenario():
        orders, function = rig.queue(visibility_seconds=30), rig.Function(fails_after_50)
        orders.send("x")
        async with rig.running(rig.runner(orders, function)):
            await asyncio.sleep(60)
            assert [call.started for call in function.calls] == [0, 50]
            await asyncio.sleep(45)

    run_virtual(scenario())


def test_a_throttled_batch_is_offered_again_until_its_visibility_ends():
    """C.1: throttles keep the batch, then it returns by itself; J6: never deleted."""

    async def throttled(records):
        return rig.failed(Outcome.THROTTLED)

    async def scenario():
        orders, function = rig.queue(visibility_seconds=30), rig.Function(throttled)
        orders.send("x")
        runner = rig.runner(orders, function)
        async with rig.running(runner):
            await asyncio.sleep(29.9)
            tries = len(function.calls)
            assert tries > 3
            assert function.calls[-1].started < 30
            assert runner.statistics.polled == 1
            function.handler = None
            await asyncio.sleep(2)
            assert orders.bodies() == []
        assert runner.statistics.polled == 2
        assert runner.statistics.outcomes[Outcome.THROTTLED] == tries

    run_virtual(scenario())


def test_a_throttle_that_passes_costs_no_receive():
    async def scenario():
        answers = [rig.failed(Outcome.THROTTLED), rig.failed(Outcome.THROTTLED), None]

        async def handler(records):
            return answers.pop(0)

        orders, function = rig.queue(), rig.Function(handler)
        orders.send("x")
        runner = rig.runner(orders, function)
        async with rig.running(runner):
            await asyncio.sleep(5)
        assert (runner.statistics.polled, orders.bodies()) == (1, [])

    run_virtual(scenario())


def test_a_bug_in_one_mapping_does_not_stop_another():
    async def explodes(records):
        raise RuntimeError("a bug in an invoker")

    async def scenario():
        orders, other = rig.queue(), rig.queue("other")
        function = rig.Function()
        orders.send("x")
        broken = rig.runner(orders, rig.Function(explodes), name="Broken")
        async with rig.running(broken, rig.runner(other, function, name="Fine")):
            await asyncio.sleep(1)
            other.send("y")
            await asyncio.sleep(1)
            assert function.batches == [["y"]]
        assert orders.bodies() == ["x"]

    run_virtual(scenario())


def test_what_is_no_longer_hidden_is_not_handed_over():
    """After a standstill somebody else may have handled it: it comes with a later receive, or not at all."""

    class SlowOnce(MemoryQueue):
        slow = True

        async def receive(self, limit):
            received = await super().receive(limit)
            if self.slow and received.records:
                self.slow = False
                await asyncio.sleep(40)
            return received

    async def scenario():
        orders, function = SlowOnce("orders", visibility_seconds=30), rig.Function()
        orders.send("x")
        runner = rig.runner(orders, function)
        async with rig.running(runner):
            await asyncio.sleep(60)
        assert [call.started for call in function.calls] == [40]
        assert (runner.statistics.polled, runner.statistics.lapsed) == (2, 1)
        assert orders.bodies() == []

    run_virtual(scenario())
