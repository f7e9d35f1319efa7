"""Keep the records that a mapping holds hidden from others while they wait and while their handler runs.

Theory of operation. Every hold is registered at its receive, before its batch is full, and dropped before its records are
settled: an extension that arrives after a release would hide what was just given back. One task a mapping waits
for the earliest renewal and extends all that are due in one call. Handlers that are faster than two thirds of the visibility
timeout cost an entry in a dictionary and nothing else.

A failed extension is tried again a second later, for as long as the records are hidden. Records that were received by someone else in
the meantime are reported by the source as superseded; the handler goes on, since it can't be told, and its settlement will be
refused by the source.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from headrace.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.abc import QueueSource
    from headrace.engine.statistics import MappingStatistics
    from headrace.policy.heartbeat import Hold

_logger = logging.getLogger("headrace.engine")
RETRY_SECONDS = 1.0


class VisibilityKeeper:
    """Extends the visibility of every hold that is registered. One for each mapping."""

    def __init__(self, source: QueueSource, statistics: MappingStatistics) -> None:
        self._source = source
        self._statistics = statistics
        self._holds: dict[Hold, None] = {}
        self._wake = asyncio.Event()
        self._sleeping_until: float | None = None

    def hold(self, hold: Hold) -> None:
        """Keep *hold* hidden from now on."""
        self._holds[hold] = None
        if self._sleeping_until is None or hold.renew_at < self._sleeping_until:
            self._wake.set()

    def drop(self, holds: Iterable[Hold]) -> None:
        """Stop extending *holds*. What is not registered is passed over."""
        for hold in holds:
            self._holds.pop(hold, None)

    async def run(self) -> None:
        """Extend what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            if not self._holds:
                self._sleeping_until = None
                await self._wake.wait()
                continue
            # Entered in the order of receipt, so the first is nearly always the earliest; a scan is for those
            # that were registered again, and happens only when a renewal is due.
            self._sleeping_until = min(hold.renew_at for hold in self._holds)
            if self._sleeping_until > loop.time():
                await self._wait_until(self._sleeping_until)
            else:
                await self._extend_due(loop.time())

    async def _wait_until(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _extend_due(self, now: float) -> None:
        due = [hold for hold in self._holds if hold.renew_at <= now]
        by_seconds: dict[float, list[Hold]] = {}
        for hold in due:
            seconds = hold.extension_seconds(now)
            if seconds is None or not hold.records:
                del self._holds[hold]
            else:
                by_seconds.setdefault(seconds, []).append(hold)
        for seconds, holds in by_seconds.items():
            await self._extend(holds, seconds, now)

    async def _extend(self, holds: list[Hold], seconds: float, now: float) -> None:
        records = [record for hold in holds for record in hold.records]
        # Until the answer is in, nobody else may extend the same; settlements may drop them meanwhile.
        for hold in holds:
            hold.renew_at = now + RETRY_SECONDS
        try:
            settled = await self._source.extend(records, visibility_seconds=seconds)
        except SourceError as error:
            self._statistics.source_errors += 1
            self._statistics.last_source_error = str(error)
            _logger.warning("%s: extending visibility failed: %s", self._source.name, error)
            return
        unsettled = {record.record_id for record in settled.unsettled}
        self._statistics.extended += len(records) - len(settled.unsettled) - len(settled.superseded)
        for hold in holds:
            if not unsettled or not unsettled.intersection(r.record_id for r in hold.records):
                hold.hidden_from(now, seconds)
