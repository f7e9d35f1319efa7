"""Things of a simulation by their names; a name that is not there is an error that guesses what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headrace.config.suggestions import did_you_mean
from headrace.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class Named(dict[str, T]):
    """A dictionary whose missing names raise `ConfigurationError`."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, name: str) -> T:
        raise unknown(self._kind, name, self)


def unknown(kind: str, name: object, known: Iterable[str]) -> ConfigurationError:
    """The error for a *name* that none of *known* is."""
    names = list(known)
    hint = did_you_mean(str(name), names) or (
        f"there is {', '.join(names[:10])}" if names else f"the simulation has no {kind} yet"
    )
    return ConfigurationError(
        [Problem(str(name), f"the simulation has no {kind} of that name", hint)]
    )
