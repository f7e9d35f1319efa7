"""Dramatiq's side of `rivals`: runs in an environment of its own, which has Dramatiq and not Headrace.

Reads the port of Redis, the number of messages and of processes, and the body as JSON from standard input; prints the
CPU seconds of Dramatiq's processes as JSON. The same file is the module that `dramatiq` loads: then the port is in
``BENCH_REDIS_PORT``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import processes

PORT = "BENCH_REDIS_PORT"
PATIENCE_SECONDS = 300.0
START_SECONDS = 30.0


def load(port: int) -> tuple[Any, Any, Any]:
    """Dramatiq's broker, its Redis client and the actor that does nothing."""
    import dramatiq  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    from dramatiq.brokers.redis import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        RedisBroker,
    )

    broker = RedisBroker(host="127.0.0.1", port=port)
    dramatiq.set_broker(broker)

    @dramatiq.actor  # type: ignore[untyped-decorator,unused-ignore]
    def no_op(body: str) -> None:
        """Do nothing."""

    return broker, broker.client, no_op


def main() -> None:
    """Stop the workers, send, let them work, and print what that cost."""
    given = json.load(sys.stdin)
    broker, client, actor = load(given["port"])
    client.flushall()
    master = start(given["port"], given["workers"])
    try:
        actor.send(given["body"])
        wait_until_empty(client, broker)
        tree = processes.tree_of(master.pid)
        for pid in tree:
            os.kill(pid, signal.SIGSTOP)
        for _ in range(given["messages"]):
            actor.send(given["body"])
        before = sum(processes.cpu_seconds_of(pid) for pid in tree)
        for pid in reversed(tree):
            os.kill(pid, signal.SIGCONT)
        wait_until_empty(client, broker)
        cpu = sum(processes.cpu_seconds_of(pid) for pid in tree) - before
    finally:
        master.terminate()
        master.wait()
    print(json.dumps({"cpu": cpu}))


def start(port: int, workers: int) -> subprocess.Popen[bytes]:
    """Start Dramatiq's command with its own defaults."""
    command = [str(Path(sys.executable).with_name("dramatiq")), Path(__file__).stem]
    if workers:
        command += ["--processes", str(workers)]
    return subprocess.Popen(
        command,
        env={**os.environ, PORT: str(port), "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until_empty(client: Any, broker: Any) -> None:  # noqa: ANN401 - of packages that are not here
    """Return once every message was handled and acknowledged."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    messages = f"{broker.namespace}:default.msgs"
    while client.hlen(messages):
        assert time.monotonic() < deadline, "the messages were not handled"
        time.sleep(0.02)


if __name__ == "__main__":
    main()
elif PORT in os.environ:
    load(int(os.environ[PORT]))
