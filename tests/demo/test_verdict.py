"""When the demonstration says that all went as promised, and when not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.demo.ledger import SentOrder
from headrace.demo.orders import Kind
from headrace.demo.verdict import Books, judge

SENT = {
    "m1": SentOrder("A-1", Kind.GOOD),
    "m2": SentOrder("A-2", Kind.FLAKY),
    "m3": SentOrder("A-3", Kind.NOT_JSON),
    "m4": SentOrder("A-4", Kind.NO_ID),
}
FINE = Books(
    sent=SENT,
    charged={"A-1": 1, "A-2": 1},
    dead={"m3", "m4"},
    left=set(),
    limit=4,
    at_once_max=4,
    refused=0,
    repeats=6,
    copies=4,
    audited=4,
    at_the_counter=1,
    called_out=1,
)


def failed(books: Books) -> list[str]:
    return [check.name for check in judge(books).checks if not check.ok]


def test_every_order_paid_or_a_dead_letter_is_as_promised():
    verdict = judge(FINE)

    assert verdict.ok
    assert (verdict.sent, verdict.paid, verdict.paid_after_failures) == (4, 2, 1)
    assert verdict.dead == {Kind.NOT_JSON: 1, Kind.NO_ID: 1}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"charged": {"A-1": 1}}, "none missing"),
        ({"dead": {"m3"}}, "none missing"),
        ({"dead": {"m3"}, "left": {"m4"}}, "none missing"),
        ({"charged": {"A-1": 1, "A-2": 1, "A-9": 1}}, "none from nowhere"),
        ({"dead": {"m3", "m4", "m9"}}, "none from nowhere"),
        ({"charged": {"A-1": 2, "A-2": 1}}, "paid once"),
        ({"at_once_max": 5}, "downstream protected"),
        ({"refused": 1}, "downstream protected"),
        ({"audited": 3}, "copies handled"),
        ({"audited": 3, "audit_left": 1}, "copies handled"),
        ({"called_out": 0}, "copies handled"),
    ],
)
def test_one_broken_promise_is_named_and_no_other(change, name):
    assert failed(replace(FINE, **change)) == [name]


def test_what_is_left_is_fine_when_somebody_stopped_it():
    books = replace(FINE, dead={"m3"}, left={"m4"}, audited=3, audit_left=1, interrupted=True)

    assert failed(books) == []
    assert judge(books).left == 1


def test_what_is_missing_is_missing_even_when_somebody_stopped_it():
    assert failed(replace(FINE, dead={"m3"}, interrupted=True)) == ["none missing"]


def test_a_missing_order_is_named():
    [check] = [check for check in judge(replace(FINE, dead=set())).checks if not check.ok]

    assert check.text == "2 orders are neither paid nor dead letters nor in the queue: m3, m4"


def test_repeats_are_counted_and_told_apart():
    texts = [
        next(check.text for check in judge(books).checks if check.name == "repeats explained")
        for books in (
            replace(FINE, repeats=0),
            FINE,
            replace(FINE, repeats_unexplained=2),
        )
    ]

    assert texts[0] == "no record was handed over twice"
    assert texts[1].endswith("6 times, each time because the attempt before had failed")
    assert "2 of these without a failure before" in texts[2]


def test_a_paid_order_that_is_a_dead_letter_too_is_told():
    """Its last attempt paid, but the answer came after the function's timeout. Nothing is lost and nothing paid twice."""
    verdict = judge(replace(FINE, dead={"m1", "m3", "m4"}))

    assert verdict.ok
    assert any("1 paid and yet a dead letter" in check.text for check in verdict.checks)
