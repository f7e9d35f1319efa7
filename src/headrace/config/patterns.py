"""Regular expressions of templates, matched in bounded time.

A template's ``AllowedPattern`` is Java's, and may be one on which a matcher that goes back and tries again takes years.
So the pattern becomes an automaton that is in all its states at once: time grows with the length of the text times the
size of the pattern, and both are bounded. What an automaton can't do (references back, looking around) and what only
Java knows is not matched at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH_MAX = 1_000
_DEPTH_MAX = 40
_STEPS_MAX = 1_000
_WORK_MAX = 1_000_000
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\\[&]|\\.)*\]")
_COUNT = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}")
_GROUP = re.compile(r"\((?:\?:|\?<[A-Za-z]\w*>|(?!\?))")
_ESCAPE = re.compile(r"\\([dDwWsSnrt]|[^\w\s])")


class NotMatchedError(ValueError):
    """The pattern is not one that is matched here."""


class _Step(NamedTuple):
    """One step of the automaton: take a character, go on at either of two steps, or stand at an end of the text."""

    kind: Literal["take", "fork", "start", "end"]
    takes: Callable[[str], object] | None = None
    first: int = 0
    second: int = 0


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of *text* matches *pattern*; raise `NotMatchedError` for a pattern that is not matched here."""
    steps = _Compiler(pattern).steps
    if len(steps) * (len(text) + 1) > _WORK_MAX:
        raise NotMatchedError
    states = _reached(steps, {0}, at_start=True, at_end=not text)
    for index, character in enumerate(text, start=1):
        taken = {
            state + 1
            for state in states
            if state < len(steps) and (takes := steps[state].takes) and takes(character)
        }
        states = _reached(steps, taken, at_start=False, at_end=index == len(text))
    return len(steps) in states


def _reached(steps: list[_Step], states: set[int], *, at_start: bool, at_end: bool) -> set[int]:
    """Every state that is reached from *states* without taking a character; the one past the last step is the goal."""
    found: set[int] = set()
    waiting = list(states)
    while waiting:
        state = waiting.pop()
        if state in found:
            continue
        found.add(state)
        kind = steps[state].kind if state < len(steps) else "take"
        if kind == "fork":
            waiting += steps[state].first, steps[state].second
        elif (kind == "start" and at_start) or (kind == "end" and at_end):
            waiting.append(state + 1)
    return found


class _Compiler:
    """Turns a pattern into steps. Steps name each other by distance while parts are moved about."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > _LENGTH_MAX:
            raise NotMatchedError
        self._pattern = pattern
        self._at = 0
        relative = self._choice(0)
        if self._at < len(pattern):
            raise NotMatchedError
        self.steps = [
            step._replace(first=index + step.first, second=index + step.second)
            for index, step in enumerate(relative)
        ]

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _skip(self, expected: re.Pattern[str]) -> re.Match[str] | None:
        found = expected.match(self._pattern, self._at)
        if found:
            self._at = found.end()
        return found

    def _choice(self, depth: int) -> list[_Step]:
        if depth > _DEPTH_MAX:
            raise NotMatchedError
        steps = self._sequence(depth)
        while self._peek() == "|":
            self._at += 1
            steps = _either(steps, self._sequence(depth))
        return steps

    def _sequence(self, depth: int) -> list[_Step]:
        steps: list[_Step] = []
        while self._peek() not in {"", "|", ")"}:
            steps = _checked(steps + self._repeated(self._atom(depth)))
        return steps

    def _atom(self, depth: int) -> list[_Step]:
        if self._skip(_GROUP):
            steps = self._choice(depth + 1)
            if self._peek() != ")":
                raise NotMatchedError
            self._at += 1
            return steps
        if found := self._skip(_CLASS) or self._skip(_ESCAPE):
            try:
                one = re.compile(found[0], re.ASCII)
            except re.error as error:
                raise NotMatchedError from error
            return [_Step("take", one.fullmatch)]
        character = self._peek()
        self._at += 1
        if character in "\\[](*+?{":
            raise NotMatchedError
        ends: dict[str, _Step] = {
            "^": _Step("start"),
            "$": _Step("end"),
            ".": _Step("take", "\n".__ne__),
        }
        return [ends.get(character, _Step("take", character.__eq__))]

    def _repeated(self, steps: list[_Step]) -> list[_Step]:
        least, most = self._count()
        if least is None:
            return steps
        if self._peek() == "?":
            self._at += 1
        if self._peek() in {"*", "+", "?", "{"}:
            raise NotMatchedError
        found: list[_Step] = []
        for _ in range(least):
            found = _checked(found + steps)
        if most is None:
            return _checked(found + _any_number(steps))
        optional: list[_Step] = []
        for _ in range(most - least):
            optional = _checked(_either(steps + optional, []))
        return _checked(found + optional)

    def _count(self) -> tuple[int | None, int | None]:
        """How often at least and at most; None for at least where nothing is said."""
        counts = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        character = self._peek()
        if character in counts:
            self._at += 1
            return counts[character]
        found = self._skip(_COUNT)
        if found is None:
            return None, None
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        return least, most


def _checked(steps: list[_Step]) -> list[_Step]:
    if len(steps) > _STEPS_MAX:
        raise NotMatchedError
    return steps


def _either(left: list[_Step], right: list[_Step]) -> list[_Step]:
    over = _Step("fork", None, len(right) + 1, len(right) + 1)
    return [_Step("fork", None, 1, len(left) + 2), *left, over, *right]


def _any_number(steps: list[_Step]) -> list[_Step]:
    back = -len(steps) - 1
    return [_Step("fork", None, 1, len(steps) + 2), *steps, _Step("fork", None, back, back)]
