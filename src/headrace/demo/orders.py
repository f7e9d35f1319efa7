"""Which orders the shop gets, and how fast: fixed by a number and the time, so that a run can be told again."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import NamedTuple

BAD_EVERY = 50
COUNTER_EVERY = 10
BURST_SIZE_MAX = 500


class Kind(StrEnum):
    """What is wrong with an order."""

    GOOD = "good"
    FLAKY = "flaky"
    """Its payment fails twice and then works."""
    NOT_JSON = "not JSON"
    NO_ID = "no order_id"

    @property
    def is_payable(self) -> bool:
        """Whether the order can be paid, sooner or later."""
        return self in {Kind.GOOD, Kind.FLAKY}


class Order(NamedTuple):
    """One order as the shop gets it."""

    number: int
    kind: Kind
    order_id: str
    body: str

    @property
    def is_at_the_counter(self) -> bool:
        """Whether the customer stands at the counter; such an order is always good."""
        return self.kind is Kind.GOOD and self.number % COUNTER_EVERY == 0


_KINDS = {7: Kind.NOT_JSON, 13: Kind.NO_ID, 17: Kind.FLAKY}


def order(number: int) -> Order:
    """The order with *number*, from 1 on. Of fifty one is no JSON, one has no id, one has a payment that fails twice."""
    kind = _KINDS.get(number % BAD_EVERY, Kind.GOOD)
    order_id = f"A-{number}"
    content: dict[str, object] = {"order_id": order_id, "amount": 5 + number % 95}
    if kind is Kind.NO_ID:
        del content["order_id"]
    elif kind is Kind.FLAKY:
        content["card"] = "flaky"
    body = json.dumps(content)
    return Order(number, kind, order_id, body[: len(body) // 2] if kind is Kind.NOT_JSON else body)


class Pace(NamedTuple):
    """How fast orders come at some time, in words and a second."""

    words: str
    per_second: float


BURST_AT = 0.45
_WAVES_AT = 0.7
_PHASES = (
    (0.2, Pace("a quiet morning", 10)),
    (BURST_AT, Pace("business as usual", 40)),
    (_WAVES_AT, Pace("quiet after a burst", 5)),
)


def pace(part: float) -> Pace:
    """How fast orders come when *part* of the time, from 0 to 1, is over."""
    for until, phase in _PHASES:
        if part < until:
            return phase
    turn = (part - _WAVES_AT) / (1 - _WAVES_AT) * 4 * math.pi
    return Pace("ups and downs", 35 + 30 * math.sin(turn))


def burst_size(seconds: float) -> int:
    """How many orders come at once in the middle of *seconds*."""
    return min(BURST_SIZE_MAX, max(20, int(15 * seconds)))
