"""Which benches there are, in the order of running. A bench's module is imported when it runs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bench.harness import Options, Row


class Bench(NamedTuple):
    """A bench: its name on the command line, its module, and what it measures."""

    name: str
    module: str
    what: str

    def measure(self, options: Options) -> list[Row]:
        """Run it."""
        rows: list[Row] = importlib.import_module(f"bench.{self.module}").measure(options)
        return rows


BENCHES = (
    Bench("queue", "queue_cost", "queue to handler in process: records per CPU-second"),
    Bench("rivals", "rivals", "CPU a message against Dramatiq on Redis"),
    Bench("backlog", "backlog", "cost of a record with 1,000,000 waiting against 1,000"),
    Bench("latency", "latency", "from a send to the handler in another process"),
    Bench("worker", "runtime_api", "worker processes: invocations a second, CPU each"),
    Bench("idle", "idle", "20 mappings with nothing to do: CPU, memory"),
    Bench("help", "help_time", "headrace --help against python -c pass"),
)
