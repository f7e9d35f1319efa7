"""The rig of the kill tests: real engines, workers and producers on one store, and the history that they leave behind.

What is killed is killed by its process id. The history is written by handlers, producers and this rig, never by the
engine. `Rig.finish` lets a last engine work until nothing is left, looks at the queues, and has it all checked.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from headrace.store import look
from headrace.store.writer import Store
from headrace.testing import history
from headrace.testing.checker import check
from headrace.testing.history import Event, Recorder, What, digest
from tests.kill import processes
from tests.kill.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from headrace.model.queue import QueueAttributes
    from headrace.store.look import Peeked
    from headrace.testing.checker_report import Report

HERE = Path(__file__).parent
RUN = (sys.executable, "-m", "headrace", "run")
QUEUE, DEAD_LETTERS = "orders", "orders-dlq"
PATIENCE_SECONDS = 30.0

ALL_WELL = {"nothing": 1}
MIXED = {"nothing": 80, "once": 10, "always": 3, "raise": 2, "crash": 1.5, "hang": 0.5}


@dataclass(slots=True, eq=False)
class Engine:
    """A running ``headrace run``."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    asked_at: float | None = None

    @property
    def pid(self) -> int:
        return self.process.pid


class Follower:
    """Reads a history while it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def news(self) -> Iterator[Event]:
        """The events that were added since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        last = history.from_line(self._rest)
        if last is not None:  # a line is whole before the next one begins
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            event = history.from_line(line)
            if event is not None:
                yield event


