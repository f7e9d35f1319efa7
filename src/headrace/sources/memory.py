"""A queue in memory: for tests and simulations, and the example of how a source is written.

Theory of operation. Messages live in one dictionary in the order of sending. Time is the running loop's, so the queue works
on a virtual clock. Nothing is durable; everything else is as a standard queue has it: visibility, receive
counts, delay, a dead-letter queue by receive count.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from headrace.model.queue import QueueAttributes
from headrace.model.record import Received, Record, RecordId, Settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(slots=True)
class _Message:
    record_id: RecordId
    body: str
    sent_at: float
    visible_at: float
    receive_count: int = 0


@dataclass(slots=True)
class MemoryQueue:
    """A standard queue that lives as long as this object. All methods belong to one event loop."""

    name: str
    visibility_seconds: float = 30.0
    delay_seconds: float = 0.0
    dead_letter: MemoryQueue | None = None
    max_receive_count: int = 0
    _messages: dict[RecordId, _Message] = field(default_factory=dict)
    _sent: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def arn(self) -> str:
        """The queue's ARN, in AWS's form."""
        return f"arn:aws:sqs:us-east-1:000000000000:{self.name}"

    def send(self, body: str, *, delay_seconds: float | None = None) -> RecordId:
        """Add one message; returns its id."""
        self._sent += 1
        now = asyncio.get_running_loop().time()
        delay = self.delay_seconds if delay_seconds is None else delay_seconds
        record_id = RecordId(f"{self.name}-{self._sent:08d}")
        self._messages[record_id] = _Message(record_id, body, now, now + delay)
        self._changed.set()
        return record_id

    def bodies(self) -> list[str]:
        """Every message that is not deleted, in the order of sending."""
        return [message.body for message in self._messages.values()]

    async def wait_visible(self) -> None:
        """Return once a message is visible."""
        loop = asyncio.get_running_loop()
        while True:
            due = min((message.visible_at for message in self._messages.values()), default=None)
            if due is not None and due <= loop.time():
                return
            self._changed.clear()
            try:
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def receive(self, limit: int) -> Received:
        """Hand out at most *limit* visible messages."""
        now = asyncio.get_running_loop().time()
        records: list[Record] = []
        dead_lettered = 0
        for message in list(self._messages.values()):
            if len(records) == limit:
                break
            if message.visible_at > now:
                continue
            if self.dead_letter is not None and message.receive_count >= self.max_receive_count:
                self._set_aside(message, self.dead_letter, now)
                dead_lettered += 1
                continue
            message.receive_count += 1
            message.visible_at = now + self.visibility_seconds
            records.append(self._record(message))
        return Received(records, dead_lettered, self.visibility_seconds)

    async def delete(self, records: Sequence[Record]) -> Settled:
        """Remove *records*."""
        superseded = []
        for record in records:
            message = self._messages.get(record.record_id)
            if message is None:
                continue
            if message.receive_count == record.receipt:
                del self._messages[record.record_id]
            else:
                superseded.append(record)
        return Settled(superseded=tuple(superseded))

    async def release(self, records: Sequence[Record], *, delay_seconds: float) -> Settled:
        """Show *records* again after *delay_seconds*."""
        return self._hide(records, delay_seconds)

    async def extend(self, records: Sequence[Record], *, visibility_seconds: float) -> Settled:
        """Hide *records* for *visibility_seconds* from now on."""
        return self._hide(records, visibility_seconds)

    async def attributes(self) -> QueueAttributes:
        """Backlog and ages, exact."""
        now = asyncio.get_running_loop().time()
        hidden = [message for message in self._messages.values() if message.visible_at > now]
        in_flight = sum(message.receive_count > 0 for message in hidden)
        oldest = min((message.sent_at for message in self._messages.values()), default=now)
        return QueueAttributes(
            visible=len(self._messages) - len(hidden),
            in_flight=in_flight,
            delayed=len(hidden) - in_flight,
            age_of_oldest_seconds=now - oldest,
        )

    async def aclose(self) -> None:
        """Nothing is held."""

    def _hide(self, records: Iterable[Record], seconds: float) -> Settled:
        now = asyncio.get_running_loop().time()
        superseded = []
        for record in records:
            message = self._messages.get(record.record_id)
            if message is not None and message.receive_count == record.receipt:
                message.visible_at = now + seconds
            else:
                superseded.append(record)
        self._changed.set()
        return Settled(superseded=tuple(superseded))

    def _set_aside(self, message: _Message, target: MemoryQueue, now: float) -> None:
        del self._messages[message.record_id]
        target._messages[message.record_id] = message
        message.receive_count, message.visible_at = 0, now
        target._changed.set()

    def _record(self, message: _Message) -> Record:
        encoded = orjson.dumps(
            {
                "messageId": message.record_id,
                "receiptHandle": f"{message.record_id}#{message.receive_count}",
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": self.arn,
                "awsRegion": "us-east-1",
            }
        )
        return Record(message.record_id, encoded, message.receive_count, message.receive_count)
