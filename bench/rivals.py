"""CPU a message against Dramatiq on Redis: all consuming processes of each, equal bodies, handlers that do nothing.

Dramatiq runs one message a task, as it is meant to, with the command's own defaults (a process for each core, eight
threads each) and with one process; the cheaper of the two is compared. Redis keeps nothing on disk and its CPU is not
counted, nor is that of sending. Its workers are stopped (SIGSTOP) while the messages are sent, so that they too find a
backlog and their start costs nothing.

Headrace delivers the same messages, durable on disk, to a synchronous handler in threads, which is what an actor is: by
tens, and one message a batch.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import engines, processes
from bench.calibration import calibrate
from bench.children import ChildFailedError, call
from bench.harness import Row, in_turn, ratios, row_of
from bench.places import RIVALS, ROOT, scratch_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.harness import Options

TARGET = 6
LOCK = ROOT / "requirements" / "bench.txt"
DRIVER = ROOT / "bench" / "dramatiq_driver.py"
READY_SECONDS = 10.0


def measure(options: Options) -> list[Row]:
    """Run both in turn; without Redis, /proc or the means to install Dramatiq there is nothing to compare with."""
    reason = _why_not(options)
    if reason is not None:
        options.note(f"rivals: not run: {reason}")
        return []
    messages = options.size(30_000, 300)
    with redis_server() as port:
        outcomes = in_turn(
            options,
            {
                "Dramatiq": lambda: dramatiq(port, messages=messages, workers=0),
                "Dramatiq, one process": lambda: dramatiq(port, messages=messages, workers=1),
                "tens": lambda: call("bench.queue_cost:drain", records=messages, handler="sync"),
                "ones": lambda: call(
                    "bench.queue_cost:drain", records=messages, handler="sync", batch_size=1
                ),
            },
        )
    costs = {
        name: row_of(Row(name, "us of CPU a message", scaling="cost"), outcomes[found], "cpu_us")
        for name, found in {
            "Dramatiq on Redis, a process for each core": "Dramatiq",
            "Dramatiq on Redis, one process": "Dramatiq, one process",
            "Headrace, batches of ten": "tens",
            "Headrace, batches of one": "ones",
        }.items()
    }
    best = min(("Dramatiq", "Dramatiq, one process"), key=lambda name: _middle(outcomes[name]))
    by_tens = ratios(outcomes[best], outcomes["tens"], "cpu_us")
    by_tens.what, by_tens.target = f"{best} / Headrace, batches of ten", TARGET
    by_ones = ratios(outcomes[best], outcomes["ones"], "cpu_us")
    by_ones.what = f"{best} / Headrace, batches of one"
    return [by_tens, by_ones, *costs.values()]


def _middle(outcomes: list[Mapping[str, float]]) -> float:
    return row_of(Row("", "", scaling="cost"), outcomes, "cpu_us").median


def _why_not(options: Options) -> str | None:
    if shutil.which("redis-server") is None:
        return "there is no redis-server on PATH (Debian and Ubuntu: apt install redis-server)"
    if not processes.can_look():
        return "the CPU of other processes is read from /proc, which this system does not have"
    if not has_rivals() and not options.install:
        return (
            f"Dramatiq is not in {RIVALS.relative_to(ROOT)}; `python -m bench rivals` puts it there"
        )
    return None if has_rivals() or _install(options) else "Dramatiq could not be installed"


def has_rivals() -> bool:
    """Whether the environment of rivals holds what the lock says."""
    mark = RIVALS / "installed"
    return mark.exists() and mark.read_bytes() == LOCK.read_bytes()


def _install(options: Options) -> bool:
    """Make the environment of rivals from its lock."""
    options.note(f"installing Dramatiq into {RIVALS.relative_to(ROOT)}")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(RIVALS)], check=False)
    pip = [str(RIVALS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
    if made.returncode or subprocess.run([*pip, "-r", str(LOCK)], check=False).returncode:
        return False
    (RIVALS / "installed").write_bytes(LOCK.read_bytes())
    return True


@contextmanager
def redis_server() -> Iterator[int]:
    """A Redis of our own, which keeps nothing; gives its port."""
    with scratch_directory() as directory:
        port = _free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "no", "--dir", str(directory)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.terminate()
            server.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise ChildFailedError("redis-server does not answer") from error
            time.sleep(0.05)
        else:
            return


def dramatiq(port: int, *, messages: int, workers: int) -> Mapping[str, float]:
    """What Dramatiq's processes spend on *messages*; *workers* of 0 leaves their number to Dramatiq."""
    before = calibrate()
    done = subprocess.run(
        [str(RIVALS / "bin" / "python"), str(DRIVER)],
        input=json.dumps(
            {"port": port, "messages": messages, "workers": workers, "body": engines.BODY}
        ),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise ChildFailedError(f"Dramatiq ended with {done.returncode}:\n{done.stderr}")
    cpu = json.loads(done.stdout.splitlines()[-1])["cpu"]
    after = calibrate()
    return {"cpu_us": cpu / messages * 1e6, "calibration_ms": (before + after) / 2}
