"""How an error is told to a person, and which exit code it gives."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from headrace import errors
from headrace.cli.command import FAILED, WRONG_INPUT
from headrace.cli.output import note, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headrace.cli.command import Session
    from headrace.errors import Problem

_WRONG_INPUT = (
    errors.ConfigurationError,
    errors.SourceRefusedError,
    errors.FunctionUnavailableError,
    errors.MissingExtraError,
)
"""Refused before anything was done; trying again changes nothing."""


def show(error: BaseException, session: Session) -> int:
    """Tell *error* on standard error; returns the exit code."""
    causes = list(_causes(error))
    is_ours = not all(isinstance(cause, errors.HeadraceError) for cause in causes)
    if session.verbose or is_ours:
        traceback.print_exception(error, file=sys.stderr)
    for line in dict.fromkeys(line for cause in causes for line in _lines(cause, session)):
        note(line)
    if is_ours:
        note(
            "headrace: this is a mistake in Headrace, not in what you typed; please report it with the lines above"
        )
    is_wrong_input = all(isinstance(cause, _WRONG_INPUT) for cause in causes)
    return WRONG_INPUT if is_wrong_input else FAILED


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, or what a group of them holds."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def _lines(error: BaseException, session: Session) -> list[str]:
    if isinstance(error, errors.ConfigurationError):
        return problem_lines(error.problems, session.template)
    if isinstance(error, errors.HeadraceError):
        return [
            f"headrace: {safe(line)}" for line in (str(error), *getattr(error, "__notes__", ()))
        ]
    return []


def problem_lines(problems: Iterable[Problem], template: str) -> list[str]:
    """Each problem as ``template.yaml:14: $.Resources…: what is wrong``, with the suggestion below it."""
    lines = []
    for problem in problems:
        lines.append(safe(f"{_place(problem, template)}{_kind(problem)}{problem.message}"))
        if problem.suggestion:
            lines.append(safe(f"    {problem.suggestion}"))
    return lines


def _place(problem: Problem, template: str) -> str:
    if not problem.path.startswith("$"):
        return f"{problem.path}: "
    line = "" if problem.line is None else f"{problem.line}:"
    where = f"{template}:{line} " if template else ""
    return where if problem.path == "$" else f"{where}{problem.path}: "


def _kind(problem: Problem) -> str:
    return "" if problem.severity == "error" else f"{problem.severity}: "
