"""What a template describes, as far as Headrace runs it, with everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from headrace.config.addresses import QueueArn, StoreQueue
from headrace.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.model.function import FunctionSettings
    from headrace.model.mapping import MappingId, QueueMapping
    from headrace.model.queue import QueueSettings


@dataclass(frozen=True, slots=True)
class DeclaredQueue:
    """A source that is a queue of the template; ``arn`` is what ``GetAtt`` of its Arn gives."""

    logical_id: str
    name: str
    arn: str


Source: TypeAlias = DeclaredQueue | QueueArn | StoreQueue
"""What a mapping reads: a queue of the template, one of the service, or one in a store's file."""


@dataclass(frozen=True, slots=True)
class Application:
    """A template that has been read.

    ``functions`` and ``queues`` are by logical id. ``queue_fields`` holds for each queue the fields of
    `QueueSettings` that the template sets: what it leaves out is left alone. ``sources`` tells for each
    mapping what its ``source`` is. ``passed_over`` has a line for each thing that is not run here.
    Where there are errors, what could be read is there all the same, for a report.
    """

    functions: Mapping[str, FunctionSettings] = field(default_factory=dict)
    queues: Mapping[str, QueueSettings] = field(default_factory=dict)
    queue_fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    mappings: tuple[QueueMapping, ...] = ()
    sources: Mapping[MappingId, Source] = field(default_factory=dict)
    push: tuple[()] = ()
    passed_over: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def has_errors(self) -> bool:
        """Whether something must be mended before the application can run."""
        return any(problem.severity == "error" for problem in self.problems)

    def require_valid(self) -> Application:
        """Return the application, or raise `ConfigurationError` with every error at once."""
        if self.has_errors:
            raise ConfigurationError([p for p in self.problems if p.severity == "error"])
        return self
