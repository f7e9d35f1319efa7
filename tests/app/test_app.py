"""`headrace.App`: queues and handlers of one program."""

from __future__ import annotations

import asyncio
import threading

import pytest

import headrace


@pytest.fixture
def app(tmp_path):
    return headrace.App(store=tmp_path / "shop.db", max_workers=4)


def test_the_example_of_the_design(app):
    orders = app.queue("orders", visibility_timeout=30, dead_letter=("orders-dlq", 3))
    seen: list[str] = []

    @app.mapping(orders, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"])
    def process(event, context):
        seen.extend(record["body"] for record in event["Records"])

    orders.send('{"order_id": "A-42"}')
    app.run(until_idle=True)

    assert seen == ['{"order_id": "A-42"}']


def test_a_window_collects_what_a_producer_sends_elsewhere(app, tmp_path):
    orders = app.queue("orders")
    sizes = []

    @app.mapping(orders, BatchSize=100, MaximumBatchingWindowInSeconds=1)
    async def process(event, context):
        sizes.append(len(event["Records"]))

    app.declare()
    with headrace.Queue("orders", store=tmp_path / "shop.db") as producer:
        producer.send_many(str(number) for number in range(150))
    app.run(until_idle=True)

    assert sizes == [100, 50]


def test_an_asynchronous_handler_and_an_asynchronous_producer(app):
    orders = app.queue("orders")
    seen = []

    @app.mapping(orders)
    async def process(event, context):
        await asyncio.sleep(0)
        seen.append(context.function_name)

    async def main():
        await orders.asend("x")
        await app.arun(until_idle=True)

    asyncio.run(main())
    assert seen == ["process"]


def test_every_wrong_setting_is_told_at_once(app):
    orders = app.queue("orders", visibility_timeout=5)

    with pytest.raises(headrace.ConfigurationError) as refused:

        @app.mapping(orders, timeout=9, BatchSzie=10, BatchSize="many", StartingPosition="LATEST")
        def process(event, context): ...

    told = "\n".join(str(problem) for problem in refused.value.problems)
    assert "did you mean BatchSize?" in told
    assert "$.BatchSize: " in told
    assert "$.StartingPosition: " in told
    assert "Queue visibility timeout: 5 seconds is less than Function timeout: 9 seconds" in told


def test_a_concurrency_of_one_is_beyond_aws(app):
    def process(event, context): ...

    with pytest.raises(headrace.ConfigurationError, match="BeyondAws"):
        app.mapping("orders", ScalingConfig={"MaximumConcurrency": 1})(process)
    app.mapping("orders", ScalingConfig={"MaximumConcurrency": 1}, beyond_aws=True)(process)


def test_the_same_queue_and_function_are_mapped_once(app):
    def process(event, context): ...

    app.mapping("orders")(process)
    with pytest.raises(headrace.ConfigurationError, match="already exists"):
        app.mapping("orders", name="Other")(process)


def test_a_queue_that_nobody_declared_is_an_error_with_a_suggestion(app):
    app.queue("orders")

    @app.mapping("oders")
    def process(event, context): ...

    with pytest.raises(headrace.QueueNotFoundError, match="orders"):
        app.run(until_idle=True)


def test_queue_settings_out_of_range_are_refused(app):
    with pytest.raises(headrace.ConfigurationError, match=r"43.?200"):
        app.queue("orders", visibility_timeout=43_201)


def test_a_run_that_never_becomes_idle_says_why(app):
    orders = app.queue("orders")

    @app.mapping(orders)
    def process(event, context):
        raise ValueError("no stock")

    orders.send("x")
    with pytest.raises(headrace.NotIdleError, match="ValueError: no stock"):
        app.run(until_idle=True, timeout=0.5)


def test_a_handler_that_outlives_its_timeout_does_not_hold_up_the_stop(app):
    orders = app.queue("orders", visibility_timeout=1)
    release = threading.Event()

    @app.mapping(orders, timeout=0.2)
    def process(event, context):
        release.wait(30)

    orders.send("x")
    with pytest.raises(headrace.NotIdleError, match=r"Task timed out after 0\.20 seconds"):
        app.run(until_idle=True, timeout=0.6)
    release.set()


def test_reserved_concurrency_bounds_a_function(app):
    orders = app.queue("orders")
    running, most = 0, 0

    @app.mapping(orders, BatchSize=1, concurrency=2)
    async def process(event, context):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    orders.send_many(str(number) for number in range(20))
    app.run(until_idle=True)

    assert most == 2


def test_a_public_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Ap"):
        _ = headrace.Ap
    assert "App" in dir(headrace)
