"""The collection of everything found wrong, so that it can be told at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.config.limits import UnreadableError
from headrace.config.nodes import Place
from headrace.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.config.nodes import Value

PROBLEMS_MAX = 500
"""More than a person mends in a day; looking for suggestions takes its time."""

_LENGTH_MAX = 600


def _told(text: str) -> str:
    """*text* as it can be printed: whatever a document holds, it can't move the cursor or fill the screen."""
    cut = text if len(text) <= _LENGTH_MAX else f"{text[: _LENGTH_MAX - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


class Findings:
    """Problems in the order of their lines, each told once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def error(self, at: Place | Value, message: str, suggestion: str = "") -> None:
        """Note something that must be mended."""
        self.add(Problem(at.path, message, suggestion, at.line))

    def warning(self, at: Place | Value, message: str, suggestion: str = "") -> None:
        """Note something that a person should know, and that stops nothing."""
        self.add(Problem(at.path, message, suggestion, at.line, severity="warning"))

    def add(self, problem: Problem) -> None:
        """Note *problem*; the same one again changes nothing. Raises `UnreadableError` when it is enough."""
        told = replace(
            problem,
            path=_told(problem.path),
            message=_told(problem.message),
            suggestion=_told(problem.suggestion),
        )
        if told not in self._problems and len(self._problems) >= PROBLEMS_MAX:
            message = f"more than {PROBLEMS_MAX} problems, the others are not told"
            raise UnreadableError(Place("$"), message)
        self._problems.setdefault(told)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note each of *problems*."""
        for problem in problems:
            self.add(problem)

    def problems(self) -> tuple[Problem, ...]:
        """Everything found, by line; what has no line comes first."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line or 0))
