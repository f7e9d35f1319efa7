"""The promises of a queue source, as a class of tests that every backend subclasses.

A subclass gives `make`: an async context manager that yields a `Harness`, which is the source and a side door to send
and look without the code under test. Tests run through `run`, by default on a virtual clock; a backend that
needs real time overrides `run` and sets `capabilities.virtual_time` to False.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from headrace.aio.virtual_time import run_virtual
from headrace.model.record import ALL_SETTLED

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractAsyncContextManager

    from headrace.abc import QueueSource

VISIBILITY_SECONDS = 30
MAX_RECEIVE_COUNT = 2


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which promises a backend makes beyond the common ones."""

    virtual_time: bool = True
    """Time can be advanced: the harness's ``advance`` costs nothing."""
    exact_superseded: bool = True
    """A stale receipt is reported as superseded (SQS reports success)."""


class Harness(Protocol):
    """A queue with a visibility timeout of 30 s and a dead-letter queue after 2 receives, and a side door."""

    source: QueueSource

    async def send(self, body: str, *, delay_seconds: float = 0) -> str:
        """Add a message; returns its id."""
        ...

    async def bodies(self) -> list[str]:
        """Every message that is not deleted."""
        ...

    async def dead_letters(self) -> list[str]:
        """The bodies in the dead-letter queue."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...


class QueueSourceSuite:
    """Subclass as ``class TestMine(QueueSourceSuite)`` and define ``make``."""

    capabilities = Capabilities()

    def make(self) -> AbstractAsyncContextManager[Harness]:
        """Make a fresh, empty queue."""
        raise NotImplementedError

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        """Run one test to its end."""
        run_virtual(test)

    def test_a_receive_hands_out_at_most_the_limit(self) -> None:
        """Neither more than asked nor anything twice."""

        async def test() -> None:
            async with self.make() as queue:
                sent = [await queue.send(str(number)) for number in range(5)]

                first = await queue.source.receive(3)
                second = await queue.source.receive(10)

                ids = [record.record_id for record in first.records + second.records]
                assert len(first.records) == 3
                assert sorted(ids) == sorted(sent)

        self.run(test())

    def test_the_body_arrives_as_sent(self) -> None:
        """Byte for byte, whatever it looks like."""
        bodies = ['{"a":1}', '"quoted"', "é\u2028\U0001f600", '{"a":1,"a":2}', " \t\n", "1e400"]

        async def test() -> None:
            async with self.make() as queue:
                for body in bodies:
                    await queue.send(body)
                received = await queue.source.receive(10)
                shown = [orjson.loads(record.encoded)["body"] for record in received.records]
                assert sorted(shown) == sorted(bodies)

        self.run(test())

    def test_the_encoded_record_names_its_id_and_source(self) -> None:
        """What a handler reports back in ``batchItemFailures`` is the record's id."""

        async def test() -> None:
            async with self.make() as queue:
                sent = await queue.send("x")
                [record] = (await queue.source.receive(1)).records
                shown = orjson.loads(record.encoded)
                assert (sent, sent) == (record.record_id, shown["messageId"])
                assert queue.source.arn == shown["eventSourceARN"]
                assert shown["attributes"]["ApproximateReceiveCount"] == "1"

        self.run(test())

    def test_a_received_record_stays_hidden_for_the_visibility_timeout(self) -> None:
        """And comes back afterwards with a higher receive count."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                first = await queue.source.receive(1)
                assert first.visibility_seconds == VISIBILITY_SECONDS
                await queue.advance(VISIBILITY_SECONDS - 1)
                assert (await queue.source.receive(1)).records == []
                await queue.advance(1.5)
                [again] = (await queue.source.receive(1)).records
                assert (first.records[0].receive_count, again.receive_count) == (1, 2)

        self.run(test())

    def test_a_deleted_record_never_comes_back(self) -> None:
        """Deleting is idempotent."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                records = (await queue.source.receive(1)).records
                assert await queue.source.delete(records) == ALL_SETTLED
                assert await queue.source.delete(records) == ALL_SETTLED
                await queue.advance(VISIBILITY_SECONDS + 1)
                assert (await queue.source.receive(1)).records == []
                assert await queue.bodies() == []

        self.run(test())

    def test_a_released_record_comes_back_after_its_delay(self) -> None:
        """At once with a delay of 0; the receive count goes on."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                records = (await queue.source.receive(1)).records
                assert await queue.source.release(records, delay_seconds=0) == ALL_SETTLED
                [again] = (await queue.source.receive(1)).records
                assert again.receive_count == 2

        self.run(test())

    def test_a_release_with_a_delay_hides_until_then(self) -> None:
        """Neither earlier nor as late as the visibility timeout."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                records = (await queue.source.receive(1)).records
                await queue.source.release(records, delay_seconds=5)
                await queue.advance(4)
                assert (await queue.source.receive(1)).records == []
                await queue.advance(1.5)
                assert len((await queue.source.receive(1)).records) == 1

        self.run(test())

    def test_an_extension_hides_for_longer(self) -> None:
        """Counted from the moment of the extension."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                records = (await queue.source.receive(1)).records
                await queue.advance(20)
                await queue.source.extend(records, visibility_seconds=VISIBILITY_SECONDS)
                await queue.advance(VISIBILITY_SECONDS - 1)
                assert (await queue.source.receive(1)).records == []
                await queue.advance(1.5)
                assert len((await queue.source.receive(1)).records) == 1

        self.run(test())

    def test_a_stale_receipt_settles_nothing(self) -> None:
        """Who received it last decides; the earlier one is told."""
        if not self.capabilities.exact_superseded:
            return

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                stale = (await queue.source.receive(1)).records
                await queue.advance(VISIBILITY_SECONDS + 1)
                newest = (await queue.source.receive(1)).records
                source = queue.source
                assert (await source.delete(stale)).superseded == tuple(stale)
                assert (await source.release(stale, delay_seconds=0)).superseded == tuple(stale)
                assert (await source.extend(stale, visibility_seconds=9)).superseded == tuple(stale)
                assert await queue.bodies() == ["x"]
                assert await source.delete(newest) == ALL_SETTLED

        self.run(test())

    def test_the_last_allowed_receive_is_followed_by_the_dead_letter_queue(self) -> None:
        """After maxReceiveCount receives the next one sets the record aside (semantics C.2)."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                for _ in range(MAX_RECEIVE_COUNT):
                    assert len((await queue.source.receive(1)).records) == 1
                    assert await queue.dead_letters() == []
                    await queue.advance(VISIBILITY_SECONDS + 1)
                last = await queue.source.receive(1)
                assert (last.records, last.dead_lettered) == ([], 1)
                assert (await queue.bodies(), await queue.dead_letters()) == ([], ["x"])

        self.run(test())

    def test_a_delayed_record_is_not_handed_out_early(self) -> None:
        """Delay counts from the send."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x", delay_seconds=10)
                assert (await queue.source.receive(1)).records == []
                await queue.advance(10.5)
                assert len((await queue.source.receive(1)).records) == 1

        self.run(test())

    def test_waiting_ends_when_a_record_is_sent(self) -> None:
        """A send wakes who waits."""

        async def test() -> None:
            async with self.make() as queue:
                assert (await queue.source.receive(1)).records == []
                async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                    waiting = group.create_task(queue.source.wait_visible())
                    await asyncio.sleep(0)
                    await queue.send("x")
                    await waiting
                assert len((await queue.source.receive(1)).records) == 1

        self.run(test())

    def test_a_record_sent_between_receive_and_wait_is_not_slept_through(self) -> None:
        """The wait counts from the beginning of the last receive."""

        async def test() -> None:
            async with self.make() as queue:
                assert (await queue.source.receive(1)).records == []
                await queue.send("x")
                async with asyncio.timeout(5):
                    await queue.source.wait_visible()

        self.run(test())

    def test_waiting_ends_when_records_were_left_behind(self) -> None:
        """What a receive could not hand out is still there."""

        async def test() -> None:
            async with self.make() as queue:
                for number in range(3):
                    await queue.send(str(number))
                assert len((await queue.source.receive(2)).records) == 2
                async with asyncio.timeout(5):
                    await queue.source.wait_visible()

        self.run(test())

    def test_waiting_ends_when_a_hidden_record_returns(self) -> None:
        """Nobody has to send anything for that."""
        if not self.capabilities.virtual_time:
            return

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("x")
                await queue.source.receive(1)
                async with asyncio.timeout(VISIBILITY_SECONDS + 5):
                    while not (await queue.source.receive(1)).records:
                        await queue.source.wait_visible()

        self.run(test())

    def test_a_cancelled_wait_leaves_no_trace(self) -> None:
        """It is how a stop ends a waiting poller."""

        async def test() -> None:
            async with self.make() as queue:
                async with asyncio.TaskGroup() as group:
                    waiting = group.create_task(queue.source.wait_visible())
                    await asyncio.sleep(0)
                    waiting.cancel()
                await queue.send("x")
                assert len((await queue.source.receive(1)).records) == 1

        self.run(test())

    def test_attributes_count_what_is_visible_in_flight_and_delayed(self) -> None:
        """And the age of the oldest that is not deleted (semantics F)."""

        async def test() -> None:
            async with self.make() as queue:
                await queue.send("a")
                await queue.advance(7)
                await queue.send("b")
                await queue.send("c", delay_seconds=60)
                records = (await queue.source.receive(1)).records
                attributes = await queue.source.attributes()
                assert (attributes.visible, attributes.in_flight, attributes.delayed) == (1, 1, 1)
                assert attributes.total == 3
                if self.capabilities.virtual_time:
                    assert round(attributes.age_of_oldest_seconds) == 7
                await queue.source.delete(records)
                assert (await queue.source.attributes()).in_flight == 0

        self.run(test())
