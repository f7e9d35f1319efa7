"""A queue of the store as the engine sees it: the record's exact bytes, waits that miss nothing, honest settlements."""

from __future__ import annotations

import asyncio
import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.aio.virtual_time import LoopClock, run_virtual
from headrace.errors import StoreUnavailableError
from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.model.record import ALL_SETTLED
from headrace.producer import Queue
from headrace.store.inline import InlineStore
from headrace.store.message import Attributes, MessageAttribute
from headrace.store.queues import Queues
from tests.store.rig import QueueRig, source

SQS_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]).filter(
        lambda c: c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff")
    ),
    min_size=1,
)


def received(rig, **options):
    async def main():
        return await source(rig.store, **options).receive(10)

    return asyncio.run(main())


def test_a_record_has_lambdas_shape_to_the_byte():
    rig = QueueRig()
    [sent] = rig.send('{"a": "é"}')
    rig.advance(2)
    [record] = received(rig).records

    assert record.encoded.decode() == (
        f'{{"messageId":"{sent}","receiptHandle":"{orjson.loads(record.encoded)["receiptHandle"]}",'
        '"body":"{\\"a\\": \\"é\\"}",'
        '"attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1767225600000",'
        '"SenderId":"000000000000","ApproximateFirstReceiveTimestamp":"1767225602000"},'
        '"messageAttributes":{},"md5OfBody":"2ae7eeddf9591be2abc95e6023dbccb6",'
        '"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:000000000000:orders",'
        '"awsRegion":"us-east-1"}'
    )
    assert record.record_id == sent
    assert record.receive_count == 1


def test_a_second_receive_keeps_the_first_ones_time_and_has_another_handle():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("x")
    rig.advance(1)
    [first] = [orjson.loads(record.encoded) for record in received(rig).records]
    rig.advance(10)
    [second] = [orjson.loads(record.encoded) for record in received(rig).records]

    assert second["attributes"] == {
        **first["attributes"],
        "ApproximateReceiveCount": "2",
    }
    assert first["receiptHandle"] != second["receiptHandle"]


def test_attributes_of_a_message_and_their_digest():
    rig = QueueRig()
    attributes: Attributes = {
        "text": "v",
        "number": MessageAttribute("Number.int", "42"),
        "bytes": b"\x00\xff",
    }
    with Queue("orders", store=rig.store) as queue:
        queue.send("x", attributes=attributes)
    [record] = received(rig).records
    shown = orjson.loads(record.encoded)

    assert shown["messageAttributes"] == {
        "text": {
            "stringValue": "v",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        },
        "number": {
            "stringValue": "42",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Number.int",
        },
        "bytes": {
            "binaryValue": base64.b64encode(b"\x00\xff").decode(),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Binary",
        },
    }
    assert list(shown)[4:7] == ["messageAttributes", "md5OfMessageAttributes", "md5OfBody"]


def test_without_attributes_their_digest_is_null_with_a_window_and_absent_without():
    """Recorded so on AWS (semantics J21)."""
    rig = QueueRig(visibility_timeout_seconds=0)
    rig.send("x")

    [record] = received(rig).records
    assert "md5OfMessageAttributes" not in orjson.loads(record.encoded)
    [record] = received(rig, null_attribute_digest=True).records
    assert orjson.loads(record.encoded)["md5OfMessageAttributes"] is None


def test_the_region_stands_in_the_arn():
    rig = QueueRig()
    rig.send("x")
    [record] = received(rig, region="eu-west-1").records
    shown = orjson.loads(record.encoded)

    assert shown["awsRegion"] == "eu-west-1"
    assert shown["eventSourceARN"] == "arn:aws:sqs:eu-west-1:000000000000:orders"


@given(SQS_TEXT)
def test_whatever_sqs_takes_as_a_body_arrives_unchanged(body):
    rig = QueueRig()
    rig.send(body)
    [record] = received(rig).records

    assert orjson.loads(record.encoded)["body"] == body
    assert rig.bodies() == [body]
    rig.store.close()


@pytest.mark.parametrize("body", ["x" * 1_048_576, "\u2028" * 349_525, '"' * 500_000])
def test_the_largest_bodies_arrive_unchanged(body):
    rig = QueueRig()
    rig.send(body)
    [record] = received(rig).records

    assert orjson.loads(record.encoded)["body"] == body


def test_an_unknown_outcome_is_reported_as_unsettled(monkeypatch):
    """Asking again is safe: whether it happened or not, the answer is then right."""
    rig = QueueRig()
    rig.send("x", "y")

    async def main():
        queue = source(rig.store)
        records = (await queue.receive(10)).records
        with monkeypatch.context() as patch:
            patch.setattr(rig.store, "write_combined", unavailable)
            answers = [
                await queue.delete(records),
                await queue.release(records, delay_seconds=0),
                await queue.extend(records, visibility_seconds=5),
            ]
        assert all(answer.unsettled == tuple(records) for answer in answers)
        assert await queue.delete(records) == ALL_SETTLED

    async def unavailable(operation, request):
        raise StoreUnavailableError("the disk is full")

    asyncio.run(main())
    assert rig.bodies() == []


def test_the_answer_says_how_long_and_how_many():
    rig = QueueRig(max_receive_count=1, visibility_timeout_seconds=12)
    rig.send("bad")
    rig.receive()
    rig.advance(12)
    rig.send("good")
    answer = received(rig)

    assert (len(answer.records), answer.dead_lettered, answer.visibility_seconds) == (1, 1, 12.0)


