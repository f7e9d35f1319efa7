"""Worker processes: invocations a second and the engine's CPU for each, over the Lambda Runtime API.

Events of ten records, about 9 KB; a Python handler that answers `{"batchItemFailures": []}`. What is measured is the CPU of
the engine's process, all threads; workers and the launcher are not. One worker at a time, then four, with AWS's runtime
client (where this Python has it) and with ours. Function logs are off, as a run at level WARNING has them; one run has
them on. Beside them the whole engine, from a queue in the store to one worker, and handlers in process, by the batch.
"""

from __future__ import annotations

import asyncio
import logging
import stat
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from bench import engines
from bench.calibration import calibrate
from bench.children import call
from bench.harness import Row, cpu_seconds, in_turn, row_of
from headrace.aio.clock import SystemClock
from headrace.invokers import interpreter
from headrace.invokers.fleet import WorkerFleet
from headrace.invokers.function_log import LoggingSink
from headrace.invokers.in_process import InProcessInvoker
from headrace.model.function import FunctionSettings
from headrace.store.writer import Store

if TYPE_CHECKING:
    from bench.harness import Options
    from headrace.abc import Invoker
    from headrace.invokers.function_log import LogLine, LogSink

HANDLER = 'def handler(event, context):\n    return {"batchItemFailures": []}\n'
BODY = "x" * 400
RECORD = {
    "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a" * 4,
    "body": BODY,
    "attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185",
    },
    "messageAttributes": {},
    "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders",
    "awsRegion": "us-east-1",
}
EVENT = orjson.dumps({"Records": [RECORD] * 10})
CLIENTS = ("awslambdaric", "own client")
TARGET_RATE = 2_200
TARGET_MICROSECONDS = 200


def measure(options: Options) -> list[Row]:
    """Run both clients with one worker and with four, and both kinds of handlers in process."""
    number = options.size(20_000, 300)
    here = interpreter.probe(sys.executable).has_awslambdaric
    clients = [client for client in CLIENTS if here or client != "awslambdaric"]
    runs = {
        f"{client}, {workers} worker{'s' * (workers > 1)}": (client, workers)
        for client in clients
        for workers in (1, 4)
    }
    outcomes = in_turn(
        options,
        {
            **{
                name: partial(
                    call, "bench.runtime_api:work", client=client, workers=workers, number=number
                )
                for name, (client, workers) in runs.items()
            },
            "own client, 1 worker, its log written": lambda: call(
                "bench.runtime_api:work", client="own client", workers=1, number=number, logs=True
            ),
            "store to own client, 1 worker, the whole engine": lambda: call(
                "bench.runtime_api:work_from_store", number=number // 2
            ),
            **{
                f"in process, {kind}": partial(
                    call, "bench.runtime_api:work_in_process", kind=kind, number=number
                )
                for kind in ("async", "sync")
            },
        },
    )
    rows = []
    for name, found in outcomes.items():
        is_bound = name in {f"{client}, 1 worker" for client in clients}
        if "in process" not in name:
            rate = Row(name, "invocations/s", TARGET_RATE if is_bound else None, scaling="rate")
            rows.append(row_of(rate, found, "rate"))
        target = TARGET_MICROSECONDS if is_bound else None
        cost = Row(name, "us of engine CPU each", target, at_most=True, scaling="cost")
        rows.append(row_of(cost, found, "cpu_us"))
    return rows


class Silence:
    """A log that wants nothing."""

    def is_enabled(self) -> bool:
        """Never."""
        return False

    def write(self, line: LogLine) -> None:
        """Nobody calls this."""


def work(*, client: str, workers: int, number: int, logs: bool = False) -> dict[str, float]:
    """Invoke *number* times, *workers* at a time."""
    with tempfile.TemporaryDirectory() as directory:
        python = sys.executable if client == "awslambdaric" else bare_python(Path(directory))
        Path(directory, "app.py").write_text(HANDLER)
        log: LogSink = Silence()
        if logs:
            logging.basicConfig(
                filename=Path(directory, "log"),
                level=logging.INFO,
                format="%(asctime)s %(message)s",
            )
            log = LoggingSink()
        function = settings(Path(directory), python)
        return asyncio.run(_work(function, log, workers=workers, number=number))


