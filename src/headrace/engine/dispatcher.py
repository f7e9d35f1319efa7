"""Hand one batch over to its function, and settle it by what came back.

Theory of operation. A batch is invoked with a slot in hand. Success, partial failure, error and timeout settle it at once
(`policy.settle`). A throttle is none of these: the function did not run. The same batch is offered again, with backoff, until
the visibility of its first record is about to end; then it is left alone and returns by itself (semantics C.1, J6). While it
waits like that it is not extended, so a function that can't take more does not keep messages from others.

Cancelling `deliver` is the hard stop: the invocation is given up and its records are released at once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from headrace.engine.statistics import FAILED, OK, BatchReport, Failure
from headrace.model.outcome import Outcome
from headrace.policy import partial, settle
from headrace.policy.batching import encode_event
from headrace.policy.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from headrace.abc import Clock, Invoker
    from headrace.engine.heartbeat import VisibilityKeeper
    from headrace.engine.settler import Settler
    from headrace.engine.statistics import MappingStatistics
    from headrace.model.mapping import QueueMapping
    from headrace.model.record import Record
    from headrace.policy.batching import Batch, FlushReason
    from headrace.policy.partial import Verdict

_logger = logging.getLogger("headrace.engine")
THROTTLE_SECONDS_FIRST = 0.1
THROTTLE_SECONDS_MAX = 5.0


def request_id(chance: Random) -> str:
    """A random request id in the form of a UUID of version 4."""
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class _Attempt(NamedTuple):
    request_id: str
    reason: FlushReason
    records: list[Record]
    event: bytes


@dataclass(slots=True)
class Dispatcher:
    """Invokes and settles the batches of one mapping."""

    mapping: QueueMapping
    invoker: Invoker
    keeper: VisibilityKeeper
    settler: Settler
    statistics: MappingStatistics
    clock: Clock
    chance: Random
    observe: Callable[[BatchReport], None] | None = None

    async def deliver(self, batch: Batch) -> str | None:
        """Invoke *batch* and settle it.

        Returns the request id of an invocation that timed out: its handler may still run, and its slot is to be kept
        until ``invoker.wait_released``.
        """
        batch = self._without_lapsed(batch)
        if not batch.holds:
            return None
        statistics = self.statistics
        statistics.in_flight += 1
        statistics.in_flight_max = max(statistics.in_flight_max, statistics.in_flight)
        statistics.flushes[batch.reason] += 1
        try:
            verdict, invocation = await self._invoke_until_taken(batch)
        except asyncio.CancelledError:
            await self.settler.give_back(batch.holds)
            raise
        finally:
            statistics.in_flight -= 1
        now = asyncio.get_running_loop().time()
        await self.settler.settle(settle.decide(verdict, batch.holds, now=now), batch.holds)
        return invocation if verdict.outcome is Outcome.TIMED_OUT else None

    def _without_lapsed(self, batch: Batch) -> Batch:
        """*batch* without what is no longer hidden: after a standstill somebody else may have had it."""
        now = asyncio.get_running_loop().time()
        lapsed = [hold for hold in batch.holds if hold.has_lapsed(now)]
        if not lapsed:
            return batch
        self.keeper.drop(lapsed)
        self.statistics.lapsed += sum(len(hold.records) for hold in lapsed)
        return batch._replace(holds=tuple(hold for hold in batch.holds if hold not in lapsed))

    async def _invoke_until_taken(self, batch: Batch) -> tuple[Verdict, str]:
        loop = asyncio.get_running_loop()
        records = batch.records
        event = encode_event(records)
        backoff = Backoff(THROTTLE_SECONDS_FIRST, THROTTLE_SECONDS_MAX)
        while True:
            attempt = _Attempt(request_id(self.chance), batch.reason, records, event)
            verdict = await self._invoke(attempt)
            if verdict.outcome is not Outcome.THROTTLED:
                return verdict, attempt.request_id
            self.keeper.drop(batch.holds)
            wait = backoff.next_seconds(self.chance.random())
            if loop.time() + wait >= min(hold.hidden_until for hold in batch.holds):
                return verdict, attempt.request_id
            await asyncio.sleep(wait)
            for hold in batch.holds:
                self.keeper.hold(hold)

    async def _invoke(self, attempt: _Attempt) -> Verdict:
        loop = asyncio.get_running_loop()
        started, started_at = loop.time(), self.clock.now()
        response = await self.invoker.invoke(attempt.event, request_id=attempt.request_id)
        verdict = partial.judge(
            response,
            [record.record_id for record in attempt.records],
            report_failures=self.mapping.report_batch_item_failures,
        )
        ended_at = self.clock.now()
        self._count(attempt.records, verdict, seconds=loop.time() - started, ended_at=ended_at)
        if self.observe is not None:
            self.observe(
                BatchReport(
                    mapping_id=self.mapping.mapping_id,
                    function=self.mapping.function,
                    request_id=attempt.request_id,
                    event=attempt.event,
                    records=attempt.records,
                    reason=attempt.reason,
                    started_at=started_at,
                    ended_at=ended_at,
                    outcome=verdict.outcome,
                    payload=response.payload,
                    failed=verdict.failed,
                    why=verdict.why,
                )
            )
        return verdict

    def _count(
        self, records: list[Record], verdict: Verdict, *, seconds: float, ended_at: float
    ) -> None:
        statistics = self.statistics
        statistics.outcomes[verdict.outcome] += 1
        if verdict.outcome is Outcome.THROTTLED:
            return
        statistics.invoked += len(records)
        statistics.retried += sum([record.receive_count > 1 for record in records])
        statistics.batch_sizes.add(len(records))
        statistics.durations.add(seconds)
        if len(verdict.failed) < len(records):
            statistics.last_success_at = ended_at
        if verdict.failed:
            statistics.failed += len(verdict.failed)
            statistics.last_failure = Failure(tuple(sorted(verdict.failed)), verdict.why, ended_at)
        # semantics A.6: a partial batch response counts as OK.
        usable = verdict.outcome in {Outcome.SUCCESS, Outcome.PARTIAL}
        statistics.last_processing_result = OK if usable else FAILED
