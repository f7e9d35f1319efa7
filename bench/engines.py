"""The real engine on the real store, put together as a bench needs it."""

from __future__ import annotations

import asyncio
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.places import ROOT, scratch_directory
from headrace.aio.clock import SystemClock
from headrace.engine.engine import Engine
from headrace.engine.mapping_runner import MappingRunner
from headrace.engine.slots import SlotPool
from headrace.invokers.in_process import InProcessInvoker
from headrace.model.function import FunctionSettings
from headrace.model.mapping import MappingId, QueueMapping
from headrace.model.queue import QueueSettings
from headrace.producer import Queue
from headrace.sources.store import StoreQueueSource
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.abc import Invoker, QueueSource
    from headrace.invokers.handler_call import Handler

QUEUE = "records"
BODY = "x" * 200


@contextmanager
def new_store_path() -> Iterator[Path]:
    """A path for a store in a directory that is removed afterwards."""
    with scratch_directory() as directory:
        yield directory / "bench.db"


def fill(path: Path, *, records: int, body: str = BODY, queue: str = QUEUE) -> None:
    """Make *queue* with *records* in it and leave nothing to be done later: the write-ahead log is empty again."""
    with Store.open(path) as store:
        Queues(store).create(QueueSettings(queue, visibility_timeout_seconds=300))
        Queue(queue, store=store).send_many(body for _ in range(records))


async def no_op(event: Any, context: Any) -> None:  # noqa: ANN401 - a handler as people write it
    """Do nothing, asynchronously."""


def sync_no_op(event: Any, context: Any) -> None:  # noqa: ANN401
    """Do nothing, in a thread."""


HANDLERS = {"async": no_op, "sync": sync_no_op}


def function(**settings: Any) -> FunctionSettings:  # noqa: ANN401 - passed on
    """A function's settings with what every bench leaves alike."""
    given = {
        "logical_id": "Handler",
        "name": "handler",
        "handler": "index.handler",
        "runtime": "python3.11",
        "code": ROOT,
        "timeout_seconds": 30,
        **settings,
    }
    return FunctionSettings(**given)


def in_process(handler: Handler) -> InProcessInvoker:
    """An invoker of *handler*."""
    return InProcessInvoker(handler, function(), clock=SystemClock())


def runner(
    source: QueueSource,
    invoker: Invoker,
    *,
    slots: int,
    mapping_id: str = "Mapping",
    batch_size: int = 10,
    pool: SlotPool | None = None,
) -> MappingRunner:
    """A mapping without a window, ready to run."""
    return MappingRunner(
        mapping=QueueMapping(MappingId(mapping_id), "Handler", source.name, batch_size=batch_size),
        source=source,
        invoker=invoker,
        slots=pool or SlotPool(slots),
        clock=SystemClock(),
        chance=random.Random(1),  # noqa: S311 - jitter and request ids
    )


async def run_until_deleted(one: MappingRunner, records: int, *, patience: float = 300.0) -> None:
    """Run the engine with one mapping until *records* were deleted, then stop it."""
    engine = Engine([one])
    async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
        group.create_task(engine.run())
        while one.statistics.deleted < records:  # noqa: ASYNC110 - an event would cost each batch
            await asyncio.sleep(0.005)
        engine.stop()


def store_source(store: Store, queue: str = QUEUE) -> StoreQueueSource:
    """The queue as a source."""
    return StoreQueueSource(store, queue)
