"""The orders of the demonstration: some bad, now few, now many, the same in every run."""

from __future__ import annotations

import json

import pytest

from headrace.demo import orders
from headrace.demo.orders import Kind


def test_most_orders_are_good_and_every_kind_occurs():
    kinds = [orders.order(number).kind for number in range(1, 101)]

    assert {kind: kinds.count(kind) for kind in Kind} == {
        Kind.GOOD: 94,
        Kind.FLAKY: 2,
        Kind.NOT_JSON: 2,
        Kind.NO_ID: 2,
    }


def test_every_kind_is_among_the_first_orders():
    """So that even the shortest run shows dead letters and retries."""
    assert {orders.order(number).kind for number in range(1, 21)} == set(Kind)


def test_a_good_order_is_json_with_an_id_of_its_own():
    bodies = [json.loads(orders.order(number).body) for number in (1, 2)]

    assert [body["order_id"] for body in bodies] == ["A-1", "A-2"]


def test_a_bad_order_is_bad_in_the_way_it_says():
    no_json, no_id = orders.order(7), orders.order(13)

    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        json.loads(no_json.body)
    assert (no_json.kind, no_id.kind) == (Kind.NOT_JSON, Kind.NO_ID)
    assert "order_id" not in json.loads(no_id.body)


def test_only_good_orders_come_to_the_counter():
    kinds = {each.kind for each in map(orders.order, range(1, 501)) if each.is_at_the_counter}

    assert kinds == {Kind.GOOD}


def test_the_pace_varies_and_never_stops():
    paces = [orders.pace(part / 100).per_second for part in range(101)]

    assert min(paces) > 0
    assert max(paces) > 10 * min(paces)


def test_a_short_run_has_a_small_burst():
    assert (orders.burst_size(2), orders.burst_size(44)) == (30, 500)