class Timed:
    """A queue in virtual time, drained, so that a wait has to wait."""

    def __init__(self, **settings):
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.start = loop.time()
        self.store = InlineStore(LoopClock(loop))
        self.queues = Queues(self.store)
        self.queues.create(QueueSettings("orders-dlq"))
        self.queues.create(
            QueueSettings("orders", redrive_policy=RedrivePolicy("orders-dlq", 2), **settings)
        )
        self.source = source(self.store)
        self.producer = Queue("orders", store=self.store)

    @property
    def elapsed(self):
        return round(self.loop.time() - self.start, 6)

    async def drain(self):
        return (await self.source.receive(100)).records


def in_virtual_time(test):
    def run():
        run_virtual(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_virtual_time
async def test_a_wait_ends_to_the_millisecond_when_a_delay_is_over():
    queue = Timed()
    await queue.producer.asend("x", delay=7)
    assert await queue.drain() == []
    await queue.source.wait_visible()

    assert (queue.elapsed, len(await queue.drain())) == (7.0, 1)


@in_virtual_time
async def test_a_wait_ends_when_a_message_comes_back_from_flight():
    queue = Timed(visibility_timeout_seconds=30)
    await queue.producer.asend("x")
    await queue.drain()
    assert await queue.drain() == []
    await queue.source.wait_visible()

    assert (queue.elapsed, len(await queue.drain())) == (30.0, 1)


@in_virtual_time
async def test_a_wait_ends_when_a_shortened_visibility_is_over():
    queue = Timed(visibility_timeout_seconds=300)
    await queue.producer.asend("x")
    records = await queue.drain()
    assert await queue.drain() == []
    waiting = queue.loop.create_task(queue.source.wait_visible())
    await asyncio.sleep(1)
    await queue.source.extend(records, visibility_seconds=4)
    await waiting

    assert (queue.elapsed, len(await queue.drain())) == (5.0, 1)


@in_virtual_time
async def test_a_wait_ends_when_a_release_shows_a_message_later():
    queue = Timed(visibility_timeout_seconds=300)
    await queue.producer.asend("x")
    records = await queue.drain()
    assert await queue.drain() == []
    await queue.source.release(records, delay_seconds=9)
    await queue.source.wait_visible()

    assert (queue.elapsed, len(await queue.drain())) == (9.0, 1)


@in_virtual_time
async def test_an_extension_does_not_wake_before_the_old_end_more_than_once():
    queue = Timed(visibility_timeout_seconds=10)
    await queue.producer.asend("x")
    records = await queue.drain()
    assert await queue.drain() == []
    await asyncio.sleep(5)
    await queue.source.extend(records, visibility_seconds=100)
    wakes = []
    while not await queue.drain():
        await queue.source.wait_visible()
        wakes.append(queue.elapsed)

    assert wakes == [10.0, 105.0]


@in_virtual_time
async def test_waits_of_several_sources_on_one_queue_all_end():
    queue = Timed()
    sources = [source(queue.store) for _ in range(3)]
    for each in sources:
        assert (await each.receive(1)).records == []
    await asyncio.sleep(1)
    waiting = [queue.loop.create_task(each.wait_visible()) for each in sources]
    await asyncio.sleep(1)
    await queue.producer.asend("x")
    await asyncio.wait_for(asyncio.gather(*waiting), 5)

    assert queue.elapsed == 2.0


@in_virtual_time
async def test_what_happens_in_another_queue_wakes_nobody_here():
    queue = Timed()
    assert await queue.drain() == []
    waiting = queue.loop.create_task(queue.source.wait_visible())
    await Queue("orders-dlq", store=queue.store).asend("x")
    await asyncio.sleep(100)

    assert not waiting.done()
    waiting.cancel()


@in_virtual_time
async def test_a_dead_letter_wakes_who_waits_for_the_dead_letter_queue():
    queue = Timed(visibility_timeout_seconds=10)
    dead = source(queue.store, "orders-dlq")
    assert (await dead.receive(1)).records == []
    waiting = queue.loop.create_task(dead.wait_visible())
    await queue.producer.asend("bad")
    for _ in range(3):
        await queue.drain()
        await asyncio.sleep(10)
    await waiting

    assert queue.elapsed == 30.0


@in_virtual_time
async def test_a_purge_and_a_redrive_wake_as_they_should():
    queue = Timed(visibility_timeout_seconds=0)
    await queue.producer.asend("bad")
    for _ in range(3):
        await queue.drain()
    assert await queue.drain() == []
    waiting = queue.loop.create_task(queue.source.wait_visible())
    await asyncio.sleep(1)
    assert not waiting.done()
    queue.queues.redrive("orders-dlq")
    await asyncio.wait_for(waiting, 5)

    assert len(await queue.drain()) == 1


@in_virtual_time
async def test_closing_the_source_ends_its_waits():
    queue = Timed()
    assert await queue.drain() == []
    waiting = queue.loop.create_task(queue.source.wait_visible())
    await asyncio.sleep(1)
    await queue.source.aclose()
    await asyncio.wait_for(waiting, 5)


@in_virtual_time
async def test_a_cancelled_wait_leaves_the_next_one_whole():
    queue = Timed()
    assert await queue.drain() == []
    for _ in range(3):
        waiting = queue.loop.create_task(queue.source.wait_visible())
        await asyncio.sleep(1)
        waiting.cancel()
    await queue.producer.asend("x", delay=5)
    await queue.source.wait_visible()

    assert queue.elapsed == 8.0
