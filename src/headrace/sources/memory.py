"""A queue in memory: for tests and simulations, and the example of how a source is written.

Theory of operation. ``messages`` holds every message in the order of sending. ``_due`` is a heap of when they are visible
next, with one entry for all that become visible by one act (sent, received, released together). An entry counts for a message
only while it is the message's newest; what has moved on since or is gone is skipped when the entry comes up. Time is the
running loop's, so the queue works on a virtual clock. Nothing is durable, and no method waits for anything but
`MemoryQueue.wait_visible`; everything else is as a standard queue of SQS has it: visibility, receive counts, delay,
retention, message attributes, a dead-letter queue by receive count.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace.model.queue import QueueAttributes
from headrace.model.record import Received, Record, RecordId, Settled
from headrace.sources.sqs_record import queue_arn, record_encoder
from headrace.store.message import Attributes, Prepared, check_size, prepare


@dataclass(slots=True, eq=False)
class Message:
    """A message as it lies in a queue. ``visible_at`` is on the scale of the queue's *time*."""

    record_id: RecordId
    content: Prepared
    sent_ms: int
    """When it was sent, in milliseconds since the epoch."""
    visible_at: float = 0.0
    turn: int = 0
    """The number of its newest entry in the heap."""
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

    *time* answers the time in seconds; *epoch* is the wall time at its 0 (the beginning of 2026), *series* begins the
    message ids.
    """

    name: str
    visibility_seconds: float = 30.0
    delay_seconds: float = 0.0
    retention_seconds: float = 345_600.0
    message_bytes_max: int = 1_048_576
    dead_letter: MemoryQueue | None = None
    max_receive_count: int = 0
    time: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    epoch: float = 1_767_225_600.0
    series: str = "00000000-0000-4000-8000"
    messages: dict[RecordId, Message] = field(default_factory=dict)
    """Every message that is not deleted, in the order of sending."""
    _due: list[tuple[float, int, deque[RecordId]]] = field(default_factory=list)
    _turns: int = 0
    _sent: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    arn: str = field(init=False)
    _encode: Callable[..., bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.arn = queue_arn(self.name)
        self._encode = record_encoder(self.arn)

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
        """Add the messages of one call, all or none, which share their delay; returns their ids in order."""
        for content in contents:
            check_size(content.size_bytes, self.message_bytes_max)
        ids = []
        for content in contents:
            self._sent += 1
            ids.append(record_id := RecordId(f"{self.series}-{self._sent:012x}"))
            self.messages[record_id] = Message(record_id, content, self.now_ms())
        delay = next((content.delay_seconds for content in contents), None)
        self.show(ids, self.time() + (self.delay_seconds if delay is None else delay))
        self.changed.set()
        return ids

    def bodies(self) -> list[str]:
        """What was sent and is not deleted, in order."""
        return [message.content.body for message in self.messages.values()]

    # The source: what the engine does.

    async def wait_visible(self) -> None:
        """Return once a message is visible, or something else has changed."""
        due, message = self._next()
        if message is None or due > self.time():
            self.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if message is None else due):
                    await self.changed.wait()

    async def receive(self, limit: int) -> Received:
        """Hand out at most *limit* visible messages."""
        now, now_ms, target = self.time(), self.now_ms(), self.dead_letter
        taken: list[RecordId] = []
        dead_lettered = 0
        while len(taken) < limit:
            due, message = self._next()
            if message is None or due > now:
                break
            self._due[0][2].popleft()
            if message.sent_ms <= now_ms - self.retention_seconds * 1000:
                del self.messages[message.record_id]
            elif target is not None and message.receive_count >= self.max_receive_count:
                del self.messages[message.record_id]
                target.take_over(message)
                dead_lettered += 1
            else:
                taken.append(message.record_id)
        self.show(taken, now + self.visibility_seconds)
        records = [self._hand_out(self.messages[each], now_ms) for each in taken]
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
        shown = [record.record_id for record in records if record not in stale]
        self.show(shown, self.time() + visibility_seconds)
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
        self.changed.set()

    def take_over(self, message: Message) -> None:
        """Take a message that another queue sets aside: its id and time of sending stay, its count starts anew."""
        message.receive_count = 0
        self.messages[message.record_id] = message
        self.show([message.record_id], self.time())
        self.changed.set()

    def _count(self, record: Record) -> int | None:
        """How often the message of *record* was received; None if it is gone. The newest receipt is that count."""
        message = self.messages.get(record.record_id)
        return None if message is None else message.receive_count

    def _next(self) -> tuple[float, Message | None]:
        """The message that is, or will be, visible first, and from when on."""
        while self._due:
            due, turn, ids = self._due[0]
            while ids:
                message = self.messages.get(ids[0])
                if message is not None and message.turn == turn:
                    return due, message
                ids.popleft()
            heapq.heappop(self._due)
        return 0.0, None

    def show(self, ids: Sequence[RecordId], visible_at: float) -> None:
        """Make messages visible from *visible_at* on, instead of whenever they were."""
        self._turns = turn = self._turns + 1
        for record_id in ids:
            message = self.messages[record_id]
            message.visible_at, message.turn = visible_at, turn
        heapq.heappush(self._due, (visible_at, turn, deque(ids)))

    def _hand_out(self, message: Message, now_ms: int) -> Record:
        message.receive_count = count = message.receive_count + 1
        if count == 1:
            message.first_received_ms = now_ms
        record_id, content = message.record_id, message.content
        encoded = self._encode(
            record_id, f"{record_id}#{count}", content.body, count, message.sent_ms, message.first_received_ms,
            content.md5_of_body, content.attributes, content.md5_of_attributes,
        )  # fmt: skip
        return Record(record_id, encoded, count, count)
