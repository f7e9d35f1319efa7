"""A queue in memory: for tests and simulations, and the example of how a source is written.

Theory of operation. ``messages`` holds every message in the order of sending. ``_due`` is a heap of when each of them
is visible next; an entry whose message has moved on since (received, released, deleted) is stale and skipped when it comes up.
Time is the running loop's, so the queue works on a virtual clock. Nothing is durable, and no
method waits for anything but `MemoryQueue.wait_visible`; everything else is as a standard queue of SQS has it: visibility,
receive counts, delay, retention, message attributes, a dead-letter queue by receive count.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace.model.queue import QueueAttributes
from headrace.model.record import Received, Record, RecordId, Settled
from headrace.sources.sqs_record import queue_arn, record_encoder
from headrace.store.message import Attributes, Prepared, check_size, prepare

EPOCH_SECONDS = 1_767_225_600.0
"""Where time 0 of a virtual clock stands: the beginning of 2026."""


@dataclass(slots=True, eq=False)
class Message:
    """A message as it lies in a queue. ``visible_at`` is on the scale of the queue's *time*."""

    record_id: RecordId
    content: Prepared
    sent_ms: int
    """When it was sent, in milliseconds since the epoch."""
    visible_at: float = 0.0
    turn: int = 0
    """Which of its entries in the heap is the valid one; 0 while it has none."""
    receive_count: int = 0
    first_received_ms: int = 0

    def state(self, now: float) -> str:
        """``visible``, ``in_flight`` or ``delayed``."""
        if self.visible_at <= now:
            return "visible"
        return "in_flight" if self.receive_count else "delayed"


