"""Every exception that Headrace raises, in one tree, split by who can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class HeadraceError(Exception):
    """Anything that Headrace raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong (or doubtful) in what a person wrote.

    ``path`` is a JSON path such as ``$.Resources.Orders.Properties.BatchSize``; ``message`` says
    what was expected and what was found; ``suggestion`` says what to do; ``line`` counts from 1.
    ``severity`` is ``error`` or ``warning``.
    """

    path: str
    message: str
    suggestion: str = ""
    line: int | None = None
    severity: str = "error"

    def __str__(self) -> str:
        """Render as one line: path, message and, in brackets, the suggestion."""
        return f"{self.path}: {self.message}" + (f" ({self.suggestion})" if self.suggestion else "")


class ConfigurationError(HeadraceError):
    """What a person wrote can't be used; ``problems`` holds every reason at once."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = (
            (Problem(path="$", message=problems),) if isinstance(problems, str) else tuple(problems)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


class MissingExtraError(HeadraceError):
    """An optional part is not installed; the message names the extra that brings it."""


class SourceError(HeadraceError):
    """A source did not do what was asked."""


class SourceUnavailableError(SourceError):
    """The source can't be reached now, or its answer is unknown: try again later."""


class SourceRefusedError(SourceError):
    """The source understood and said no: trying again changes nothing."""


class QueueNotFoundError(SourceRefusedError):
    """The queue does not exist."""


class QueueConflictError(SourceRefusedError):
    """A queue of that name exists with other settings."""


class MessageRefusedError(SourceRefusedError):
    """A message breaks a limit of its queue: size, characters, attributes, delay."""


class StoreError(HeadraceError):
    """The store's file can't be used."""


class StoreUnavailableError(StoreError, SourceUnavailableError):
    """The store can't be written now (full disk, lock held): it heals, try again."""


class StoreRefusedError(StoreError, SourceRefusedError):
    """The store's file must not be used: corrupt, newer schema, network file system, read-only."""


class FunctionUnavailableError(HeadraceError):
    """A function can't be started at all: no interpreter, no code."""


class NotIdleError(HeadraceError):
    """A run that should have become idle did not; the message names what holds it."""


class VirtualTimeError(HeadraceError):
    """Something that needs real time, a thread or a socket was tried on a virtual clock."""


class DeadlockError(VirtualTimeError):
    """On a virtual clock nothing is ready and no timer is set: nothing could ever happen."""
