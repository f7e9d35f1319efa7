"""A queue of the embedded store, as a queue source.

Theory of operation. Each method is one operation of the store: it returns once that is committed. Pollers of one queue that
ask at the same time are served by one look and one commit (`receive.receive_messages`).

*Waiting.* The store tells the topic of a queue whatever makes a message visible: a send, a release, and the instant at which
something hidden comes due. A receive that got less than it asked for has seen everything visible as of its beginning; the
generation taken before it is kept as ``_drained``. `wait_visible` waits only while the topic is still at that generation,
so what became visible in between ends the wait at once.

*Settling.* A receipt is the message's key with the receive count of its receive, so the newest receipt is the only
valid one. A record that was received again since is left alone and reported.

*What may repeat.* A cancelled call may have been committed: records then stay hidden until their visibility timeout. An
answer that never came (`StoreUnavailableError`) reports everything as unsettled; asking again is safe.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import orjson

from headrace.errors import StoreUnavailableError
from headrace.model.function import REGION
from headrace.model.record import ALL_SETTLED, Received, Record, Settled
from headrace.sources.sqs_record import attributes_part, queue_arn, record_template
from headrace.store import look, queue_settings, receive, removal, settle
from headrace.store.settle import Hide
from headrace.store.transaction import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.model.queue import QueueAttributes
    from headrace.store.changes import Changes
    from headrace.store.port import StorePort
    from headrace.store.receive import Answer
    from headrace.store.settle import Claim
    from headrace.store.transaction import CombinedOperation, R

_EXPIRE_STEPS = 10


class StoreQueueSource:
    """Reads one queue of a store. Belongs to one event loop; any number of pollers may share it."""

    def __init__(
        self,
        store: StorePort,
        name: str,
        *,
        region: str = REGION,
        null_attribute_digest: bool = False,
    ) -> None:
        """*null_attribute_digest* is set for a mapping with a batching window: ``md5OfMessageAttributes`` is then null
        for messages without attributes, else absent (recorded so on AWS).
        """
        self.name = name
        self.arn = queue_arn(name, region)
        self._store = store
        self._region = region
        self._encode = _encoder(self.arn, region, null_attribute_digest=null_attribute_digest)
        self._receive = partial(receive.receive_messages, name=name, gauge=receive.InFlightGauge())
        self._known: Changes | None = None
        self._drained = -1

    async def wait_visible(self) -> None:
        """Return once a record may be visible."""
        changes = self._changes()
        if changes.generation == self._drained:
            await changes.wait(self._drained)

    async def receive(self, limit: int) -> Received:
        """Hand out at most *limit* visible records and hide them for the queue's visibility timeout."""
        seen = self._changes().generation
        answer = await self._store.write_combined(self._receive, limit)
        if answer.drained:
            self._drained = max(self._drained, seen)
        return Received(
            self._encode(answer), answer.dead_lettered, float(answer.visibility_timeout_seconds)
        )

    async def delete(self, records: Sequence[Record]) -> Settled:
        """Remove *records* for good."""
        claims = _claims_of(records)
        return await self._settled(records, settle.delete_messages, claims)

    async def release(self, records: Sequence[Record], *, delay_seconds: float) -> Settled:
        """Make *records* visible again after *delay_seconds*."""
        request = Hide(_claims_of(records), round(delay_seconds * 1000))
        return await self._settled(records, settle.release_messages, request)

    async def extend(self, records: Sequence[Record], *, visibility_seconds: float) -> Settled:
        """Hide *records* for *visibility_seconds* from now on, but not beyond 12 hours after their receive."""
        request = Hide(_claims_of(records), round(visibility_seconds * 1000))
        return await self._settled(records, settle.extend_messages, request)

    async def attributes(self) -> QueueAttributes:
        """Backlog and ages, exact."""
        for _ in range(_EXPIRE_STEPS):
            found = await self._store.read(partial(look.attributes, name=self.name))
            if not found.expired:
                break
            if not await self._store.write(partial(removal.expire_step, name=self.name)):
                break
        return found.attributes

    async def aclose(self) -> None:
        """End the waits; the store is its owner's to close."""
        if self._known is not None:
            self._known.note(NOW)

    def _changes(self) -> Changes:
        if self._known is None:
            self._known = self._store.changes(queue_settings.topic(self.name))
        return self._known

    async def _settled(
        self,
        records: Sequence[Record],
        operation: CombinedOperation[R, frozenset[Claim]],
        request: R,
    ) -> Settled:
        try:
            superseded = await self._store.write_combined(operation, request)
        except StoreUnavailableError:
            return Settled(unsettled=tuple(records))
        if not superseded:
            return ALL_SETTLED
        return Settled(
            superseded=tuple(record for record in records if record.receipt in superseded)
        )


def _claims_of(records: Sequence[Record]) -> list[Claim]:
    return [cast("Claim", record.receipt) for record in records]


def _encoder(
    arn: str, region: str, *, null_attribute_digest: bool
) -> Callable[[Answer], list[Record]]:
    """A function that makes the records of an answer."""
    template, plain = record_template(
        arn, region, handle=b"%x-%x", null_attribute_digest=null_attribute_digest
    )
    dumps = orjson.dumps

    def encode(answer: Answer) -> list[Record]:
        # The hottest lines of a source: in one loop, without a call that can be spared.
        records = []
        now_ms = answer.received_at_ms
        for row in answer.rows:
            key, message_id, body, sent_ms, before, first_ms, md5, attributes, digest, _ = row
            count = before + 1
            described = plain if attributes is None else attributes_part(attributes, digest)
            encoded = template % (
                message_id.encode(), key, count, dumps(body), count, sent_ms, first_ms if before else now_ms,
                described, md5.encode(),
            )  # fmt: skip
            records.append(Record(message_id, encoded, (key, count), count))
        return records

    return encode