@dataclass(slots=True, eq=False)
class MemoryQueue:
    """A standard queue that lives as long as this object. All methods belong to one event loop.

    *time* answers the time in seconds; *epoch* is the wall time at its 0, *series* begins the message ids.
    """

    name: str
    visibility_seconds: float = 30.0
    delay_seconds: float = 0.0
    retention_seconds: float = 345_600.0
    message_bytes_max: int = 1_048_576
    dead_letter: MemoryQueue | None = None
    max_receive_count: int = 0
    time: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    epoch: float = EPOCH_SECONDS
    series: str = "00000000-0000-4000-8000"
    messages: dict[RecordId, Message] = field(default_factory=dict)
    """Every message that is not deleted, in the order of sending."""
    _due: list[tuple[float, int, RecordId]] = field(default_factory=list)
    _turns: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _encode: Callable[..., bytes] = field(init=False)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._encode = record_encoder(self.arn)

    @property
    def arn(self) -> str:
        """The queue's ARN, in AWS's form."""
        return queue_arn(self.name)

    def now_ms(self) -> int:
        """The wall time, in milliseconds since the epoch."""
        return round((self.epoch + self.time()) * 1000)

    # The side door: what producers and people do. The engine needs none of it.

    def send(
        self, body: str, *, delay_seconds: int | None = None, attributes: Attributes | None = None
    ) -> RecordId:
        """Add one message; returns its id. Raises `MessageRefusedError` in SQS's words."""
        return self.add([prepare(body, delay_seconds=delay_seconds, attributes=attributes)])[0]

    def add(self, contents: Sequence[Prepared]) -> list[RecordId]:
        """Add messages, all or none; returns their ids in order."""
        for content in contents:
            check_size(content.size_bytes, self.message_bytes_max)
        now, now_ms, added = self.time(), self.now_ms(), []
        for content in contents:
            delay = content.delay_seconds
            record_id = RecordId(f"{self.series}-{self._turns + 1:012x}")
            message = self.messages[record_id] = Message(record_id, content, now_ms)
            self.show(message, now + (self.delay_seconds if delay is None else delay))
            added.append(record_id)
        self.changed.set()
        return added

    def bodies(self) -> list[str]:
        """What was sent and is not deleted, in order."""
        return [message.content.body for message in self.messages.values()]

    # The source: what the engine does.

    async def wait_visible(self) -> None:
        """Return once a message is visible."""
        while not self._closed:
            due = self._next_due()
            if due is not None and due <= self.time():
                return
            self.changed.clear()
            try:
                async with asyncio.timeout_at(due):
                    await self.changed.wait()
            except TimeoutError:
                return

    async def receive(self, limit: int) -> Received:
        """Hand out at most *limit* visible messages."""
        now, now_ms, target = self.time(), self.now_ms(), self.dead_letter
        oldest_ms = now_ms - self.retention_seconds * 1000
        taken: list[Message] = []
        dead_lettered = 0
        while len(taken) < limit and (due := self._next_due()) is not None and due <= now:
            message = self.messages[heapq.heappop(self._due)[2]]
            message.turn = 0
            if message.sent_ms <= oldest_ms:
                del self.messages[message.record_id]
            elif target is not None and message.receive_count >= self.max_receive_count:
                del self.messages[message.record_id]
                target.take_over(message)
                dead_lettered += 1
            else:
                taken.append(message)
        visible_at = now + self.visibility_seconds
        records = [self._hand_out(message, now_ms, visible_at) for message in taken]
        return Received(records, dead_lettered, self.visibility_seconds)

    async def delete(self, records: Sequence[Record]) -> Settled:
        """Remove *records*; those that are gone already count as settled."""
        stale = tuple(each for each in records if self._count(each) not in (None, each.receipt))
        for record in records:
            if record not in stale:
                self.messages.pop(record.record_id, None)
        return Settled(superseded=stale)

    async def release(self, records: Sequence[Record], *, delay_seconds: float) -> Settled:
        """Show *records* again after *delay_seconds*."""
        return await self.extend(records, visibility_seconds=delay_seconds)

    async def extend(self, records: Sequence[Record], *, visibility_seconds: float) -> Settled:
        """Hide *records* for *visibility_seconds* from now on."""
        stale = tuple(each for each in records if self._count(each) != each.receipt)
        for record in records:
            if record not in stale:
                self.show(self.messages[record.record_id], self.time() + visibility_seconds)
        self.changed.set()
        return Settled(superseded=stale)

    async def attributes(self) -> QueueAttributes:
        """Backlog and ages, exact (by counting: a queue that may grow large keeps counts instead)."""
        now, now_ms = self.time(), self.now_ms()
        states = Counter(message.state(now) for message in self.messages.values())
        age = next((now_ms - message.sent_ms for message in self.messages.values()), 0) / 1000
        return QueueAttributes(states["visible"], states["in_flight"], states["delayed"], age)

    async def aclose(self) -> None:
        """End the waits; the messages stay."""
        self._closed = True
        self.changed.set()

    def take_over(self, message: Message) -> None:
        """Take a message that another queue sets aside: its id and time of sending stay, its count starts anew."""
        message.receive_count = 0
        self.messages[message.record_id] = message
        self.show(message, self.time())
        self.changed.set()

    def _count(self, record: Record) -> int | None:
        """How often the message of *record* was received; None if it is gone. The newest receipt is that count."""
        message = self.messages.get(record.record_id)
        return None if message is None else message.receive_count

    def _next_due(self) -> float | None:
        """When the next message is, or was, visible; drops stale entries on the way."""
        while self._due:
            due, turn, record_id = self._due[0]
            if (message := self.messages.get(record_id)) is not None and message.turn == turn:
                return due
            heapq.heappop(self._due)
        return None

    def show(self, message: Message, visible_at: float) -> None:
        """Make *message* visible from *visible_at* on, instead of whenever it was."""
        self._turns += 1
        message.visible_at, message.turn = visible_at, self._turns
        heapq.heappush(self._due, (visible_at, self._turns, message.record_id))

    def _hand_out(self, message: Message, now_ms: int, visible_at: float) -> Record:
        message.receive_count = count = message.receive_count + 1
        if count == 1:
            message.first_received_ms = now_ms
        self.show(message, visible_at)
        record_id, content = message.record_id, message.content
        encoded = self._encode(
            record_id, f"{record_id}#{count}", content.body, count, message.sent_ms, message.first_received_ms,
            content.md5_of_body, content.attributes, content.md5_of_attributes,
        )  # fmt: skip
        return Record(record_id, encoded, count, count)
