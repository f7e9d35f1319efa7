"""What is shown of a run: filled by the engine's loop, read by whoever shows it, in whatever thread."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from headrace.model.mapping import MappingState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from headrace.engine.mapping_runner import MappingRunner
    from headrace.model.mapping import MappingId
    from headrace.model.queue import QueueAttributes

TICK_SECONDS = 0.25
STALLED_SECONDS = 30.0
"""So long may the engine's loop not move before it counts as dead."""


class Phase(StrEnum):
    """How far a run is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(slots=True)
class Board:
    """The mappings of a run with what was last known of their sources.

    A reader in another thread sees each value whole, values beside each other from moments that are close.
    """

    runners: Sequence[MappingRunner] = ()
    backlog: Mapping[MappingId, QueueAttributes] = field(default_factory=dict)
    phase: Phase = Phase.STARTING
    ticked_at: float | None = None
    """The event loop's time when it last came by."""

    async def keep(
        self, read: Callable[[], Awaitable[Mapping[MappingId, QueueAttributes]]]
    ) -> None:
        """Keep the board up to date, with what *read* gives, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.backlog = await read()
            self.ticked_at = loop.time()
            if self.phase is Phase.STARTING and self._all_begun():
                self.phase = Phase.RUNNING
            await asyncio.sleep(TICK_SECONDS)

    def is_alive(self, now: float) -> bool:
        """Whether the engine's loop has moved lately; *now* is a loop's time, which all loops share."""
        return self.ticked_at is not None and now - self.ticked_at < STALLED_SECONDS

    def is_ready(self, now: float) -> bool:
        """Whether every mapping is at work or disabled, and no stop has been asked for."""
        return self.phase is Phase.RUNNING and self.is_alive(now)

    def _all_begun(self) -> bool:
        return all(runner.state is not MappingState.CREATING for runner in self.runners)
