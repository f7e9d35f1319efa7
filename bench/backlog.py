"""What a record costs with a million waiting, against a thousand.

A feeder in a process of its own keeps the queue at its size while the engine works, in both runs alike, so that nothing
differs but the backlog. Beside it, how long a look at the backlog takes: status, metrics and idle detection do that once
a second.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import engines
from bench.calibration import calibrate
from bench.children import Child, call
from bench.harness import Row, cpu_seconds, in_turn, ratios, row_of
from bench.places import scratch_directory
from headrace.producer import Queue
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from bench.harness import Options

SLOTS = 20
CHUNK = 500
PAUSE_SECONDS = 0.002
LOOKS = 21


def measure(options: Options) -> list[Row]:
    """Work *records* off at both sizes, in turn."""
    records = options.size(60_000, 2_000)
    small, large = 1_000, options.size(1_000_000, 10_000)
    with scratch_directory() as directory:
        paths = {size: directory / f"{size}.db" for size in (small, large)}
        for size, path in paths.items():
            options.note(f"filling a queue with {size:,} records")
            engines.fill(path, records=size)
        outcomes = in_turn(
            options,
            {
                f"{size:,}": partial(
                    call, "bench.backlog:work", path=str(path), backlog=size, records=records
                )
                for size, path in paths.items()
            },
        )
    at_small, at_large = outcomes[f"{small:,}"], outcomes[f"{large:,}"]
    ratio = ratios(at_large, at_small, "cpu_us")
    ratio.what = f"CPU a record, backlog {large:,} against {small:,}"
    ratio.target, ratio.at_most = 1.2, True
    rows = [ratio]
    for size, found in ((small, at_small), (large, at_large)):
        cost = Row(f"async handler, backlog {size:,}", "us of CPU a record", scaling="cost")
        rows.append(row_of(cost, found, "cpu_us"))
        look = Row(f"a look at a backlog of {size:,}", "ms")
        rows.append(row_of(look, found, "look_ms"))
    return rows


def work(*, path: str, backlog: int, records: int) -> dict[str, float]:
    """Let the engine delete *records* while the feeder keeps the backlog."""
    gc.collect()
    with (
        Store.open(path) as store,
        Child("bench.backlog:feed", path=path, backlog=backlog) as feeder,
    ):
        feeder.hear()
        before = calibrate()
        cpu = asyncio.run(_cpu_of(store, records))
        after = calibrate()
        feeder.tell("enough")
        feeder.hear()
        looks = [_look_seconds(store) for _ in range(LOOKS)]
    return {
        "cpu_us": cpu / records * 1e6,
        "calibration_ms": (before + after) / 2,
        "look_ms": statistics.median(looks) * 1000,
    }


async def _cpu_of(store: Store, records: int) -> float:
    runner = engines.runner(
        engines.store_source(store), engines.in_process(engines.no_op), slots=SLOTS
    )
    cpu = cpu_seconds()
    await engines.run_until_deleted(runner, records)
    cpu = cpu_seconds() - cpu
    await runner.invoker.aclose()
    return cpu * records / runner.statistics.deleted


def _look_seconds(store: Store) -> float:
    started = time.perf_counter()
    Queues(store).attributes(engines.QUEUE)
    return time.perf_counter() - started


def feed(*, path: str, backlog: int) -> dict[str, float]:
    """Keep *backlog* records in the queue until standard input says otherwise."""
    with Store.open(Path(path)) as store, Queue(engines.QUEUE, store=store) as queue:
        _top_up(store, queue, backlog)
        print("ready", flush=True)
        loop = asyncio.new_event_loop()
        enough = loop.run_in_executor(None, sys.stdin.readline)
        while not enough.done():
            _top_up(store, queue, backlog)
            loop.run_until_complete(asyncio.sleep(PAUSE_SECONDS))
        loop.close()
    return {}


def _top_up(store: Store, queue: Queue, backlog: int) -> None:
    while (missing := backlog - Queues(store).attributes(engines.QUEUE).total) > 0:
        queue.send_many([engines.BODY] * min(missing, CHUNK))