@dataclass(slots=True, eq=False)
class Rig:
    """A context manager: whatever it started is gone when it ends."""

    directory: Path
    settings: Settings = field(default_factory=Settings)
    engines: list[Engine] = field(default_factory=list)
    producers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        shutil.copytree(HERE / "function", self.code, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(history.__file__, self.code / "history.py")
        self.recorder = Recorder(self.history)

    @property
    def code(self) -> Path:
        return self.directory / "function"

    @property
    def history(self) -> Path:
        return self.directory / "history.jsonl"

    @property
    def store(self) -> Path:
        return self.directory / "store.db"

    def __enter__(self) -> Self:
        self.prepare()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.producers, *self.others, *(each.process for each in self.engines)):
            if process.poll() is None:
                process.kill()
            process.wait()
        for each in processes.survivors(self.workers(), seconds=1.0):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)

    # --- engines ---

    def prepare(self) -> None:
        """Make the queues: an engine that finds nothing to do."""
        self.start_engine("--until-idle", record=False)
        assert self.wait_exit(record=False) == 0, self.told()

    @property
    def engine(self) -> Engine:
        """The engine that was started last."""
        return self.engines[-1]

    def start_engine(self, *options: str, failpoint: str = "", record: bool = True) -> Engine:
        """Start an engine; it takes over as soon as it is ready."""
        name = f"e{len(self.engines)}"
        template = self.directory / "template.yaml"
        text = self.settings.template(engine=name, history=self.history, code=self.code)
        template.write_text(text, encoding="utf-8")
        log = self.directory / f"{name}.log"
        command = [
            *(*RUN, str(template), "--local"),
            *("--store", str(self.store), "--max-workers", str(self.settings.workers)),
            *("--drain-seconds", f"{self.settings.drain_seconds:g}", *options),
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(failpoint),
            )
        engine = Engine(name, process, log)
        self.engines.append(engine)
        if record:
            self.recorder.record(What.START, engine=name, target=process.pid)
        return engine

    def kill_engine(self) -> list[processes.Process]:
        """Kill the engine with SIGKILL; returns the processes that it had started."""
        engine = self.engine
        below = processes.descendants(engine.pid)
        os.kill(engine.pid, signal.SIGKILL)
        self.note_killed(engine)
        return below

    def note_killed(self, engine: Engine) -> None:
        """Record that an engine died by SIGKILL."""
        self.recorder.record(What.KILL, role="engine", engine=engine.name, target=engine.pid)
        assert engine.process.wait() == -signal.SIGKILL, self.told(engine)

    def kill_worker(self, pid: int) -> None:
        """Kill one worker of the engine, if it still is one."""
        engine = self.engine
        if any(each.pid == pid for each in self.workers(engine)):
            os.kill(pid, signal.SIGKILL)
            self.recorder.record(What.KILL, role="worker", engine=engine.name, target=pid)

    def workers(self, engine: Engine | None = None) -> list[processes.Process]:
        """The living workers of an engine, or of all of them, and what they have started."""
        entries = [f"HISTORY={self.history}"]
        if engine is not None:
            entries.append(f"ENGINE={engine.name}")
        return processes.with_environment(*entries)

    def stop_engine(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the engine to stop; a second SIGINT insists."""
        engine = self.engine
        insists = engine.asked_at is not None and number == signal.SIGINT
        engine.asked_at = time.monotonic()
        self.recorder.record(What.STOP, engine=engine.name, name="hard" if insists else "soft")
        os.kill(engine.pid, number)

    def wait_exit(self, seconds: float = PATIENCE_SECONDS, *, record: bool = True) -> int:
        """Wait for the engine to end by itself; returns its exit code."""
        engine = self.engine
        code = engine.process.wait(seconds)
        if record:
            self.recorder.record(What.EXIT, engine=engine.name, name=str(code))
        return code

    def told(self, engine: Engine | None = None) -> str:
        """The end of what an engine wrote, for a failing assertion."""
        return (engine or self.engine).log.read_text(errors="replace")[-3_000:]

    def pause(
        self, pid: int, role: str, *, seconds: float, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Let a process of the engine stand still for a while."""
        engine = self.engine.name
        os.kill(pid, signal.SIGSTOP)
        self.recorder.record(What.PAUSE, role=role, engine=engine, target=pid)
        try:
            if meanwhile is not None:
                meanwhile()
            time.sleep(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):  # a worker may have been killed meanwhile
                os.kill(pid, signal.SIGCONT)
            self.recorder.record(What.RESUME, role=role, engine=engine, target=pid)

    # --- producers and rivals ---

    def start_producer(
        self,
        *,
        rate: float,
        weights: Mapping[str, float] = MIXED,
        limit: int = 0,
        failpoint: str = "",
    ) -> subprocess.Popen[bytes]:
        """Start a process that sends."""
        number = len(self.producers)
        options = {
            "store": str(self.store),
            "queue": QUEUE,
            "history": str(self.history),
            "name": f"p{number}",
            "seed": number,
            "rate": rate,
            "limit": limit,
            "weights": weights,
        }
        command = [sys.executable, str(HERE / "producer.py"), json.dumps(options)]
        process = subprocess.Popen(command, env=environment(failpoint))
        self.producers.append(process)
        return process

    def kill_producer(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a producer, wherever it is."""
        process.kill()
        self.recorder.record(What.KILL, role="producer", target=process.pid)
        process.wait()

    def stop_producers(self) -> None:
        """Let every producer finish its send and end."""
        for process in self.producers:
            if process.poll() is None:
                process.terminate()
        assert {process.wait(PATIENCE_SECONDS) for process in self.producers} <= {
            0,
            -signal.SIGKILL,
        }

    def start_rival(self) -> subprocess.Popen[bytes]:
        """Start another consumer of the queue."""
        name = f"rival{len(self.others)}"
        command = [
            sys.executable,
            str(HERE / "rival.py"),
            str(self.store),
            QUEUE,
            str(self.history),
            name,
        ]
        process = subprocess.Popen(command, env=environment())
        self.others.append(process)
        return process

    def produce(
        self, count: int, weights: Mapping[str, float] = MIXED, *, failpoint: str = ""
    ) -> int:
        """Send *count* records and wait until they are sent; returns the producer's exit code."""
        process = self.start_producer(rate=1e6, weights=weights, limit=count, failpoint=failpoint)
        return process.wait(PATIENCE_SECONDS)

    # --- looking ---

    def follow(self) -> Follower:
        """Read the history from its beginning."""
        return Follower(self.history)

    def wait_for(
        self, follower: Follower, wanted: Callable[[Event], bool], seconds: float = PATIENCE_SECONDS
    ) -> Event | None:
        """Wait for an event. None if the engine ended before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in follower.news():
                if wanted(event):
                    return event
            if self.engine.process.poll() is not None:
                return None
            time.sleep(0.005)
        pytest.fail(f"nothing happened within {seconds} s\n{self.told()}")

    def is_work(self, event: Event) -> bool:
        """Whether an event is a handler of the present engine that starts."""
        return event.what == What.INVOKE and event.engine == self.engine.name

    def look(self) -> QueueAttributes:
        """Record what the queue holds."""
        with Store.open(self.store, create=False) as store:
            counts = store.read_sync(partial(look.attributes, name=QUEUE)).attributes
            hidden = [
                name_of(message.body)
                for message in peeked(store, QUEUE)
                if message.state is look.MessageState.IN_FLIGHT
            ]
        self.recorder.record(
            What.OBSERVED,
            visible=counts.visible,
            in_flight=counts.in_flight,
            delayed=counts.delayed,
            records=hidden,
        )
        return counts

    def finish(self, seconds: float = 90.0) -> Report:
        """Drain with a last engine, read the dead-letter queue, check."""
        self.start_engine("--until-idle", "--timeout", str(int(seconds)))
        code = self.wait_exit(seconds + PATIENCE_SECONDS)
        assert code == 0, self.told()
        with Store.open(self.store, create=False) as store:
            for message in peeked(store, DEAD_LETTERS):
                name, its_digest = name_of(message.body), digest(message.body)
                self.recorder.record(What.DESTINATION, records=[name], digests=[its_digest])
        self.look()
        return self.check()

    def check(self) -> Report:
        """Check the history as it is now."""
        told = history.read(self.history)
        return check(told.events, self.settings.rules, torn=told.torn)


def peeked(store: Store, queue: str) -> Iterator[Peeked]:
    """Every message of a queue."""
    after = 0
    while page := store.read_sync(partial(look.peek_page, name=queue, after_key=after)):
        yield from page
        after = page[-1].key


def name_of(body: str) -> str:
    """The name that the producer gave to a record."""
    return str(json.loads(body)["name"])


def environment(failpoint: str = "") -> dict[str, str]:
    """What our processes inherit: nothing that sets Headrace or Python up in another way."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEADRACE_", "AWS_")) and name not in {"VIRTUAL_ENV", "PYTHONPATH"}
    }
    return {**kept, "HEADRACE_FAILPOINT": failpoint} if failpoint else kept
