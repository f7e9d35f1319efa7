"""Whether all went as promised: decided from the books alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.demo.orders import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from headrace.demo.ledger import SentOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the witnesses say at the end. Orders are named by their message ids, charges by order ids."""

    sent: Mapping[str, SentOrder]
    charged: Mapping[str, int]
    dead: AbstractSet[str]
    left: AbstractSet[str]
    """Orders still in their queue."""
    limit: int
    at_once_max: int
    refused: int
    charged_before: int = 0
    repeats: int = 0
    repeats_unexplained: int = 0
    copies: int = 0
    audited: int = 0
    audit_left: int = 0
    at_the_counter: int = 0
    called_out: int = 0
    counter_left: int = 0
    interrupted: bool = False


class Check(NamedTuple):
    """One promise: whether it was kept, and what was seen."""

    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check, and what became of the orders."""

    checks: tuple[Check, ...]
    sent: int
    paid: int
    paid_after_failures: int
    dead: Mapping[str, int] = field(default_factory=dict)
    """Dead letters by what is wrong with them."""
    left: int = 0

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The same, for a program."""
        return {
            "ok": self.ok,
            "sent": self.sent,
            "paid": self.paid,
            "paid_after_failures": self.paid_after_failures,
            "dead_letters": dict(self.dead),
            "left": self.left,
            "checks": [check._asdict() for check in self.checks],
        }


def judge(books: Books) -> Verdict:
    """Compare what was sent with what became of it."""
    paid = {key for key, order in books.sent.items() if order.order_id in books.charged}
    kinds = {key: order.kind for key, order in books.sent.items()}
    return Verdict(
        checks=(
            _none_missing(books, paid),
            _none_from_nowhere(books),
            _paid_once(books, paid),
            _repeats(books),
            _downstream(books),
            _copies(books),
        ),
        sent=len(books.sent),
        paid=len(paid),
        paid_after_failures=sum(kinds[key] is Kind.FLAKY for key in paid),
        dead=Counter(kinds[key] for key in sorted(books.dead) if key in kinds),
        left=len(books.left),
    )


def _none_missing(books: Books, paid: AbstractSet[str]) -> Check:
    missing = books.sent.keys() - paid - books.dead - books.left
    unfinished = books.left - paid
    ok = not missing and (books.interrupted or not unfinished)
    if missing:
        text = f"{len(missing):,} orders are neither paid nor dead letters nor in the queue: {_some(missing)}"
    elif unfinished:
        text = f"{len(unfinished):,} orders are still in the queue, none is missing" + (
            "" if ok else f", but they should be done by now: {_some(unfinished)}"
        )
    else:
        text = "every order is paid or a dead letter, none is missing"
    return Check("none missing", ok, text)


def _none_from_nowhere(books: Books) -> Check:
    known = {order.order_id for order in books.sent.values()}
    strangers = (books.charged.keys() - known) | (books.dead - books.sent.keys())
    text = (
        f"{len(strangers):,} that nobody had sent were paid or set aside: {_some(strangers)}"
        if strangers
        else "nothing was paid or set aside that nobody had sent"
    )
    return Check("none from nowhere", not strangers, text)


def _paid_once(books: Books, paid: AbstractSet[str]) -> Check:
    twice = {order_id for order_id, times in books.charged.items() if times > 1}
    both = paid & books.dead
    again = (
        f"; {books.charged_before:,} came again after it and were not charged again"
        if books.charged_before
        else ""
    )
    if twice:
        return Check(
            "paid once",
            ok=False,
            text=f"{len(twice):,} orders were charged more than once: {_some(twice)}",
        )
    if both:
        again += f"; {len(both):,} paid and yet a dead letter, since the answer came too late"
    return Check("paid once", ok=True, text=f"no order was charged twice{again}")


def _repeats(books: Books) -> Check:
    if not books.repeats:
        return Check("repeats explained", ok=True, text="no record was handed over twice")
    text = f"records were handed over again {books.repeats:,} times, each time because the attempt before had failed"
    if books.repeats_unexplained:
        text = (
            f"records were handed over again {books.repeats:,} times; {books.repeats_unexplained:,} of these without a "
            "failure before, as happens when this machine stands still for longer than the visibility timeout"
        )
    return Check("repeats explained", ok=True, text=text)


def _downstream(books: Books) -> Check:
    ok = books.at_once_max <= books.limit and not books.refused
    text = (
        f"the payments service saw at most {books.at_once_max} at once, its limit is {books.limit}"
    )
    if books.refused:
        text += f": it refused {books.refused:,} calls"
    return Check("downstream protected", ok, text)


def _copies(books: Books) -> Check:
    missing = max(0, books.copies - books.audited - books.audit_left)
    missing += max(0, books.at_the_counter - books.called_out - books.counter_left)
    left = books.audit_left + books.counter_left
    ok = not missing and (books.interrupted or not left)
    text = f"{books.audited:,} of {books.copies:,} copies were printed, {books.called_out:,} of {books.at_the_counter:,} orders shown"
    if left:
        text += f", {left:,} are still in their queues"
    return Check("copies handled", ok, text + (f", {missing:,} are missing" if missing else ""))


def _some(names: AbstractSet[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(first) + (", …" if len(names) > len(first) else "")
