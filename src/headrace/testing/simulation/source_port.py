"""The queue as one mapping of one engine sees it: with the faults that were planned, and fenced after a crash."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from headrace.abc import QueueSource
    from headrace.model.mapping import QueueMapping
    from headrace.model.queue import QueueAttributes
    from headrace.model.record import Received, Record, Settled
    from headrace.testing.simulation.engine_life import EngineLife
    from headrace.testing.simulation.queues import SimulatedQueue

T = TypeVar("T")
_WITHOUT_DIGEST = b'"messageAttributes":{},'
_NULL_DIGEST = b'"messageAttributes":{},"md5OfMessageAttributes":null,'


class SourcePort:
    """A `QueueSource` that passes everything on while its engine lives."""

    def __init__(self, queue: SimulatedQueue, life: EngineLife, mapping: QueueMapping) -> None:
        self._queue = queue
        self._source = queue.source
        self._life = life
        self._faults = queue.faults
        self._chronicle = life.world.chronicle
        # semantics J21: with a window the digest of attributes that are not there is null, else absent.
        self._null_digest = mapping.batch_window_seconds > 0

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._source.name

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self._source.arn

    async def wait_visible(self) -> None:
        """Return once a record may be visible."""
        self._life.refuse_if_over()
        self._faults.refuse_if_down()
        await self._source.wait_visible()

    async def receive(self, limit: int) -> Received:
        """Hand out at most *limit* visible records."""
        receive = partial(self._source.receive, limit)
        received = await self._call("receive", receive, self._note_received)
        if self._null_digest:
            records = [
                record._replace(encoded=record.encoded.replace(_WITHOUT_DIGEST, _NULL_DIGEST, 1))
                for record in received.records
            ]
            return received._replace(records=records)
        return received

    async def delete(self, records: Sequence[Record]) -> Settled:
        """Remove *records* for good."""
        delete = partial(self._source.delete, records)
        return await self._call("delete", delete, partial(self._note_settled, "delete", records))

    async def release(self, records: Sequence[Record], *, delay_seconds: float) -> Settled:
        """Make *records* visible again."""
        release = partial(self._source.release, records, delay_seconds=delay_seconds)
        return await self._call("release", release, partial(self._note_settled, "release", records))

    async def extend(self, records: Sequence[Record], *, visibility_seconds: float) -> Settled:
        """Hide *records* for longer."""
        extend = partial(self._source.extend, records, visibility_seconds=visibility_seconds)
        return await self._call("extend", extend, partial(self._note_settled, "extend", records))

    async def attributes(self) -> QueueAttributes:
        """Backlog and ages."""
        self._life.refuse_if_over()
        return await self._source.attributes()

    async def aclose(self) -> None:
        """The queue outlives its engines."""

    async def _call(
        self, operation: str, act: Callable[[], Awaitable[T]], note: Callable[[T], None]
    ) -> T:
        self._life.refuse_if_over()
        self._faults.refuse_if_down()
        if not self._faults.armed and self._chronicle is None:
            return await act()
        call = _Call(self._source, self._life, act=act, note=note)
        if (fault := self._faults.take(operation)) is None:
            return await call.act()
        disturbed: T = await fault.disturb(call)
        return disturbed

    def _note_received(self, received: Received) -> None:
        if (chronicle := self._chronicle) is not None:
            chronicle.received(self._queue, self._life.name, received)

    def _note_settled(self, operation: str, records: Sequence[Record], settled: Settled) -> None:
        if (chronicle := self._chronicle) is not None:
            left = {record.record_id for record in (*settled.unsettled, *settled.superseded)}
            done = [each.record_id for each in records if each.record_id not in left]
            chronicle.settled(self._queue, self._life.name, operation=operation, ids=done)


class _Call(Generic[T]):
    """A call that a fault may have in hand."""

    def __init__(
        self,
        source: QueueSource,
        life: EngineLife,
        *,
        act: Callable[[], Awaitable[T]],
        note: Callable[[T], None],
    ) -> None:
        self.source = source
        self._life = life
        self._act = act
        self._note = note

    async def act(self) -> T:
        """Do what was asked, and write down that it was done."""
        result = await self._act()
        self._note(result)
        return result

    async def pause(self, seconds: float) -> None:
        """Let time pass; does not return if the engine crashes meanwhile."""
        if seconds:
            await asyncio.sleep(seconds)
        self._life.refuse_if_over()
