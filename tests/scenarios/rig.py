"""A mapping from a queue in memory to a function in the test, on a virtual clock."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from headrace.aio.virtual_time import LoopClock
from headrace.engine.engine import Engine
from headrace.engine.mapping_runner import MappingRunner
from headrace.engine.slots import SlotPool
from headrace.model.mapping import MappingId, QueueMapping
from headrace.model.outcome import FunctionError, Outcome, Response
from headrace.sources.memory import MemoryQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass
class Call:
    started: float
    bodies: list[str]
    ended: float | None = None
    cancelled: bool = False


@dataclass
class Function:
    """An invoker whose handler is a coroutine of the test: it gets the event's records, returns any JSON value."""

    handler: Callable[..., Awaitable[Any]] | None = None
    calls: list[Call] = field(default_factory=list)
    running: int = 0
    running_max: int = 0
    release_after: float = 0

    async def invoke(self, event, *, request_id):
        records = orjson.loads(event)["Records"]
        call = Call(asyncio.get_running_loop().time(), [record["body"] for record in records])
        self.calls.append(call)
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            value = await self.handler(records) if self.handler else None
        except asyncio.CancelledError:
            call.cancelled = True
            raise
        finally:
            self.running -= 1
            call.ended = asyncio.get_running_loop().time()
        return value if isinstance(value, Response) else Response(orjson.dumps(value))

    async def wait_released(self, request_id):
        if self.release_after:
            await asyncio.sleep(self.release_after)

    async def aclose(self):
        pass

    @property
    def batches(self):
        return [call.bodies for call in self.calls]


def failed(outcome=Outcome.ERROR):
    return Response(b"{}", FunctionError(outcome, "ValueError", "no"))


def takes(seconds, value=None):
    async def handler(records):
        await asyncio.sleep(seconds)
        return value

    return handler


def mapping(name="Mapping", **settings):
    return QueueMapping(MappingId(name), "function", "orders", **settings)


def queue(name="orders", **settings):
    return MemoryQueue(name, **settings)


def runner(source, function, *, slots=None, observe=None, **settings):
    return MappingRunner(
        mapping=mapping(settings.pop("name", "Mapping"), **settings),
        source=source,
        invoker=function,
        slots=slots or SlotPool(4),
        clock=LoopClock(asyncio.get_running_loop()),
        chance=random.Random(1),
        observe=observe,
    )


@asynccontextmanager
async def running(*runners, drain_seconds=8.0):
    """Run the mappings meanwhile; stop them softly at the end."""
    engine = Engine(runners, drain_seconds=drain_seconds)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(engine.run())
        await asyncio.sleep(0)
        yield engine
        engine.stop()
        await task


def now():
    return asyncio.get_running_loop().time()
