"""Which queue of which store each source of a template is (design, "Binding").

``--bind NAME=ADDRESS`` binds one declared queue; ``--local`` binds every other to the store. What stays unbound is
an error that lists it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.config.addresses import AddressError, QueueArn, StoreQueue, parse_address
from headrace.config.suggestions import did_you_mean
from headrace.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.config.application import Application, Source


@dataclass(frozen=True, slots=True)
class BoundQueue:
    """A queue in the file of a store. ``declared`` is its logical id where the template declares it."""

    file: Path
    name: str
    declared: str | None = None


@dataclass(slots=True)
class Bindings:
    """Resolves sources; collects what is wrong instead of raising."""

    application: Application
    store: Path | None
    """The store of ``--local``; None without it."""
    problems: list[Problem]
    _addresses: dict[str, StoreQueue]

    @classmethod
    def read(
        cls, application: Application, *, store: Path | None, bindings: Mapping[str, str]
    ) -> Bindings:
        """Parse *bindings*, logical id to address."""
        found = cls(application, store, [], {})
        for name, text in bindings.items():
            found._read_one(name, text)
        return found

    def _read_one(self, name: str, text: str) -> None:
        path = f"--bind {name}"
        if name not in self.application.queues:
            hint = did_you_mean(name, list(self.application.queues))
            self.problems.append(Problem(path, "the template declares no queue of that name", hint))
            return
        try:
            address = parse_address(text)
        except AddressError as error:
            self.problems.append(Problem(path, str(error), error.suggestion))
            return
        if isinstance(address, QueueArn):
            self.problems.append(_service_comes_later(path, text))
        else:
            self._addresses[name] = address

    def declared_queue(self, logical_id: str) -> BoundQueue | None:
        """Where a declared queue lies; None where nothing says so."""
        if (address := self._addresses.get(logical_id)) is not None:
            return BoundQueue(address.file, address.queue, logical_id)
        if self.store is None:
            return None
        return BoundQueue(self.store, self.application.queues[logical_id].name, logical_id)

    def undeclared_queues(self) -> list[BoundQueue]:
        """Queues that mappings read by their ARN and that ``--local`` puts into the store."""
        if self.store is None:
            return []
        return [
            BoundQueue(self.store, source.name)
            for source in self.application.sources.values()
            if isinstance(source, QueueArn)
        ]

    def source_of(self, mapping_id: str, source: Source) -> BoundQueue | None:
        """Where a mapping's source lies; None and a problem where it can't be read here."""
        path = f"$.Resources.{mapping_id}"
        if isinstance(source, StoreQueue):
            return BoundQueue(source.file, source.queue)
        if isinstance(source, QueueArn):
            if self.store is not None:
                return BoundQueue(self.store, source.name)
            self.problems.append(_service_comes_later(path, source.text))
            return None
        bound = self.declared_queue(source.logical_id)
        if bound is None:
            self.problems.append(
                Problem(
                    path,
                    f"the queue {source.logical_id} is not bound to an address",
                    f"run with --local, or with --bind {source.logical_id}=sqlite:///path/file.db?queue=NAME",
                )
            )
        return bound


def _service_comes_later(path: str, text: str) -> Problem:
    return Problem(
        path,
        f"{text} is a queue of the service SQS, which comes in a later version of Headrace",
        "run with --local to read the store's queue of that name",
    )
