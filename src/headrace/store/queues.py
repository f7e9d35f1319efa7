"""Queues for people and producers: whole tasks on a store, in blocking calls.

The operations themselves lie beside this file: `queue_settings`, `send`, `receive`, `settle`, `look`, `removal`,
`redrive`. What takes more than one bounded transaction is put together here. Each transaction stands for itself: a
task that is broken off has done a part, and is gone on with by calling it again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.store import look, queue_settings, redrive, removal, send

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from headrace.model.queue import QueueAttributes, QueueSettings
    from headrace.store.look import Peeked
    from headrace.store.message import Prepared
    from headrace.store.port import StorePort
    from headrace.store.queue_settings import Change
    from headrace.store.send import Sent

_T = TypeVar("_T")
_EXPIRE_STEPS = 10


class Queues:
    """The queues of one store."""

    def __init__(self, store: StorePort) -> None:
        self._store = store

    def create(self, settings: QueueSettings, given: Collection[str] | None = None) -> bool:
        """See `queue_settings.create_queue`."""
        return self._write(queue_settings.create_queue, settings, given)

    def update(self, name: str, **values: Any) -> list[Change]:  # noqa: ANN401 - checked there
        """See `queue_settings.update_queue`."""
        return self._write(queue_settings.update_queue, name, values)

    def apply(self, declared: Sequence[tuple[QueueSettings, Collection[str]]]) -> list[Change]:
        """See `queue_settings.apply_queues`. Also finishes a deletion that was broken off."""
        changes = self._write(queue_settings.apply_queues, declared)
        self._remove_deleted()
        return changes

    def get(self, name: str) -> QueueSettings:
        """The settings of a queue."""
        return self._read(queue_settings.get_queue, name)

    def list(self, prefix: str = "") -> list[QueueSettings]:
        """All queues whose names start with *prefix*, by name."""
        return self._read(queue_settings.list_queues, prefix)

    def delete(self, name: str) -> None:
        """Delete a queue with everything in it."""
        self._write(queue_settings.delete_queue, name)
        self._remove_deleted()

    def send(self, name: str, messages: Sequence[Prepared]) -> Sequence[str]:
        """Send all of *messages* in one transaction or none; returns their ids."""
        return self._write(send.send_messages, name, messages)

    def send_batch(self, name: str, messages: Sequence[Prepared]) -> Sequence[Sent]:
        """Send up to ten messages, each accepted or refused for itself."""
        return self._write(send.send_batch, name, messages)

    def attributes(self, name: str) -> QueueAttributes:
        """Backlog and ages."""
        for _ in range(_EXPIRE_STEPS):
            found = self._read(look.attributes, name)
            if not found.expired or not self._write(removal.expire_step, name):
                break
        return found.attributes

    def peek(self, name: str) -> Iterator[Peeked]:
        """Every message, oldest first, touching none. What is sent or deleted meanwhile may or may not appear."""
        after = 0
        while page := self._read(look.peek_page, name, after):
            yield from page
            after = page[-1].key

    def purge(self, name: str) -> int:
        """Remove every message that is in the queue now, in whatever state; returns how many."""
        last = self._read(removal.last_key, name)
        purged = 0
        while count := self._write(removal.purge_step, name, last):
            purged += count
        return purged

    def redrive(
        self, name: str, destination: str | None = None, *, limit: int | None = None
    ) -> tuple[int, int]:
        """Put the visible messages of a dead-letter queue back; returns how many were moved and how many skipped."""
        last, after, moved, skipped = self._read(removal.last_key, name), 0, 0, 0
        while limit is None or moved < limit:
            most = redrive.STEP_MAX if limit is None else min(redrive.STEP_MAX, limit - moved)
            step = self._store.write_sync(
                partial(
                    redrive.redrive_step,
                    name=name,
                    destination=destination,
                    after_key=after,
                    up_to_key=last,
                    limit=most,
                )
            )
            moved, skipped, after = moved + step.moved, skipped + step.skipped, step.last_key
            if step.done:
                break
        return moved, skipped

    def _remove_deleted(self) -> None:
        while self._write(removal.remove_deleted_step):
            pass

    def _write(self, operation: Callable[..., _T], *arguments: Any) -> _T:  # noqa: ANN401
        return self._store.write_sync(_bound(operation, *arguments))

    def _read(self, operation: Callable[..., _T], *arguments: Any) -> _T:  # noqa: ANN401
        return self._store.read_sync(_bound(operation, *arguments))


def _bound(operation: Callable[..., _T], *arguments: Any) -> Callable[..., _T]:  # noqa: ANN401
    return lambda transaction: operation(transaction, *arguments)
