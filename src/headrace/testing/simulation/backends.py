"""Where the messages of a simulated queue lie: in memory, or in the embedded store's own tables in memory.

A backend is the side door to a queue, for senders and for whoever looks; ``source`` is what the engine reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from headrace.model.queue import QueueAttributes
from headrace.sources.memory import MemoryQueue
from headrace.sources.store import StoreQueueSource
from headrace.store import look, queue_settings
from headrace.store.queues import Queues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from headrace.abc import QueueSource
    from headrace.model.queue import QueueSettings
    from headrace.store.inline import InlineStore
    from headrace.store.message import Prepared
    from headrace.store.transaction import Transaction
    from headrace.testing.simulation.world import World


class Peeked(NamedTuple):
    """A message as somebody sees it who only looks; times are seconds since the epoch."""

    message_id: str
    body: str
    receive_count: int
    state: str
    """``visible``, ``in_flight`` or ``delayed``."""
    sent_at: float
    visible_at: float
    attributes: Mapping[str, Any]


class Backend(Protocol):
    """A queue's messages, from behind."""

    @property
    def source(self) -> QueueSource:
        """The queue as the engine reads it."""
        ...

    @property
    def count(self) -> int:
        """How many messages are not deleted."""
        ...

    def send(self, messages: Sequence[Prepared]) -> list[str]:
        """Add messages, all or none; returns their ids."""
        ...

    def bodies(self) -> list[str]:
        """Every message that is not deleted, in order."""
        ...

    def peek(self) -> list[Peeked]:
        """Every message that is not deleted, in order."""
        ...

    def attributes(self) -> QueueAttributes:
        """Backlog and age."""
        ...

    def show_all(self) -> list[str]:
        """Make everything in flight visible at once; returns which messages that were."""
        ...


class MemoryBackend:
    """A `MemoryQueue` behind the door."""

    def __init__(
        self, world: World, settings: QueueSettings, *, dead_letter: MemoryBackend | None
    ) -> None:
        chance = world.chance_of("message ids", settings.name)
        digits = f"{chance.getrandbits(80):020x}"
        policy = settings.redrive_policy
        self.queue: MemoryQueue = MemoryQueue(
            settings.name,
            visibility_seconds=settings.visibility_timeout_seconds,
            delay_seconds=settings.delay_seconds,
            retention_seconds=settings.retention_seconds,
            message_bytes_max=settings.message_bytes_max,
            dead_letter=None if dead_letter is None else dead_letter.queue,
            max_receive_count=0 if policy is None else policy.max_receive_count,
            time=world.loop.time,
            epoch=world.epoch,
            series=f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}",
        )

    @property
    def source(self) -> MemoryQueue:
        """The queue as the engine reads it."""
        return self.queue

    @property
    def count(self) -> int:
        """How many messages are not deleted."""
        return len(self.queue.messages)

    def send(self, messages: Sequence[Prepared]) -> list[str]:
        """Add messages."""
        return list(self.queue.add(messages))

    def bodies(self) -> list[str]:
        """Every message that is not deleted."""
        return self.queue.bodies()

    def peek(self) -> list[Peeked]:
        """Every message that is not deleted."""
        queue = self.queue
        now = queue.time()
        return [
            Peeked(
                message_id=each.record_id,
                body=each.content.body,
                receive_count=each.receive_count,
                state=each.state(now),
                sent_at=each.sent_ms / 1000,
                visible_at=queue.epoch + each.visible_at,
                attributes=orjson.loads(each.content.attributes or b"{}"),
            )
            for each in queue.messages.values()
        ]

    def attributes(self) -> QueueAttributes:
        """Backlog and age."""
        messages = self.peek()
        states = [message.state for message in messages]
        now = self.queue.epoch + self.queue.time()
        return QueueAttributes(
            visible=states.count("visible"),
            in_flight=states.count("in_flight"),
            delayed=states.count("delayed"),
            age_of_oldest_seconds=now - messages[0].sent_at if messages else 0.0,
        )

    def show_all(self) -> list[str]:
        """Make everything in flight visible at once."""
        queue = self.queue
        now = queue.time()
        shown = [each for each, one in queue.messages.items() if one.state(now) == "in_flight"]
        queue.show(shown, now)
        queue.changed.set()
        return list(shown)


class StoreBackend:
    """A queue of a store that runs its operations in memory, where they are called."""

    def __init__(self, store: InlineStore, settings: QueueSettings) -> None:
        self._store = store
        self._name = settings.name
        self._queues = Queues(store)
        self._queues.create(settings)
        self.source = StoreQueueSource(store, settings.name)

    @property
    def count(self) -> int:
        """How many messages are not deleted."""
        return self.attributes().total

    def send(self, messages: Sequence[Prepared]) -> list[str]:
        """Add messages in one transaction."""
        return list(self._queues.send(self._name, messages))

    def bodies(self) -> list[str]:
        """Every message that is not deleted."""
        return [message.body for message in self._queues.peek(self._name)]

    def peek(self) -> list[Peeked]:
        """Every message that is not deleted."""
        return [
            Peeked(
                message_id=each.message_id,
                body=each.body,
                receive_count=each.receive_count,
                state=each.state.value,
                sent_at=each.sent_at_ms / 1000,
                visible_at=each.visible_at_ms / 1000,
                attributes=orjson.loads(each.attributes or b"{}"),
            )
            for each in self._queues.peek(self._name)
        ]

    def attributes(self) -> QueueAttributes:
        """Backlog and age."""
        return self._store.read_sync(lambda now: look.attributes(now, self._name)).attributes

    def show_all(self) -> list[str]:
        """Make everything in flight visible at once."""
        shown = [each.message_id for each in self.peek() if each.state == "in_flight"]
        if shown:
            self._store.write_sync(self._expire_all)
        return shown

    def _expire_all(self, transaction: Transaction) -> None:
        # As if time had passed for these messages alone: no operation of the store does that.
        queue = queue_settings.find(transaction, self._name)
        transaction.execute(
            "UPDATE message SET visible_at_ms = ? WHERE queue_id = ? AND held = 1 AND visible_at_ms > ?",
            (transaction.now_ms, queue.id, transaction.now_ms),
        )
        transaction.tell(queue_settings.topic(self._name))
