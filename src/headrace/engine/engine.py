"""Run many mappings together and stop them in two steps.

Theory of operation. `Engine.run` ends when every mapping has ended. `stop` asks: pollers receive no more, open batches
are handed over, deliveries finish and are settled. Whatever is not done after *drain_seconds* (or at `abort`) is cancelled: its
invocations are given up and its records released at once, so that nothing waits out a visibility timeout because of a
stop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.engine.mapping_runner import MappingRunner

_logger = logging.getLogger("headrace.engine")
DRAIN_SECONDS = 8.0


class Engine:
    """The mappings of one process."""

    def __init__(
        self, runners: Sequence[MappingRunner], *, drain_seconds: float = DRAIN_SECONDS
    ) -> None:
        self.runners = tuple(runners)
        self.drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._aborting = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether a stop has been asked for."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask every mapping to finish what it has begun. Idempotent."""
        self._stopping.set()
        for runner in self.runners:
            runner.stop()

    def abort(self) -> None:
        """Stop, and don't wait for the drain time. Idempotent."""
        self.stop()
        self._aborting.set()

    async def run(self) -> None:
        """Run every mapping until all have stopped. Cancelling aborts."""
        async with asyncio.TaskGroup() as group:
            mappings = [
                group.create_task(runner.run(), name=f"mapping {runner.mapping.mapping_id}")
                for runner in self.runners
            ]
            deadline = group.create_task(self._end_at_deadline(mappings), name="drain deadline")
            if mappings:
                await asyncio.wait(mappings)
            deadline.cancel()

    async def _end_at_deadline(self, mappings: list[asyncio.Task[None]]) -> None:
        await self._stopping.wait()
        try:
            async with asyncio.timeout(self.drain_seconds):
                await self._aborting.wait()
        except TimeoutError:
            _logger.warning(
                "not everything ended within %g s of the stop: the rest is given up and released",
                self.drain_seconds,
            )
        for mapping in mappings:
            mapping.cancel()
