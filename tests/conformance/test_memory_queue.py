"""The queue in memory keeps the promises of every queue source."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

from headrace.sources.memory import MemoryQueue
from headrace.testing.queue_source_suite import (
    MAX_RECEIVE_COUNT,
    VISIBILITY_SECONDS,
    QueueSourceSuite,
)


@dataclass
class MemoryHarness:
    source: MemoryQueue

    async def send(self, body, *, delay_seconds=0):
        return self.source.send(body, delay_seconds=delay_seconds)

    async def bodies(self):
        return self.source.bodies()

    async def dead_letters(self):
        assert self.source.dead_letter is not None
        return self.source.dead_letter.bodies()

    async def advance(self, seconds):
        await asyncio.sleep(seconds)


class TestMemoryQueue(QueueSourceSuite):
    @asynccontextmanager
    async def make(self):
        yield MemoryHarness(
            MemoryQueue(
                "orders",
                visibility_seconds=VISIBILITY_SECONDS,
                dead_letter=MemoryQueue("orders-dlq"),
                max_receive_count=MAX_RECEIVE_COUNT,
            )
        )
