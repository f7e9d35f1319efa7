"""Tell a source what became of records, and see that it is done.

Theory of operation. A delete follows a success and is tried until the source has done it, since the message would otherwise
be handed over again; meanwhile it stays hidden by the heartbeat. A release is a courtesy (the message comes back anyway),
so it is tried a few times only. The outcome of a failed call is unknown: it may have happened. Both are idempotent, so
asking again is safe. Every call is shielded from cancellation for a short time: an outcome that is known is
written down even when the engine is being stopped the hard way.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from headrace.aio.tasks import shielded
from headrace.errors import SourceError, SourceRefusedError
from headrace.model.record import Settled
from headrace.policy.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from random import Random

    from headrace.abc import QueueSource
    from headrace.engine.heartbeat import VisibilityKeeper
    from headrace.engine.statistics import MappingStatistics
    from headrace.model.record import Record
    from headrace.policy.heartbeat import Hold
    from headrace.policy.settle import Release, Settlement

_logger = logging.getLogger("headrace.engine")
SHIELD_SECONDS = 5.0
RELEASE_ATTEMPTS = 3


class Settler:
    """Carries settlements out. One for each mapping."""

    def __init__(
        self,
        *,
        source: QueueSource,
        keeper: VisibilityKeeper,
        statistics: MappingStatistics,
        chance: Random,
    ) -> None:
        self._source = source
        self._keeper = keeper
        self._statistics = statistics
        self._chance = chance

    async def settle(self, settlement: Settlement, holds: Sequence[Hold]) -> None:
        """Delete and release; the holds end here."""
        self._keeper.drop(holds)
        for release in settlement.release:
            await self._release(release)
        if settlement.delete:
            await self._delete(settlement.delete, holds)

    async def give_back(self, holds: Sequence[Hold]) -> None:
        """Make every record of *holds* visible at once: they could not be handed over."""
        self._keeper.drop(holds)
        records = [record for hold in holds for record in hold.records]
        if records:
            await self._release_now(records, 0.0)

    async def _delete(self, records: list[Record], holds: Sequence[Hold]) -> None:
        backoff = Backoff(seconds_first=0.05, seconds_max=5.0)
        total = len(records)
        while True:
            settled = await self._call(self._source.delete, records)
            if settled.superseded:
                self._statistics.superseded += len(settled.superseded)
                total -= len(settled.superseded)
            if not settled.unsettled:
                self._statistics.deleted += total
                return
            records = list(settled.unsettled)
            self._hold_only(records, holds)
            await asyncio.sleep(backoff.next_seconds(self._chance.random()))

    def _hold_only(self, records: list[Record], holds: Sequence[Hold]) -> None:
        """Keep hidden what is still to be deleted, and nothing that has been settled."""
        wanted = {record.record_id for record in records}
        for hold in holds:
            hold.records = [record for record in hold.records if record.record_id in wanted]
            if hold.records:
                self._keeper.hold(hold)

    async def _release(self, release: Release) -> None:
        await self._release_now(release.records, release.delay_seconds)

    async def _release_now(self, records: list[Record], delay_seconds: float) -> None:
        async def release(wanted: Sequence[Record]) -> Settled:
            return await self._source.release(wanted, delay_seconds=delay_seconds)

        backoff = Backoff(seconds_first=0.05, seconds_max=1.0)
        for _ in range(RELEASE_ATTEMPTS):
            settled = await self._call(release, records)
            self._statistics.superseded += len(settled.superseded)
            self._statistics.released += (
                len(records) - len(settled.unsettled) - len(settled.superseded)
            )
            if not settled.unsettled:
                return
            records = list(settled.unsettled)
            await asyncio.sleep(backoff.next_seconds(self._chance.random()))
        _logger.warning(
            "%s: %d records could not be released; they return by themselves",
            self._source.name,
            len(records),
        )

    async def _call(
        self, write: Callable[[Sequence[Record]], Awaitable[Settled]], records: list[Record]
    ) -> Settled:
        try:
            return await shielded(write(records), seconds=SHIELD_SECONDS)
        except SourceRefusedError as error:
            self._note(error)
            return Settled(superseded=tuple(records))
        except SourceError as error:
            self._note(error)
            return Settled(unsettled=tuple(records))

    def _note(self, error: SourceError) -> None:
        self._statistics.source_errors += 1
        self._statistics.last_source_error = str(error)
        _logger.warning("%s: settling failed: %s", self._source.name, error)
