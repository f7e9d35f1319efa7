"""The test kit drives a handler as it will be driven, on a virtual clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.testing.simulation.simulation import Simulation

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def reports_bad(event, context):
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]}
            for record in event["Records"]
            if "bad" in record["body"]
        ]
    }


def test_one_bad_order_comes_back_alone():
    with Simulation(seed=1) as sim:
        orders = sim.queue("orders", visibility_timeout=30, dead_letter=("orders-dlq", 3))
        sim.map(
            orders, reports_bad, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
        )
        orders.send('{"order_id": "A-42"}', '{"order_id": "bad"}')

        sim.run_until_idle()

        assert [len(invocation.records) for invocation in sim.invocations] == [2, 1, 1]
        assert sim.find("orders-dlq").bodies() == ['{"order_id": "bad"}']


def test_a_window_of_five_minutes_is_waited_for_exactly():
    with Simulation() as sim:
        orders = sim.queue("orders", visibility_timeout=600)
        sim.map(
            orders,
            lambda event, context: None,
            BatchSize=100,
            MaximumBatchingWindowInSeconds=300,
        )
        sim.advance(10)
        orders.send("a")
        sent_at = sim.now

        sim.advance(299)
        assert sim.invocations == []
        sim.advance(2)

        [invocation] = sim.invocations
        assert (invocation.started_at - sent_at).total_seconds() == 300


def test_the_engine_runs_only_while_time_is_advanced():
    with Simulation() as sim:
        orders = sim.queue("orders")
        sim.map(orders, lambda event, context: None)
        orders.send("x")

        assert (sim.invocations, orders.bodies()) == ([], ["x"])
        sim.run_until_idle()
        assert orders.bodies() == []


def test_concurrency_is_that_of_the_mapping():
    with Simulation() as sim:
        orders = sim.queue("orders", visibility_timeout=60)
        function = sim.function(lambda event, context: None, name="slow", duration=10)
        sim.map(orders, function, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
        orders.send(*"abcd")

        sim.run_until_idle()

        started = [invocation.started_at for invocation in sim.invocations]
        assert [(at - started[0]).total_seconds() for at in started] == [0, 0, 10, 10]


def test_the_same_seed_gives_the_same_run():
    def run():
        with Simulation(seed=5) as sim:
            orders = sim.queue("orders", dead_letter=("orders-dlq", 3))
            sim.map(orders, reports_bad, FunctionResponseTypes=["ReportBatchItemFailures"])
            orders.send("good", "bad", "good")
            sim.run_until_idle()
            return [(one.request_id, one.started_at, one.event) for one in sim.invocations]

    assert run() == run()


def test_an_unknown_setting_is_refused_with_a_suggestion():
    with Simulation() as sim:
        orders = sim.queue("orders")
        with pytest.raises(ConfigurationError, match="did you mean BatchSize"):
            sim.map(orders, lambda event, context: None, BatchSzie=10)


def test_it_works_inside_a_running_loop():
    async def main():
        with Simulation() as sim:
            orders = sim.queue("orders")
            sim.map(orders, lambda event, context: None)
            orders.send("x")
            sim.run_until_idle()
            return orders.bodies()

    assert asyncio.run(main()) == []


def test_a_template_brings_its_own_queues_functions_and_mappings():
    """The example shop, as it deploys to AWS."""
    with Simulation.from_template(SHOP / "template.yaml") as sim:
        assert "OrdersQueue" in sim.queues
        assert "ProcessOrders" in sim.functions
        sim.queues["CounterQueue"].send('{"order_id": "A-42"}')

        sim.run_until_idle()

        [invocation] = sim.invocations
        assert (invocation.mapping, invocation.function) == ("ShowOrderCall", "ShowOrder")
