"""Open the stores of a run and bring its declared queues into line.

Every declared queue is made where it is bound. What the template leaves out is left alone; each change is told in a line.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.sources.store import StoreQueueSource
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from headrace.abc import Clock
    from headrace.assembly.binding import Bindings, BoundQueue
    from headrace.config.application import Application
    from headrace.store.locks import EngineLock
    from headrace.store.queue_settings import Change

Declared = tuple[QueueSettings, "Collection[str]"]
"""A queue's settings and the names of those that a person gave."""


class OpenStores:
    """The stores that a run reads, each opened once. Closing is idempotent."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._stores: dict[Path, Store] = {}

    def open(self, file: Path) -> Store:
        """The store in *file*, made if there is none. Raises `StoreError`."""
        path = file.absolute()
        if path not in self._stores:
            self._stores[path] = Store.open(path, verify=True, clock=self._clock)
        return self._stores[path]

    def source(self, bound: BoundQueue, *, region: str, windowed: bool) -> StoreQueueSource:
        """A source that reads *bound*, which must exist. Raises `QueueNotFoundError` that names near ones."""
        store = self.open(bound.file)
        Queues(store).get(bound.name)
        return StoreQueueSource(store, bound.name, region=region, null_attribute_digest=windowed)

    def engine_locks(self) -> list[EngineLock]:
        """The locks that this run must hold, not yet taken; in one order, so that two runs can't block each other."""
        return [store.engine_lock() for _, store in sorted(self._stores.items())]

    def close(self) -> None:
        """Close every store."""
        while self._stores:
            self._stores.popitem()[1].close()

    async def aclose(self) -> None:
        """Like `close`, without blocking the loop."""
        while self._stores:
            await self._stores.popitem()[1].aclose()


def declare_queues(
    stores: OpenStores,
    application: Application,
    bindings: Bindings,
    *,
    note: Callable[[str], None],
) -> None:
    """Make or change every declared queue that is bound, with a line for each change."""
    by_file: dict[Path, list[Declared]] = {}
    for logical_id, settings in application.queues.items():
        bound = bindings.declared_queue(logical_id)
        if bound is not None:
            given = application.queue_fields.get(logical_id, frozenset()) - {"name"}
            named = replace(settings, name=bound.name)
            by_file.setdefault(bound.file, []).append((named, given))
    for bound in bindings.undeclared_queues():
        by_file.setdefault(bound.file, []).append((QueueSettings(bound.name), ()))
    for file, declared in by_file.items():
        for change in Queues(stores.open(file)).apply(with_dead_letters(declared)):
            note(describe(change))


def describe(change: Change) -> str:
    """One line for people."""
    if change.attribute == "Queue":
        return f"queue {change.queue}: made"
    return f"queue {change.queue}: {change.attribute} {_shown(change.old)} → {_shown(change.new)}"


def _shown(value: object) -> str:
    match value:
        case RedrivePolicy():
            return f"{value.dead_letter_queue} after {value.max_receive_count} receives"
        case None:
            return "none"
        case _:
            return str(value)


def with_dead_letters(declared: Sequence[Declared]) -> list[Declared]:
    """*declared* and the dead-letter queues that they name but nobody declares, with settings as they are."""
    names = {settings.name for settings, _ in declared}
    wanted = {
        settings.redrive_policy.dead_letter_queue
        for settings, _ in declared
        if settings.redrive_policy is not None
    }
    return [*declared, *((QueueSettings(name), ()) for name in sorted(wanted - names))]
