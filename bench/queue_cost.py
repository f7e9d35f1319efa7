"""Queue to in-process handler that does nothing: CPU from receive to delete.

Batches of ten, bodies of 200 bytes, full durability, the real engine. What is measured is the CPU of the whole process, all
threads, from the engine's start until the last record is deleted; filling the queue is not. Beside it, as the floor,
the store alone: loops that receive ten and delete ten, without engine or handler.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

from bench import engines
from bench.calibration import calibrate
from bench.children import call
from bench.harness import Row, cpu_seconds, in_turn, ratios, row_of
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.harness import Options
    from headrace.abc import QueueSource

SLOTS = 20
TARGETS = {"async": 40_000, "sync": 20_000}


def measure(options: Options) -> list[Row]:
    """Run both kinds of handlers, and the store alone."""
    records = options.size(100_000, 2_000)
    outcomes = in_turn(
        options,
        {
            "async": lambda: call("bench.queue_cost:drain", records=records, handler="async"),
            "sync": lambda: call("bench.queue_cost:drain", records=records, handler="sync"),
            "store alone": lambda: call("bench.queue_cost:drain_bare", records=records),
        },
    )
    rows = []
    for kind, target in TARGETS.items():
        where = "async handler" if kind == "async" else "sync handler in threads"
        row = Row(
            f"{where}, {SLOTS} slots, backlog {records:,}",
            "records/CPU-s",
            target=target,
            scaling="rate",
        )
        share = ratios(outcomes[kind], outcomes["store alone"], "cpu_us")
        row.ratio = f"CPU {share.median:.2f} x the store alone"
        rows.append(row_of(row, outcomes[kind], "rate"))
    alone = Row("the store alone: receive and delete", "records/CPU-s", scaling="rate")
    rows.append(row_of(alone, outcomes["store alone"], "rate"))
    for kind in TARGETS:
        wall = Row(f"{kind} handler, by the clock", "records/s", scaling="rate")
        rows.append(row_of(wall, outcomes[kind], "wall_rate"))
    return rows


def drain(
    *, records: int, handler: str, slots: int = SLOTS, batch_size: int = 10
) -> dict[str, float]:
    """Work a backlog off with the engine."""

    async def work(store: Store) -> None:
        runner = engines.runner(
            engines.store_source(store),
            engines.in_process(engines.HANDLERS[handler]),
            slots=slots,
            batch_size=batch_size,
        )
        await engines.run_until_deleted(runner, records)
        assert runner.statistics.invoked == records
        await runner.invoker.aclose()

    return measured(work, records=records)


def drain_bare(*, records: int, slots: int = SLOTS) -> dict[str, float]:
    """Work a backlog off with nothing but the store."""

    async def slot(source: QueueSource) -> None:
        while received := (await source.receive(10)).records:
            await source.delete(received)

    async def work(store: Store) -> None:
        source = engines.store_source(store)
        async with asyncio.TaskGroup() as group:
            for _ in range(slots):
                group.create_task(slot(source))

    return measured(work, records=records)


def measured(
    work: Callable[[Store], Awaitable[None]], *, records: int, backlog: int | None = None
) -> dict[str, float]:
    """Fill a store with *backlog* records (default: *records*), run *work* on it, say what each of *records* cost."""
    with engines.new_store_path() as path:
        engines.fill(path, records=records if backlog is None else backlog)
        gc.collect()
        before = calibrate()
        with Store.open(path) as store:
            cpu, wall = cpu_seconds(), time.perf_counter()
            asyncio.run(_given(work, store))
            cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
        after = calibrate()
    return {
        "rate": records / cpu,
        "wall_rate": records / wall,
        "cpu_us": cpu / records * 1e6,
        "calibration_ms": (before + after) / 2,
    }


async def _given(work: Callable[[Store], Awaitable[None]], store: Store) -> None:
    await work(store)
