"""A queue of a simulation: ``sim.queue("orders", visibility_timeout=30, dead_letter=("orders-dlq", 3))``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigurationError, MessageRefusedError, Problem
from headrace.model.queue import RedrivePolicy
from headrace.sources.sqs_record import queue_arn
from headrace.store.message import MessageAttribute, prepare
from headrace.testing.faults import QueueFaults

if TYPE_CHECKING:
    from headrace.abc import QueueSource
    from headrace.model.queue import QueueAttributes, QueueSettings
    from headrace.testing.simulation.backends import Backend, Peeked
    from headrace.testing.simulation.world import World

_VALUES = {"StringValue", "BinaryValue"}


class SimulatedQueue:
    """A standard queue with SQS's limits. Sending and looking cost no virtual time."""

    def __init__(
        self,
        world: World,
        settings: QueueSettings,
        backend: Backend,
        *,
        dead_letter: SimulatedQueue | None,
    ) -> None:
        self._world = world
        self.backend = backend
        self.settings = settings
        self.dead_letter = dead_letter
        """The queue where messages go that were received too often; None without one."""
        self.faults = QueueFaults(settings.name, world)

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.settings.name

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return queue_arn(self.name)

    @property
    def source(self) -> QueueSource:
        """The queue as the engine reads it."""
        return self.backend.source

    @property
    def count(self) -> int:
        """How many messages are in it: visible, delayed and in flight."""
        return self.backend.count

    def send(
        self,
        *bodies: str,
        delay: int | None = None,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> list[str]:
        """Send messages in one call, all or none, and return their ids in order.

        *delay* is in seconds (default: the queue's own). *attributes* are message attributes in SQS's form: ``{"Name":
        {"DataType": "String", "StringValue": "…"}}``. Raises `MessageRefusedError` in SQS's words.
        """
        self._world.refuse_if_ended(f"the queue {self.name}")
        if group is not None or deduplication_id is not None:
            raise MessageRefusedError(
                f"{self.name} is a standard queue: message groups and deduplication ids come with FIFO queues, "
                "in a later version"
            )
        typed = None if attributes is None else _attributes(attributes)
        messages = [prepare(body, delay_seconds=delay, attributes=typed) for body in bodies]
        ids = self.backend.send(messages)
        if (chronicle := self._world.chronicle) is not None and ids:
            chronicle.produced(self, ids, bodies)
        return ids

    def bodies(self) -> list[str]:
        """The bodies of every message that is not deleted (visible, delayed, in flight), in order."""
        return self.backend.bodies()

    def messages(self) -> list[dict[str, Any]]:
        """Every message that is not deleted, in order, as ``headrace queue peek --json`` shows them."""
        return [
            {
                "messageId": each.message_id,
                "body": each.body,
                "receiveCount": each.receive_count,
                "state": each.state,
                "sentAt": self._world.instant_of(each.sent_at),
                "visibleAt": self._world.instant_of(each.visible_at),
                "messageAttributes": dict(each.attributes),
            }
            for each in self.peek()
        ]

    def peek(self) -> list[Peeked]:
        """Every message that is not deleted, in order, touching none."""
        return self.backend.peek()

    def in_flight(self) -> int:
        """How many messages are in flight."""
        return self.attributes().in_flight

    def attributes(self) -> QueueAttributes:
        """How many messages are visible, in flight and delayed, and how old the oldest is."""
        return self.backend.attributes()

    def show_all(self) -> list[str]:
        """Make everything in flight visible at once (`Faults.expire_visibility`)."""
        return self.backend.show_all()

    def __repr__(self) -> str:
        return f"<SimulatedQueue {self.name}: {self.count} messages>"


def redrive_policy(dead_letter: object) -> RedrivePolicy | None:
    """The policy that ``dead_letter=("orders-dlq", 3)`` means. Raises `ConfigurationError` for what is no such pair."""
    match dead_letter:
        case None:
            return None
        case (str(target), int(count)) if not isinstance(count, bool):
            return RedrivePolicy(target, count)
    expected = 'expected a name and a number of receives, such as ("orders-dlq", 3)'
    raise ConfigurationError([Problem("dead_letter", f"{expected}, got {dead_letter!r}")])


def _attributes(given: Mapping[str, Mapping[str, Any]]) -> dict[str, MessageAttribute]:
    return {name: _attribute(name, value) for name, value in given.items()}


def _attribute(name: str, given: object) -> MessageAttribute:
    if not isinstance(given, Mapping):
        expected = 'expected {"DataType": "String", "StringValue": "…"}'
        raise MessageRefusedError(f"The message attribute '{name}': {expected}, got {given!r}")
    values = given.keys() & _VALUES
    if "DataType" not in given or len(values) != 1 or given.keys() - _VALUES - {"DataType"}:
        raise MessageRefusedError(
            f"The message attribute '{name}': expected DataType and one of StringValue and BinaryValue, "
            f"got {', '.join(map(str, given)) or 'nothing'}"
        )
    value = given["StringValue"] if "StringValue" in given else given["BinaryValue"]
    return MessageAttribute(str(given["DataType"]), value)