async def _work(
    function: FunctionSettings, log: LogSink, *, workers: int, number: int
) -> dict[str, float]:
    fleet = WorkerFleet(ceiling=workers, clock=SystemClock(), log=log)
    await fleet.start()
    try:
        return await measured(fleet.invoker(function), workers, number)
    finally:
        await fleet.aclose()


def work_from_store(*, number: int) -> dict[str, float]:
    """Let the engine work *number* batches of ten off with one worker."""

    async def run(store: Store, function: FunctionSettings) -> dict[str, float]:
        fleet = WorkerFleet(ceiling=1, clock=SystemClock(), log=Silence())
        await fleet.start()
        try:
            invoker = fleet.invoker(function)
            await invoke_many(invoker, 1, 20)
            runner = engines.runner(engines.store_source(store), invoker, slots=1)
            before = calibrate()
            cpu, wall = cpu_seconds(), time.perf_counter()
            await engines.run_until_deleted(runner, number * 10)
            cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
            after = calibrate()
        finally:
            await fleet.aclose()
        return figures(number, cpu=cpu, wall=wall, calibration_ms=(before + after) / 2)

    with engines.new_store_path() as path:
        engines.fill(path, records=number * 10, body=BODY)
        code = path.with_name("code")
        code.mkdir()
        (code / "app.py").write_text(HANDLER)
        with Store.open(path) as store:
            return asyncio.run(run(store, settings(code, bare_python(code))))


def work_in_process(*, kind: str, number: int) -> dict[str, float]:
    """Invoke a handler of this process *number* times, ten at a time."""

    def handler(event: object, context: object) -> None:
        """Do nothing, in a thread."""

    async def async_handler(event: object, context: object) -> None:
        """Do nothing, on the handlers' loop."""

    async def body() -> dict[str, float]:
        chosen = handler if kind == "sync" else async_handler
        invoker = InProcessInvoker(chosen, settings(Path(), sys.executable))
        try:
            return await measured(invoker, 10, number)
        finally:
            await invoker.aclose()

    return asyncio.run(body())


async def measured(invoker: Invoker, at_a_time: int, number: int) -> dict[str, float]:
    """What *number* invocations cost, after each worker has had some."""
    await invoke_many(invoker, at_a_time, 20 * at_a_time)
    before = calibrate()
    cpu, wall = cpu_seconds(), time.perf_counter()
    await invoke_many(invoker, at_a_time, number)
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    after = calibrate()
    return figures(number, cpu=cpu, wall=wall, calibration_ms=(before + after) / 2)


def figures(number: int, *, cpu: float, wall: float, calibration_ms: float) -> dict[str, float]:
    """What *number* invocations come to."""
    return {
        "rate": number / wall,
        "cpu_us": cpu / number * 1e6,
        "calibration_ms": calibration_ms,
    }


async def invoke_many(invoker: Invoker, at_a_time: int, number: int) -> None:
    """Keep *at_a_time* invocations running until there were *number*."""

    async def lane(first: int) -> None:
        for each in range(first, number, at_a_time):
            response = await invoker.invoke(EVENT, request_id=f"{each:032x}")
            assert response.error is None, response

    async with asyncio.TaskGroup() as group:
        for first in range(at_a_time):
            group.create_task(lane(first))


def settings(code: Path, python: str) -> FunctionSettings:
    """The function that is invoked."""
    return FunctionSettings(
        logical_id="Bench",
        name="bench",
        handler="app.handler",
        runtime="python3.11",
        code=code,
        timeout_seconds=30,
        python=python,
    )


def bare_python(directory: Path) -> str:
    """An interpreter without site packages, and so without AWS's client."""
    script = directory / "bare-python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)
