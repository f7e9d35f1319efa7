"""What all workers of a fleet share."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from headrace.invokers import context
from headrace.invokers.launcher_client import LauncherClient

if TYPE_CHECKING:
    from headrace.abc import Clock
    from headrace.invokers.environment import EnvironmentRules
    from headrace.invokers.function_log import LogSink


@dataclass(slots=True)
class Workshop:
    """The launcher, the log, the clock and the rules that workers are started by."""

    clock: Clock
    log: LogSink
    rules: EnvironmentRules
    init_timeout_seconds: float
    refusing_url: str = ""
    launcher: LauncherClient = field(default_factory=LauncherClient)
    _random: Random = field(default_factory=Random)

    def log_stream(self, instance: str) -> str:
        """The log stream of a worker that starts now."""
        return context.log_stream(self.clock, instance)

    def trace_id(self, now: float) -> str:
        """A trace header in X-Ray's form: made for each invocation, sampled never."""
        bits = f"{self._random.getrandbits(160):040x}"
        return f"Root=1-{int(now):08x}-{bits[:24]};Parent={bits[24:]};Sampled=0"
