"""Settlement, heartbeat, backoff, concurrency, polling: tables with exact numbers."""

from __future__ import annotations

import pytest

from headrace.errors import ConfigurationError
from headrace.model.outcome import Outcome
from headrace.model.record import Record, RecordId
from headrace.policy import concurrency, polling, settle
from headrace.policy.heartbeat import VISIBILITY_SECONDS_MAX, Hold
from headrace.policy.partial import Verdict
from headrace.policy.retry import Backoff, backoff_seconds


def hold(*names, at=100.0, visibility=30.0):
    return Hold([Record(RecordId(name), b"{}", None, 1) for name in names], at, visibility)


def ids(records):
    return [record.record_id for record in records]


def test_a_success_deletes_everything():
    decided = settle.decide(Verdict(Outcome.SUCCESS, frozenset()), [hold("a"), hold("b")], now=101)

    assert (ids(decided.delete), decided.release) == (["a", "b"], [])


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.TIMED_OUT, Outcome.THROTTLED])
def test_a_failure_calls_nothing_while_the_records_are_hidden_as_aws_hides_them(outcome):
    decided = settle.decide(Verdict(outcome, frozenset("ab")), [hold("a", "b")], now=125)

    assert decided == ([], [])


def test_a_partial_failure_deletes_what_succeeded():
    decided = settle.decide(
        Verdict(Outcome.PARTIAL, frozenset("b")), [hold("a", "b", "c")], now=101
    )

    assert (ids(decided.delete), decided.release) == (["a", "c"], [])


@pytest.mark.parametrize(("now", "delay"), [(122, 8), (130, 0), (200, 0)])
def test_extended_records_are_released_for_the_moment_of_their_return(now, delay):
    extended = hold("a")
    extended.hidden_from(120)

    decided = settle.decide(Verdict(Outcome.ERROR, frozenset("a")), [extended], now=now)

    assert [(ids(release.records), release.delay_seconds) for release in decided.release] == [
        (["a"], delay)
    ]


def test_a_hold_is_renewed_after_two_thirds_of_its_time():
    held = hold("a", at=100, visibility=30)

    assert (held.renew_at, held.hidden_until, held.returns_at) == (120, 130, 130)
    held.hidden_from(121)
    assert (held.renew_at, held.hidden_until, held.returns_at) == (141, 151, 130)


@pytest.mark.parametrize(
    ("now", "visibility", "expected"),
    [
        (120, 30, 30),
        (100 + VISIBILITY_SECONDS_MAX - 10, 30, 10),
        (100 + VISIBILITY_SECONDS_MAX, 30, None),
        (100, 0, None),
    ],
)
def test_extensions_end_twelve_hours_after_the_receive(now, visibility, expected):
    assert hold("a", visibility=visibility).extension_seconds(now) == expected


def test_a_split_keeps_the_times_and_shares_the_records_out():
    held = hold("a", "b", "c")
    held.hidden_from(120)
    rest = held.split(1)

    assert (ids(held.records), ids(rest.records)) == (["a"], ["b", "c"])
    assert (rest.received_at, rest.hidden_until, rest.renew_at) == (100, 150, 140)


@pytest.mark.parametrize(
    ("attempt", "draw", "expected"),
    [(1, 1, 0.1), (1, 0, 0.05), (2, 1, 0.2), (5, 1, 1.6), (8, 1, 10), (10_000, 0.5, 7.5)],
)
def test_backoff_doubles_up_to_its_maximum(attempt, draw, expected):
    assert backoff_seconds(attempt, first=0.1, maximum=10, draw=draw) == pytest.approx(expected)


def test_a_success_forgets_the_failures():
    backoff = Backoff(seconds_first=1, seconds_max=60)

    assert [backoff.next_seconds(1) for _ in range(3)] == [1, 2, 4]
    backoff.reset()
    assert backoff.next_seconds(1) == 1


def test_reserved_concurrency_is_carved_from_the_ceiling():
    assert concurrency.carve(10, {"a": 3, "b": None, "c": 0}) == {"a": 3, "c": 0, "": 7}
    assert concurrency.carve(3, {"a": 3}) == {"a": 3, "": 0}
    assert concurrency.carve(4, {}) == {"": 4}


@pytest.mark.parametrize(
    ("ceiling", "reserved", "least"), [(3, {"a": 3, "b": None}, 4), (2, {"a": 3}, 3)]
)
def test_reservations_that_leave_nothing_are_refused_by_name(ceiling, reserved, least):
    with pytest.raises(ConfigurationError) as refused:
        concurrency.carve(ceiling, reserved)

    [problem] = refused.value.problems
    assert problem.path == "--max-workers"
    assert f"expected at least {least} " in problem.message
    assert f"got {ceiling}" in problem.message


@pytest.mark.parametrize(
    ("others", "capacity", "kept"), [(0, 4, 0), (1, 4, 1), (20, 4, 2), (1, 1, 0), (3, 20, 3)]
)
def test_a_mapping_leaves_slots_to_those_that_have_none(others, capacity, kept):
    assert concurrency.kept_free(others, capacity) == kept


@pytest.mark.parametrize(
    ("pollers", "scouts", "full", "expected"),
    [(1, 0, False, True), (2, 1, False, False), (2, 1, True, True), (4, 0, True, False)],
)
def test_a_full_answer_or_a_missing_scout_starts_a_poller(pollers, scouts, full, expected):
    assert expected == polling.should_start(
        pollers=pollers, scouts=scouts, limit=4, answer_was_full=full
    )


def test_an_empty_answer_ends_a_poller_when_another_one_asks():
    assert polling.should_end(scouts=1)
    assert not polling.should_end(scouts=0)
