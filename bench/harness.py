"""What a measurement is: rounds of runs in turn, medians of scaled figures, a target, a line to print."""

from __future__ import annotations

import resource
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.calibration import REFERENCE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Options:
    """How a bench is to be run."""

    quick: bool = False
    """Small runs that show that a bench works; their figures say little."""
    rounds: int = 5
    install: bool = True
    """Whether a bench may install what it compares with."""
    note: Callable[[str], None] = print
    """Takes progress and remarks; results are returned."""

    def size(self, full: int, quick: int) -> int:
        """*full*, or *quick* where small runs are wanted."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value of one run. Scaled by the calibration loop unless ``kind`` is ``plain``."""

    value: float
    calibration_ms: float


@dataclass(slots=True)
class Row:
    """One line of the table: what was measured, over all rounds, against its target.

    ``scaling`` is ``rate`` (more on a faster machine), ``cost`` (less on a faster machine) or ``none`` (ratios, sizes,
    and waiting, which is not CPU).
    """

    what: str
    unit: str
    target: float | None = None
    at_most: bool = False
    """Whether the target is an upper bound."""
    scaling: str = "none"
    figures: list[Figure] = field(default_factory=list)
    ratio: str = ""
    """The same against something else in the same run, in words."""

    def add(self, value: float, calibration_ms: float) -> None:
        """Take in the value of one run."""
        self.figures.append(Figure(value, calibration_ms))

    @property
    def values(self) -> list[float]:
        """The scaled values."""
        return [self._scaled(figure) for figure in self.figures]

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.values)

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target

    def as_json(self) -> dict[str, Any]:
        """The row as ``--json`` prints it."""
        return {
            "what": self.what,
            "unit": self.unit,
            "target": self.target,
            "bound": None if self.target is None else ("at most" if self.at_most else "at least"),
            "scaling": self.scaling,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "unscaled": [figure.value for figure in self.figures],
            "calibration_ms": [figure.calibration_ms for figure in self.figures],
            "ratio": self.ratio,
            "passed": self.passed,
        }

    def _scaled(self, figure: Figure) -> float:
        match self.scaling:
            case "rate":
                return figure.value * figure.calibration_ms / REFERENCE_MS
            case "cost":
                return figure.value * REFERENCE_MS / figure.calibration_ms
            case _:
                return figure.value


def in_turn(options: Options, runs: Mapping[str, Callable[[], Mapping[str, float]]]) -> Outcomes:
    """Run all of *runs* once a round, so that a slow minute hits each of them; quick runs have one round."""
    outcomes: dict[str, list[Mapping[str, float]]] = {name: [] for name in runs}
    rounds = 1 if options.quick else options.rounds
    for number in range(rounds):
        for name, run in runs.items():
            options.note(f"round {number + 1} of {rounds}: {name}")
            outcomes[name].append(run())
    return outcomes


Outcomes = dict[str, list["Mapping[str, float]"]]
"""What each run gave in each round, by the run's name."""


def row_of(row: Row, outcomes: Sequence[Mapping[str, float]], key: str) -> Row:
    """Fill *row* with what *outcomes* hold under *key*, each with its own ``calibration_ms``."""
    for outcome in outcomes:
        row.add(outcome[key], outcome["calibration_ms"])
    return row


def ratios(
    above: Sequence[Mapping[str, float]], below: Sequence[Mapping[str, float]], key: str
) -> Row:
    """The ratio of two runs, round by round; neighbours in time, so neither is scaled."""
    row = Row("", "x")
    for one, other in zip(above, below, strict=True):
        row.add(one[key] / other[key], (one["calibration_ms"] + other["calibration_ms"]) / 2)
    return row


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """User and system time of this process, all its threads, or with RUSAGE_CHILDREN of those that ended."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime
