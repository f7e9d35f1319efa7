"""A queue of the embedded store keeps the promises of every queue source, in simulation and in a file."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from headrace.aio.clock import SystemClock
from headrace.aio.virtual_time import LoopClock
from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.producer import Queue
from headrace.sources.store import StoreQueueSource
from headrace.store.inline import InlineStore
from headrace.store.queues import Queues
from headrace.store.writer import Store
from headrace.testing.queue_source_suite import (
    MAX_RECEIVE_COUNT,
    VISIBILITY_SECONDS,
    Capabilities,
    QueueSourceSuite,
)


@dataclass
class StoreHarness:
    source: StoreQueueSource
    store: InlineStore | Store

    def __post_init__(self):
        queues = Queues(self.store)
        queues.create(QueueSettings("orders-dlq"))
        policy = RedrivePolicy("orders-dlq", MAX_RECEIVE_COUNT)
        queues.create(QueueSettings("orders", VISIBILITY_SECONDS, redrive_policy=policy))
        self.queues = queues
        self.producer = Queue("orders", store=self.store)

    async def send(self, body, *, delay_seconds=0):
        return await self.producer.asend(body, delay=delay_seconds or None)

    async def bodies(self):
        return [message.body for message in self.queues.peek("orders")]

    async def dead_letters(self):
        return [message.body for message in self.queues.peek("orders-dlq")]

    async def advance(self, seconds):
        await asyncio.sleep(seconds)


class MovableClock(SystemClock):
    """The machine's clock, and what was added."""

    ahead = 0.0

    def now(self):
        return super().now() + self.ahead


@dataclass
class FileHarness(StoreHarness):
    clock: MovableClock

    async def advance(self, seconds):
        self.clock.ahead += seconds


class TestInlineStoreQueue(QueueSourceSuite):
    @asynccontextmanager
    async def make(self):
        store = InlineStore(LoopClock(asyncio.get_running_loop()))
        yield StoreHarness(StoreQueueSource(store, "orders"), store)
        store.close()


class TestFileStoreQueue(QueueSourceSuite):
    capabilities = Capabilities(virtual_time=False)

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.path = tmp_path / "shop.db"

    def run(self, test):
        asyncio.run(test)

    @asynccontextmanager
    async def make(self):
        clock = MovableClock()
        with Store.open(self.path, clock=clock) as store:
            yield FileHarness(StoreQueueSource(store, "orders"), store, clock)
