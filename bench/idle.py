"""What 20 mappings cost that have nothing to do: CPU of a core, and memory.

`headrace run` on a template with 20 queues and 20 functions. Each function is invoked once first, so that the pool has its
workers; then nothing happens. The engine and the launcher of workers are counted, the workers are not.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import processes
from bench.calibration import calibrate
from bench.harness import Row, in_turn, row_of
from bench.places import scratch_directory
from headrace.producer import Queue
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from bench.harness import Options

MAPPINGS = 20
SETTLE_SECONDS = 3.0
READY_SECONDS = 60.0
FUNCTION = """\
  Function{0}:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return None
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue{0}.Arn
  Queue{0}:
    Type: AWS::SQS::Queue
"""


def measure(options: Options) -> list[Row]:
    """Look at idle engines for a while."""
    if not processes.can_look():
        options.note("idle: needs /proc, which this system does not have")
        return []
    seconds = options.size(20, 2)
    runs = {
        "used": lambda: idle(seconds, status=False),
        "status": lambda: idle(seconds, status=True),
    }
    outcomes = in_turn(options, runs)
    cpu = Row(f"{MAPPINGS} mappings, CPU", "% of a core", 1.0, at_most=True, scaling="cost")
    memory = Row(f"{MAPPINGS} mappings, engine and launcher", "MB", 80, at_most=True)
    with_status = Row("the same with --status, CPU", "% of a core", scaling="cost")
    memory_with_status = Row("the same with --status, memory", "MB")
    return [
        row_of(cpu, outcomes["used"], "cpu_percent"),
        row_of(memory, outcomes["used"], "memory_mb"),
        row_of(with_status, outcomes["status"], "cpu_percent"),
        row_of(memory_with_status, outcomes["status"], "memory_mb"),
        row_of(Row("the engine alone", "MB"), outcomes["used"], "engine_mb"),
    ]


def idle(seconds: float, *, status: bool) -> dict[str, float]:
    """Start an engine, use every mapping once, and watch it do nothing for *seconds*."""
    with scratch_directory() as directory:
        template, path = directory / "template.yaml", directory / "idle.db"
        template.write_text(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n"
            + "".join(FUNCTION.format(number) for number in range(MAPPINGS))
        )
        command = [str(Path(sys.executable).with_name("headrace")), "run", str(template), "--local"]
        command += ["--store", str(path), *(["--status", "127.0.0.1:0"] if status else [])]
        with (directory / "log").open("w") as log:
            engine = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                use_each(path, engine)
                time.sleep(SETTLE_SECONDS)
                return watched(engine.pid, seconds)
            except Exception as error:
                error.add_note((directory / "log").read_text()[-2000:])
                raise
            finally:
                engine.send_signal(signal.SIGTERM)
                engine.wait()


def use_each(path: Path, engine: subprocess.Popen[bytes]) -> None:
    """Send each queue a message and wait until all are handled."""
    deadline = time.monotonic() + READY_SECONDS
    while not path.exists():
        assert engine.poll() is None, "the engine ended"
        assert time.monotonic() < deadline, "the engine made no store"
        time.sleep(0.05)
    with Store.open(path, create=False) as store:
        queues = Queues(store)
        while len(names := [queue.name for queue in queues.list()]) < MAPPINGS:
            assert time.monotonic() < deadline, "the engine made no queues"
            time.sleep(0.05)
        for name in names:
            Queue(name, store=store).send("{}")
        while any(queues.attributes(name).total for name in names):
            assert engine.poll() is None, "the engine ended"
            assert time.monotonic() < deadline, "the messages were not handled"
            time.sleep(0.1)


def watched(pid: int, seconds: float) -> dict[str, float]:
    """CPU and memory of the engine and of the launcher of workers, which is its only child."""
    ours = [pid, *processes.children_of(pid)]
    before = [processes.cpu_seconds_of(each) for each in ours]
    started = time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - started
    used = sum(processes.cpu_seconds_of(each) for each in ours) - sum(before)
    return {
        "cpu_percent": used / elapsed * 100,
        "memory_mb": sum(processes.resident_mb(each) for each in ours),
        "engine_mb": processes.resident_mb(pid),
        "calibration_ms": calibrate(),
    }
