"""A fleet, its log and its handlers for tests, and ways to look at processes from outside."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson

from headrace.aio.clock import SystemClock
from headrace.invokers.environment import EnvironmentRules
from headrace.invokers.fleet import WorkerFleet
from headrace.invokers.function_log import LogLine
from headrace.model.function import FunctionSettings
from headrace.model.outcome import Response

HANDLERS = Path(__file__).with_name("handlers")
PATIENCE = 20.0

AWSLAMBDARIC = "awslambdaric"
BOOTSTRAP = "bootstrap"


def bare_python(directory: Path, executable: str = sys.executable) -> str:
    """An interpreter without site packages, and so without AWS's runtime client."""
    script = directory / "bare-python"
    script.write_text(f'#!/bin/sh\nexec "{executable}" -S "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


class Log:
    """Keeps every line; the tests wait for lines instead of time."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.enabled = True
        self._arrived = asyncio.Event()

    def is_enabled(self) -> bool:
        return self.enabled

    def write(self, line: LogLine) -> None:
        self.lines.append(line)
        self._arrived.set()

    def texts(self, stream: str | None = None) -> list[str]:
        return [line.text for line in self.lines if stream in (None, line.stream)]

    async def wait_for(self, part: str) -> LogLine:
        async with asyncio.timeout(PATIENCE):
            while True:
                for line in self.lines:
                    if part in line.text:
                        return line
                self._arrived.clear()
                await self._arrived.wait()


class Rig:
    """A started fleet and what makes functions for it."""

    def __init__(self, fleet: WorkerFleet, log: Log, python: str | None) -> None:
        self.fleet = fleet
        self.log = log
        self.python = python
        self._count = 0

    def settings(self, handler: str, **changes: Any) -> FunctionSettings:
        values: dict[str, Any] = {
            "logical_id": handler.replace(".", "").replace("/", ""),
            "name": handler.replace("/", "."),
            "handler": handler,
            "runtime": f"python{sys.version_info[0]}.{sys.version_info[1]}",
            "code": HANDLERS,
            "python": self.python,
        }
        return FunctionSettings(**{**values, **changes})

    async def invoke(
        self,
        handler: str,
        event: Any = None,
        *,
        request_id: str | None = None,
        **changes: Any,
    ) -> Response:
        self._count += 1
        invoker = self.fleet.invoker(self.settings(handler, **changes))
        async with asyncio.timeout(PATIENCE):
            return await invoker.invoke(
                event if isinstance(event, bytes) else orjson.dumps(event),
                request_id=request_id or f"request-{self._count}",
            )


@contextlib.asynccontextmanager
async def running(
    *,
    ceiling: int = 2,
    python: str | None = None,
    rules: EnvironmentRules | None = None,
    init_timeout_seconds: float = 10.0,
) -> AsyncIterator[Rig]:
    """A fleet that is closed afterwards, and has left nothing behind then."""
    log = Log()
    fleet = WorkerFleet(
        ceiling=ceiling,
        clock=SystemClock(),
        log=log,
        environment=rules,
        init_timeout_seconds=init_timeout_seconds,
    )
    await fleet.start()
    try:
        yield Rig(fleet, log, python)
    finally:
        await fleet.aclose()


def run(body: Callable[[], Any]) -> Any:
    """Run a coroutine function on a real loop."""
    return asyncio.run(body())


class Home:
    """A fleet that many tests share, on a loop in a thread of its own: starting one for each takes longer."""

    def __init__(self, python: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="home")
        self._thread.start()
        self._exit = contextlib.AsyncExitStack()
        self.rig: Rig = self._run(self._exit.enter_async_context(running(python=python)))

    def invoke(self, handler: str, event: Any = None, **changes: Any) -> Response:
        """One invocation; ``log`` then holds what was printed since."""
        self.rig.log.lines.clear()
        response: Response = self._run(self.rig.invoke(handler, event, **changes))
        return response

    @property
    def log(self) -> Log:
        return self.rig.log

    def close(self) -> None:
        self._run(self._exit.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * PATIENCE)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie doesn't."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


async def until(holds: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Return once *holds* does: for what no event announces."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.002)


async def wait_gone(*pids: int, seconds: float = 5.0) -> None:
    """Return once none of the processes runs."""
    await until(lambda: not any(map(is_alive, pids)), seconds=seconds)


def pids(notes: Path) -> list[int]:
    """The processes that handlers have noted in a file."""
    return [int(pid) for pid in notes.read_text().split()]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
