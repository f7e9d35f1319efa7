"""Run one mapping: its poller, its heartbeat, its state.

Theory of operation. This is one of the three places that catch every exception: a bug in one mapping is logged with its traceback,
the mapping starts again after a wait, and no other mapping notices. The heartbeat outlives the poller, so that records
stay hidden until the last delivery is settled. A disabled mapping receives nothing and only waits for its stop.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.aio.tasks import sleep_unless
from headrace.engine.dispatcher import Dispatcher
from headrace.engine.heartbeat import VisibilityKeeper
from headrace.engine.queue_poller import QueuePoller
from headrace.engine.settler import Settler
from headrace.engine.statistics import MappingStatistics
from headrace.model.mapping import MappingState
from headrace.policy.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from headrace.abc import Clock, Invoker, QueueSource
    from headrace.engine.slots import SlotPool
    from headrace.engine.statistics import BatchReport
    from headrace.model.mapping import QueueMapping

_logger = logging.getLogger("headrace.engine")


@dataclass(slots=True, kw_only=True)
class MappingRunner:
    """One mapping with everything that it needs, ready to run once."""

    mapping: QueueMapping
    source: QueueSource
    invoker: Invoker
    slots: SlotPool
    clock: Clock
    chance: Random
    observe: Callable[[BatchReport], None] | None = None
    statistics: MappingStatistics = field(default_factory=MappingStatistics)
    state: MappingState = MappingState.CREATING
    state_transition_reason: str = "USER_INITIATED"
    last_error: str = ""
    """What last made the mapping start again; empty if nothing did."""
    _poller: QueuePoller | None = field(default=None, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def stop(self) -> None:
        """Receive no more; ``run`` returns once what is in flight is settled. Idempotent."""
        self._stopping.set()
        if self._poller is not None:
            self._poller.stop()

    async def run(self) -> None:
        """Poll, invoke and settle until stopped. Cancelling is the hard stop."""
        if not self.mapping.enabled:
            self.state = MappingState.DISABLED
            await self._stopping.wait()
            return
        self.state = MappingState.ENABLED
        backoff = Backoff(seconds_first=0.5, seconds_max=30.0)
        while not self._stopping.is_set():
            try:
                await self._run_once()
            except Exception:
                seconds = backoff.next_seconds(self.chance.random())
                _logger.exception(
                    "mapping %s failed; it starts again in %.1f s", self.mapping.mapping_id, seconds
                )
                await sleep_unless(self._stopping, seconds)

    async def _run_once(self) -> None:
        keeper = VisibilityKeeper(self.source, self.statistics)
        settler = Settler(
            source=self.source, keeper=keeper, statistics=self.statistics, chance=self.chance
        )
        dispatcher = Dispatcher(
            mapping=self.mapping,
            invoker=self.invoker,
            keeper=keeper,
            settler=settler,
            statistics=self.statistics,
            clock=self.clock,
            chance=self.chance,
            observe=self.observe,
        )
        self._poller = QueuePoller(
            mapping=self.mapping,
            source=self.source,
            slots=self.slots,
            dispatcher=dispatcher,
            keeper=keeper,
            settler=settler,
            statistics=self.statistics,
            chance=self.chance,
        )
        if self._stopping.is_set():
            self._poller.stop()
        async with asyncio.TaskGroup() as group:
            heartbeat = group.create_task(keeper.run(), name=f"heartbeat {self.mapping.mapping_id}")
            await self._poller.run()
            heartbeat.cancel()


def _innermost(error: Exception) -> Exception:
    """The first error inside nested groups."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
