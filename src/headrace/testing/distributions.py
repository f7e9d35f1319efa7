"""Distributions that durations are drawn from: ``sim.function(handler, duration=LogNormal(median=0.2, p99=1.5))``.

Each has one method, ``sample(chance)``, so anything with such a method is a distribution too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_Z99 = 2.3263478740408408
"""Standard deviations above the mean at which 99 % of a normal distribution lie below."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value from *low* to *high* is as likely as every other."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high < math.inf:
            raise ConfigurationError(
                f"Uniform: expected 0 ≤ low ≤ high, got {self.low} and {self.high}"
            )

    def sample(self, chance: Random) -> float:
        """One value."""
        return chance.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Mostly short, sometimes long, without memory."""

    mean: float

    def __post_init__(self) -> None:
        if not 0 < self.mean < math.inf:
            raise ConfigurationError(f"Exponential: expected a mean above 0, got {self.mean}")

    def sample(self, chance: Random) -> float:
        """One value."""
        return chance.expovariate(1 / self.mean)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """What response times look like: half are below *median*, one in a hundred is above *p99*."""

    median: float
    p99: float

    def __post_init__(self) -> None:
        if not 0 < self.median <= self.p99 < math.inf:
            raise ConfigurationError(
                f"LogNormal: expected 0 < median ≤ p99, got {self.median} and {self.p99}"
            )

    def sample(self, chance: Random) -> float:
        """One value."""
        return self.median * math.exp(
            chance.gauss(0.0, 1.0) * math.log(self.p99 / self.median) / _Z99
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some measured *values*, each as likely, or as likely as its weight says."""

    values: Sequence[float]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        weights = self.weights
        if not self.values or (weights is not None and len(weights) != len(self.values)):
            raise ConfigurationError("Choice: expected values, and as many weights or none")

    def sample(self, chance: Random) -> float:
        """One value."""
        return chance.choices(self.values, self.weights)[0]
