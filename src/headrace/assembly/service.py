"""Mappings that run together until they are stopped, idle or stuck.

Theory of operation. Three things run beside each other: the engine, a look at every source's backlog once a second (which feeds
status and metrics, and costs the same whatever the backlog), and, when asked for, the watch that ends the run once nothing
is visible, delayed or in flight on any mapped source. A run that is to become idle and has had no success for
``timeout_seconds`` is stuck: it is stopped, and the answer names the mapping, record and error that hold it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from headrace.engine.engine import DRAIN_SECONDS, Engine
from headrace.errors import SourceError
from headrace.model.mapping import MappingState
from headrace.model.queue import QueueAttributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.engine.mapping_runner import MappingRunner
    from headrace.model.mapping import MappingId

_logger = logging.getLogger("headrace")
LOOK_SECONDS = 1.0
IDLE_LOOK_SECONDS = 0.1
TIMEOUT_SECONDS = 300.0


class RunEndReason(StrEnum):
    """Why a run has ended."""

    STOPPED = "stopped"
    IDLE = "idle"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run has ended; ``message`` is for people."""

    reason: RunEndReason
    message: str


class Service:
    """Runs *runners* and knows their backlog. Belongs to one event loop from `run` on."""

    def __init__(
        self,
        runners: Sequence[MappingRunner],
        *,
        drain_seconds: float = DRAIN_SECONDS,
        until_idle: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._engine = Engine(runners, drain_seconds=drain_seconds)
        self._until_idle = until_idle
        self._timeout_seconds = timeout_seconds
        self._backlog: dict[MappingId, QueueAttributes] = {}
        self._end: RunEnd | None = None

    @property
    def runners(self) -> tuple[MappingRunner, ...]:
        """The mappings, each with its statistics and state."""
        return self._engine.runners

    @property
    def backlog(self) -> Mapping[MappingId, QueueAttributes]:
        """Each mapping's source as it was at the last look, at most about a second ago."""
        return self._backlog

    @property
    def stopping(self) -> bool:
        """Whether a stop has been asked for."""
        return self._engine.stopping

    def stop(self) -> None:
        """Receive no more; `run` returns once what is in flight is settled. Idempotent."""
        self._engine.stop()

    def abort(self) -> None:
        """Stop, and give up what is in flight. Idempotent."""
        self._engine.abort()

    async def run(self) -> RunEnd:
        """Run until stopped, idle or stuck. Cancelling aborts."""
        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(self._look_again_and_again(), name="backlog")]
            if self._until_idle:
                watches.append(group.create_task(self._stop_when_idle(), name="idle watch"))
            try:
                await self._engine.run()
            finally:
                for watch in watches:
                    watch.cancel()
        return self._end or RunEnd(RunEndReason.STOPPED, "stopped")

    async def look(self) -> None:
        """Read the backlog of every mapping's source now; a source that fails keeps its last values."""
        for runner in self.runners:
            try:
                attributes = await runner.source.attributes()
            except SourceError as error:
                _logger.debug("%s: backlog unknown: %s", runner.source.name, error)
                continue
            self._backlog[runner.mapping.mapping_id] = attributes

    async def _look_again_and_again(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _stop_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        last_success, successes = loop.time(), 0
        while True:
            if await self._is_idle():
                self._end = RunEnd(RunEndReason.IDLE, "idle: every mapped source is empty")
                break
            if (now_successes := self._successes()) != successes:
                last_success, successes = loop.time(), now_successes
            if loop.time() - last_success >= self._timeout_seconds:
                self._end = RunEnd(RunEndReason.STUCK, self._why_stuck())
                break
            await asyncio.sleep(IDLE_LOOK_SECONDS)
        self.stop()

    def _successes(self) -> int:
        return sum(runner.statistics.deleted for runner in self.runners)

    async def _is_idle(self) -> bool:
        idle = True
        for runner in self._active():
            if runner.statistics.in_flight:
                return False
            try:
                attributes = await runner.source.attributes()
            except SourceError:
                return False
            self._backlog[runner.mapping.mapping_id] = attributes
            idle = idle and attributes.total == 0
        return idle

    def _active(self) -> list[MappingRunner]:
        return [runner for runner in self.runners if runner.state is not MappingState.DISABLED]

    def _why_stuck(self) -> str:
        held = [
            f"mapping {runner.mapping.mapping_id}: {self._why_held(runner)}"
            for runner in self._active()
            if self._backlog.get(runner.mapping.mapping_id, _NOTHING).total
            or runner.statistics.last_source_error
            or runner.last_error
        ]
        return f"not idle: no success for {self._timeout_seconds:g} s; " + "; ".join(held)

    def _why_held(self, runner: MappingRunner) -> str:
        attributes = self._backlog.get(runner.mapping.mapping_id, _NOTHING)
        backlog = (
            f"{attributes.total} messages left in {runner.source.name} ({attributes.visible} visible, "
            f"{attributes.in_flight} in flight, {attributes.delayed} delayed)"
        )
        statistics = runner.statistics
        if (failure := statistics.last_failure) is not None:
            more = f" and {len(failure.record_ids) - 1} more" if failure.record_ids[1:] else ""
            return f"{backlog}; record {failure.record_ids[0]}{more} failed: {failure.why}"
        if runner.last_error:
            return f"{backlog}; the mapping failed: {runner.last_error}"
        if statistics.last_source_error:
            return f"{backlog}; the source failed: {statistics.last_source_error}"
        if runner.slots.capacity == 0:
            return f"{backlog}; the function's reserved concurrency is 0"
        if statistics.in_flight:
            return f"{backlog}; {statistics.in_flight} invocations have not ended yet"
        return backlog


_NOTHING = QueueAttributes()
