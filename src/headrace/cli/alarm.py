"""Alarms on a queue's attributes: ``age>300s``, ``visible>=1000``, ``in_flight<1``."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.cli.durations import seconds_of, shown_seconds
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.model.queue import QueueAttributes

_MEASURES: dict[str, Callable[[QueueAttributes], float]] = {
    "age": lambda attributes: attributes.age_of_oldest_seconds,
    "visible": lambda attributes: attributes.visible,
    "in_flight": lambda attributes: attributes.in_flight,
    "delayed": lambda attributes: attributes.delayed,
}
_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_ALARM = re.compile(r"\s*([A-Za-z_]+)\s*(>=|<=|>|<)\s*(\S.*?)\s*")
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
GRAMMAR = f"{'|'.join(_MEASURES)}, then {'|'.join(_RELATIONS)}, then a number (for age: s, m or h), such as age>300s"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A measure of a queue, a relation and a limit: when the relation holds, somebody should look."""

    text: str
    measure: str
    relation: str
    limit: float

    def value(self, attributes: QueueAttributes) -> float:
        """What is measured."""
        return _MEASURES[self.measure](attributes)

    def holds(self, attributes: QueueAttributes) -> bool:
        """Whether the alarm's condition is true."""
        return _RELATIONS[self.relation](self.value(attributes), self.limit)

    def told(self, attributes: QueueAttributes) -> str:
        """The measured value in words: ``age is 5 m 12 s``."""
        value = self.value(attributes)
        shown = shown_seconds(value) if self.measure == "age" else f"{value:,.0f}"
        return f"{self.measure} is {shown}"


def parse_alarm(text: str) -> Alarm:
    """Read an alarm, or raise `ValueError` that says what was expected."""
    found = _ALARM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected {GRAMMAR}")
    measure, relation, limit = found.groups()
    if measure not in _MEASURES:
        hint = did_you_mean(measure, _MEASURES) or f"it can be {', '.join(_MEASURES)}"
        raise ValueError(f"unknown measure {measure!r}; {hint}")
    value = seconds_of(limit) if measure == "age" else _count(limit)
    if value is None:
        wanted = "a duration such as 300s, 5m or 1h" if measure == "age" else "a whole number"
        raise ValueError(f"expected {wanted} after {relation}, found {limit!r}")
    return Alarm("".join(text.split()), measure, relation, value)


def _count(text: str) -> float | None:
    return float(text) if _COUNT.fullmatch(text) else None
