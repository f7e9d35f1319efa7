"""From a send in one process to the start of the handler in another, and what a send takes beside a busy engine.

A producer sends 100 messages a second, without a window on the mapping; the handler runs in the engine's process and
reads the clock first of all. The clock is the system's monotonic one, which both processes share, and it is read before the send:
making the message durable is part of the latency. Latencies are waiting, not CPU, so they are not scaled.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import engines
from bench.calibration import calibrate
from bench.children import Child
from bench.harness import Row, cpu_seconds, in_turn, row_of
from headrace.engine.engine import Engine
from headrace.producer import Queue
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.harness import Options

A_SECOND = 100
SLOTS = 10
BUSY_SLOTS = 20
FIRST_DROPPED = 20
"""Sends that warm both processes up."""


def measure(options: Options) -> list[Row]:
    """Both handlers, idle and busy engines, in turn."""
    messages = options.size(1_000, 60)
    backlog = options.size(200_000, 3_000)
    outcomes = in_turn(
        options,
        {
            "sync": lambda: trickle(messages, "sync"),
            "async": lambda: trickle(messages, "async"),
            "busy": lambda: beside_a_backlog(backlog),
        },
    )
    rows = []
    for kind, name in (("sync", "a thread"), ("async", "a loop")):
        for share, target in (("p50", 3), ("p99", 12)):
            row = Row(f"send to handler in {name}, {share}", "ms", target, at_most=True)
            rows.append(row_of(row, outcomes[kind], share))
    for share, bound in (("p50", None), ("p99", 25)):
        row = Row(f"send while a backlog is worked off, {share}", "ms", bound, at_most=True)
        rows.append(row_of(row, outcomes["busy"], share))
    sending = Row("the send alone, p50", "ms")
    rows.append(row_of(sending, outcomes["sync"], "send_p50"))
    cost = Row("engine CPU for each of 100 messages a second", "us", scaling="cost")
    rows.append(row_of(cost, outcomes["sync"], "cpu_us"))
    return rows


def percentile(values: list[float], share: float) -> float:
    """The value below which *share* of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def trickle(messages: int, handler: str) -> Mapping[str, float]:
    """Send *messages* to an idle engine."""
    with engines.new_store_path() as path:
        engines.fill(path, records=0)
        with Child("bench.latency:consume", path=str(path), handler=handler) as engine:
            engine.hear()
            calibration = calibrate()
            with Queue(engines.QUEUE, store=path) as queue:
                sends = send_steadily(queue, messages + FIRST_DROPPED)
            engine.tell(str(messages + FIRST_DROPPED))
            answer = engine.hear_json()
    latencies = answer["latencies_ms"][FIRST_DROPPED:]
    return {
        "p50": percentile(latencies, 0.5),
        "p99": percentile(latencies, 0.99),
        "send_p50": percentile(sends[FIRST_DROPPED:], 0.5),
        "cpu_us": answer["cpu"] / (messages + FIRST_DROPPED) * 1e6,
        "calibration_ms": calibration,
    }


def beside_a_backlog(backlog: int) -> Mapping[str, float]:
    """Send while an engine works *backlog* records off; what is sent after it is done does not count."""
    with engines.new_store_path() as path:
        engines.fill(path, records=backlog)
        with Child("bench.latency:work_off", path=str(path), records=backlog) as engine:
            engine.hear()
            calibration = calibrate()
            with Queue(engines.QUEUE, store=path) as queue:
                queue.send(engines.BODY)
                engine.tell("go")
                sends = []
                while not engine.has_said_something():
                    sends += send_steadily(queue, 10)
            engine.hear()
    sends = sends[:-10] or sends
    return {
        "p50": percentile(sends, 0.5),
        "p99": percentile(sends, 0.99),
        "calibration_ms": calibration,
    }


def send_steadily(queue: Queue, messages: int) -> list[float]:
    """Send 100 a second, each with the moment at its head; returns how long each send took, in ms."""
    taken = []
    next_at = time.monotonic()
    for _ in range(messages):
        time.sleep(max(0.0, next_at - time.monotonic()))
        next_at += 1 / A_SECOND
        started = time.monotonic_ns()
        queue.send(f"{started:020d}{engines.BODY[20:]}")
        taken.append((time.monotonic_ns() - started) / 1e6)
    return taken


def consume(*, path: str, handler: str) -> dict[str, Any]:
    """Run the engine until as many messages were handled as standard input says."""
    latencies: list[float] = []

    def note(event: Any, context: Any) -> None:  # noqa: ANN401, ARG001 - a handler as people write it
        now = time.monotonic_ns()
        latencies.extend((now - int(r["body"][:20])) / 1e6 for r in event["Records"])

    async def note_on_loop(event: Any, context: Any) -> None:  # noqa: ANN401
        note(event, context)

    async def run(store: Store) -> float:
        runner = engines.runner(
            engines.store_source(store),
            engines.in_process(note if handler == "sync" else note_on_loop),
            slots=SLOTS,
        )
        engine = Engine([runner])
        running = asyncio.create_task(engine.run())
        await asyncio.sleep(0.2)
        print("ready", flush=True)
        cpu = cpu_seconds()
        messages = int(await asyncio.to_thread(sys.stdin.readline))
        while runner.statistics.deleted < messages:  # noqa: ASYNC110 - an event would cost each batch
            await asyncio.sleep(0.05)
        cpu = cpu_seconds() - cpu
        engine.stop()
        await running
        await runner.invoker.aclose()
        return cpu

    with Store.open(Path(path)) as store:
        cpu = asyncio.run(run(store))
    return {"latencies_ms": latencies, "cpu": cpu}


def work_off(*, path: str, records: int) -> dict[str, Any]:
    """Work a backlog off with a handler that does nothing."""

    async def run(store: Store) -> None:
        runner = engines.runner(
            engines.store_source(store), engines.in_process(engines.sync_no_op), slots=BUSY_SLOTS
        )
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await engines.run_until_deleted(runner, records)
        print("done", flush=True)
        await runner.invoker.aclose()

    with Store.open(Path(path)) as store:
        asyncio.run(run(store))
    return {}
