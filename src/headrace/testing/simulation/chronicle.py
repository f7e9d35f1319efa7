"""The history of a simulation, written down by those it happens to: senders, handlers, queues. Never by the engine.

The records' names are their message ids. What a handler's answer means is worked out here once more, apart from the
engine, so that an engine that misreads an answer is found out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headrace.model.outcome import Outcome
from headrace.testing.history import Event, What, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headrace.model.outcome import Response
    from headrace.model.record import Received
    from headrace.testing.simulation.function_port import FunctionPort
    from headrace.testing.simulation.queues import SimulatedQueue
    from headrace.testing.simulation.world import World


class Chronicle:
    """Collects `Event` s with virtual times."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events: list[Event] = []
        self._set_aside: dict[str, set[str]] = {}

    def record(self, what: What, **fields: Any) -> None:  # noqa: ANN401 - fields of an event
        """Append an event that happens now."""
        self.events.append(Event(what=what, at=self._world.loop.time(), **fields))

    def produced(self, queue: SimulatedQueue, ids: Sequence[str], bodies: Iterable[str]) -> None:
        """Note that messages were sent."""
        digests = tuple(map(digest, bodies))
        self.record(What.PRODUCE, source=queue.name, records=tuple(ids), digests=digests)

    def received(self, queue: SimulatedQueue, engine: str, received: Received) -> None:
        """Note what a receive handed out, and what it set aside."""
        ids = tuple(str(record.record_id) for record in received.records)
        if ids:
            self.record(What.RECEIVE, source=queue.name, engine=engine, records=ids)
        if received.dead_lettered:
            self.set_aside(queue)

    def set_aside(self, queue: SimulatedQueue) -> None:
        """Look into a dead-letter queue: what is new there came from *queue*."""
        if (target := queue.dead_letter) is None:
            return
        known = self._set_aside.setdefault(target.name, set())
        new = {each.message_id: each.body for each in target.peek() if each.message_id not in known}
        known.update(new)
        if new:
            digests = tuple(map(digest, new.values()))
            self.record(What.DESTINATION, source=queue.name, records=tuple(new), digests=digests)

    def settled(
        self, queue: SimulatedQueue, engine: str, *, operation: str, ids: Sequence[str]
    ) -> None:
        """Note that the queue did what it was told."""
        if ids:
            records = tuple(map(str, ids))
            self.record(
                What.SETTLE, source=queue.name, engine=engine, name=operation, records=records
            )

    def invoked(
        self, port: FunctionPort, invocation: str, records: Sequence[dict[str, Any]]
    ) -> None:
        """Note that a handler begins with a batch."""
        self.record(
            What.INVOKE,
            source=port.mapping.source,
            engine=port.life.name,
            invocation=invocation,
            records=tuple(record["messageId"] for record in records),
            digests=tuple(digest(record["body"]) for record in records),
        )

    def answered(
        self, port: FunctionPort, invocation: str, *, ids: Sequence[str], response: Response
    ) -> None:
        """Note how it ended."""
        reports = port.mapping.report_batch_item_failures
        outcome, failed = meaning(response, ids, reports=reports)
        self.record(
            What.RESULT,
            source=port.mapping.source,
            engine=port.life.name,
            invocation=invocation,
            outcome=outcome.value,
            failed=tuple(sorted(failed)),
        )

    def observed(self, queue: SimulatedQueue) -> None:
        """Look at a queue, and note what is there."""
        messages = queue.peek()
        states = [message.state for message in messages]
        self.record(
            What.OBSERVED,
            source=queue.name,
            visible=states.count("visible"),
            in_flight=states.count("in_flight"),
            delayed=states.count("delayed"),
            records=tuple(each.message_id for each in messages if each.state == "in_flight"),
        )


def meaning(
    response: Response, ids: Sequence[str], *, reports: bool
) -> tuple[Outcome, frozenset[str]]:
    """What a handler's answer says of its batch (semantics C.3), and which records failed."""
    everything = frozenset(ids)
    if response.error is not None:
        return response.error.outcome, everything
    failed = _named(response.payload, everything) if reports and response.payload else frozenset()
    if failed is None:
        return Outcome.ERROR, everything
    return Outcome.PARTIAL if failed else Outcome.SUCCESS, failed


def _named(payload: bytes, ids: frozenset[str]) -> frozenset[str] | None:
    """The records that an answer names as failed; None where it can't be understood."""
    try:
        answer = orjson.loads(payload)
    except ValueError:
        return None
    if answer in (None, "", [], {}):
        return frozenset()
    items = (answer.get("batchItemFailures") or []) if isinstance(answer, dict) else None
    if not isinstance(items, list):
        return None
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    return frozenset(map(str, named)) if all(name in ids for name in named) else None
