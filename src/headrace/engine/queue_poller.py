"""Poll one queue: take a slot, receive, hand over.

Theory of operation. Two shapes, chosen by the mapping's batching window.

*No window*: whatever one receive gives is a batch. Each poller is a loop of its own: wait until something may be visible, take a
slot, receive, deliver, settle, again. `policy.polling` says how many loops there are: one scout when the queue is empty, as many as
there are slots when it is not. Receives and deletes of many loops meet in one commit of the store, which is where the throughput
comes from.

*A window*: one collector gathers the mapping's one open batch over as many receives as it takes, until `OpenBatch` says that
it is due; the delivery then runs beside the next collection. While the window is open the slot is lent to other mappings.

Waiting for a slot or for a wake-up holds no record, so a stop cancels it. Everything else ends by itself after
`stop`: an open batch is handed over early (a window is a maximum), deliveries finish and are settled. What still waits for a
slot when `run` is cancelled is released at once. What a kill leaves behind comes back by visibility timeout.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from headrace.aio.tasks import sleep_unless
from headrace.errors import SourceError
from headrace.policy import polling
from headrace.policy.batching import FlushReason, OpenBatch, batches_of
from headrace.policy.heartbeat import Hold
from headrace.policy.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from random import Random

    from headrace.abc import QueueSource
    from headrace.engine.dispatcher import Dispatcher
    from headrace.engine.heartbeat import VisibilityKeeper
    from headrace.engine.settler import Settler
    from headrace.engine.slots import SlotPool
    from headrace.engine.statistics import MappingStatistics
    from headrace.model.mapping import QueueMapping
    from headrace.policy.batching import Batch

T = TypeVar("T")
_logger = logging.getLogger("headrace.engine")
SOURCE_SECONDS_FIRST = 0.1
SOURCE_SECONDS_MAX = 10.0


class QueuePoller:
    """Keeps up to *limit* batches of one queue in flight."""

    def __init__(
        self,
        *,
        mapping: QueueMapping,
        source: QueueSource,
        slots: SlotPool,
        dispatcher: Dispatcher,
        keeper: VisibilityKeeper,
        settler: Settler,
        statistics: MappingStatistics,
        chance: Random,
    ) -> None:
        self._mapping = mapping
        self._source = source
        self._slots = slots
        self._dispatcher = dispatcher
        self._keeper = keeper
        self._settler = settler
        self._statistics = statistics
        self._chance = chance
        self._stopping = asyncio.Event()
        self._idle: set[asyncio.Task[None]] = set()
        """Tasks that wait and hold nothing: a stop cancels them. Written by `_idly`, read by `stop`."""
        self._window: asyncio.Timeout | None = None
        """The running wait of an open window: a stop ends it. Written by `_wait_for_more`."""
        self._pollers = 0
        self._scouts = 0
        self._backoff = Backoff(SOURCE_SECONDS_FIRST, SOURCE_SECONDS_MAX)
        self._source_wait = 0.0

    @property
    def limit(self) -> int:
        """How many invocations this mapping may have under way."""
        most = self._mapping.maximum_concurrency
        return self._slots.capacity if most is None else min(most, self._slots.capacity)

    def stop(self) -> None:
        """Receive no more; ``run`` returns once what is in flight is settled. Idempotent."""
        self._stopping.set()
        for task in self._idle:
            task.cancel()
        if self._window is not None:
            self._window.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Poll until stopped. Cancelling is the hard stop."""
        self._slots.register(self._mapping.mapping_id)
        try:
            async with asyncio.TaskGroup() as group:
                if self.limit == 0:  # reserved concurrency of 0: the function must not be invoked
                    await self._stopping.wait()
                elif self._mapping.batch_window_seconds > 0:
                    self._start(group, self._collect_batches(group), "collector")
                else:
                    self._start_poller(group)
        finally:
            self._slots.unregister(self._mapping.mapping_id)

    def _start(self, group: asyncio.TaskGroup, loop: Awaitable[None], what: str) -> None:
        group.create_task(loop, name=f"{what} {self._mapping.mapping_id}")  # type: ignore[arg-type]

    # Without a window

    def _start_poller(self, group: asyncio.TaskGroup) -> None:
        self._pollers += 1
        self._scouts += 1
        self._start(group, self._poll(group), "poller")

    async def _poll(self, group: asyncio.TaskGroup) -> None:
        scouting, more = True, False
        try:
            while not self._stopping.is_set():
                if not more:
                    await self._idly(self._source.wait_visible())
                await self._idly(self._slots.acquire(self._mapping.mapping_id))
                try:
                    hold = await self._receive(self._mapping.batch_size)
                    if hold is not None and hold.records:
                        scouting = False
                        self._scouts -= 1
                        more = len(hold.records) >= self._mapping.batch_size
                        self._maybe_start(group, answer_was_full=more)
                        await self._deliver_all(hold)
                        if not more and polling.should_end(scouts=self._scouts):
                            return  # another one waits already: two would wake for the next record
                        scouting = True
                        self._scouts += 1
                        continue
                finally:
                    self._slots.release(self._mapping.mapping_id)
                more = False
                if hold is None:
                    await self._wait_for_source()
                elif polling.should_end(scouts=self._scouts - 1):
                    return
        finally:
            self._pollers -= 1
            self._scouts -= scouting

    def _maybe_start(self, group: asyncio.TaskGroup, *, answer_was_full: bool) -> None:
        if not self._stopping.is_set() and polling.should_start(
            pollers=self._pollers,
            scouts=self._scouts,
            limit=self.limit,
            answer_was_full=answer_was_full,
        ):
            self._start_poller(group)

    async def _deliver_all(self, hold: Hold) -> None:
        batches = list(batches_of(hold))
        if len(batches) == 1:
            await self._deliver_one(batches[0])
            return
        for batch in batches[1:]:
            for part in batch.holds:
                self._keeper.hold(part)
        await self._deliver_in_turn(batches)

    async def _deliver_in_turn(self, batches: list[Batch]) -> None:
        while batches:
            try:
                await self._deliver_one(batches.pop(0))
            except asyncio.CancelledError:
                for batch in batches:
                    await self._settler.give_back(batch.holds)
                raise

    # With a window

    async def _collect_batches(self, group: asyncio.TaskGroup) -> None:
        deliveries = asyncio.Semaphore(self.limit)
        opened = OpenBatch(self._mapping.batch_size, self._mapping.batch_window_seconds)
        try:
            while not self._stopping.is_set():
                await self._idly(deliveries.acquire())
                if not opened.count:
                    await self._idly(self._source.wait_visible())
                await self._idly(self._slots.acquire(self._mapping.mapping_id))
                batch, rest = await self._collect(opened)
                if batch is not None:
                    self._start(group, self._deliver(batch, deliveries), "delivery")
                    self._carry_over(opened, rest)
                    continue
                self._slots.release(self._mapping.mapping_id)
                deliveries.release()
                if self._backoff.attempts:
                    await self._wait_for_source()
        except asyncio.CancelledError:
            if opened.count:
                await self._settler.give_back(opened.flush(FlushReason.STOP).holds)
            raise
        if opened.count:
            await self._settler.give_back(opened.flush(FlushReason.STOP).holds)

    def _carry_over(self, opened: OpenBatch, rest: Hold | None) -> None:
        if rest is not None:
            self._keeper.hold(rest)
            opened.add(rest, now=asyncio.get_running_loop().time())

    async def _collect(self, opened: OpenBatch) -> tuple[Batch | None, Hold | None]:
        """Fill the open batch until it is due. Begins and ends with the slot in hand.

        Answers the batch, or None where the queue gave nothing, and what did not fit into it.
        """
        loop = asyncio.get_running_loop()
        rest: Hold | None = None
        while (reason := opened.due(loop.time())) is None:
            if self._stopping.is_set():
                reason = FlushReason.STOP
                break
            asked = opened.room
            hold = await self._receive(asked)
            if hold is not None:
                rest = opened.add(hold, now=loop.time())
            if not opened.count:
                return None, None
            answer_was_full = hold is not None and len(hold.records) >= asked
            if not answer_was_full and opened.due(loop.time()) is None:
                await self._wait_for_more(opened, failed=hold is None)
        return (opened.flush(reason) if opened.count else None), rest

    async def _wait_for_more(self, opened: OpenBatch, *, failed: bool) -> None:
        """Wait for a wake-up, the window's end or a stop, with the slot lent."""
        if self._stopping.is_set():
            return
        self._slots.lend(self._mapping.mapping_id)
        try:
            async with asyncio.timeout_at(opened.deadline) as self._window:
                if failed:
                    await asyncio.sleep(self._source_wait)
                else:
                    await self._source.wait_visible()
        except TimeoutError:
            pass
        except SourceError as error:
            self._note(error)
        except asyncio.CancelledError:
            self._slots.give_up_lent(self._mapping.mapping_id)
            raise
        finally:
            self._window = None
        await self._slots.reclaim(self._mapping.mapping_id)

    async def _deliver(self, batch: Batch, deliveries: asyncio.Semaphore) -> None:
        try:
            await self._deliver_one(batch)
        finally:
            self._slots.release(self._mapping.mapping_id)
            deliveries.release()

    # Both

    async def _deliver_one(self, batch: Batch) -> None:
        """Deliver and settle; the slot is kept for as long as the handler runs, even past its timeout."""
        if (timed_out := await self._dispatcher.deliver(batch)) is not None:
            await self._idly(self._dispatcher.invoker.wait_released(timed_out))

    async def _receive(self, limit: int) -> Hold | None:
        """Receive with a slot in hand. None means that the source failed and a wait is due."""
        asked_at = asyncio.get_running_loop().time()
        try:
            received = await self._source.receive(limit)
        except SourceError as error:
            self._note(error)
            self._source_wait = self._backoff.next_seconds(self._chance.random())
            return None
        self._backoff.reset()
        records = received.records
        self._statistics.polled += len(records)
        self._statistics.dead_lettered += received.dead_lettered
        hold = Hold(records, asked_at, received.visibility_seconds)
        if records:
            self._keeper.hold(hold)
        return hold

    async def _idly(self, wait: Awaitable[T]) -> None:
        """Wait for something while holding nothing: a stop cancels the task that waits."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in a coroutine
        self._idle.add(task)
        try:
            await wait
        except SourceError as error:
            self._note(error)
        finally:
            self._idle.discard(task)

    async def _wait_for_source(self) -> None:
        await sleep_unless(self._stopping, self._source_wait)

    def _note(self, error: SourceError) -> None:
        self._statistics.source_errors += 1
        self._statistics.last_source_error = str(error)
        _logger.warning(
            "%s: polling %s failed: %s", self._mapping.mapping_id, self._source.name, error
        )
