"""Delete, release, extend: by the newest receipt only."""

from __future__ import annotations

from functools import partial

from headrace.store.settle import delete_messages
from tests.store.rig import QueueRig


def test_a_deleted_message_is_gone_and_deleting_again_is_no_mistake():
    rig = QueueRig()
    rig.send("x", "y")
    claims = rig.receive()

    assert rig.delete(claims["x"]) == frozenset()
    assert rig.delete(claims["x"]) == frozenset()
    assert rig.bodies() == ["y"]
    assert rig.counts() == (0, 1, 0)


def test_some_gone_some_superseded_some_deleted_in_one_request():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("gone", "again", "mine")
    old = rig.receive()
    rig.delete(old["gone"])
    rig.release(old["again"])
    rig.receive()

    assert rig.delete(*old.values()) == frozenset({old["again"]})
    assert rig.bodies() == ["again"]


def test_requests_that_meet_get_each_their_own_answer():
    rig = QueueRig(visibility_timeout_seconds=0)
    rig.send("x", "y")
    stale, fresh = rig.receive(), rig.receive()
    requests = [[stale["x"]], [fresh["y"]], [fresh["x"]]]

    answers = rig.store.write_sync(partial(delete_messages, requests=requests))

    # The fresh receipt of x counts whatever the order: all three were under way at once.
    assert [frozenset(), frozenset(), frozenset()] == answers
    assert rig.bodies() == []


def test_a_stale_request_that_meets_others_leaves_the_message():
    rig = QueueRig(visibility_timeout_seconds=0)
    rig.send("x", "y")
    stale, fresh = rig.receive(), rig.receive()

    answers = rig.store.write_sync(partial(delete_messages, requests=[[stale["x"]], [fresh["y"]]]))

    assert [frozenset({stale["x"]}), frozenset()] == answers
    assert rig.bodies() == ["x"]


def test_the_same_receipt_twice_in_one_group_is_no_mistake():
    rig = QueueRig()
    rig.send("x")
    claim = rig.receive()["x"]

    answers = rig.store.write_sync(partial(delete_messages, requests=[[claim], [claim, claim]]))

    assert [frozenset(), frozenset()] == answers
    assert rig.counts() == (0, 0, 0)


def test_claims_of_several_queues_are_deleted_together():
    rig = QueueRig(max_receive_count=5)
    rig.send("x")
    rig.send("y", queue="orders-dlq")
    claims = [*rig.receive().values(), *rig.receive(queue="orders-dlq").values()]

    assert rig.delete(*claims) == frozenset()
    assert (rig.bodies(), rig.bodies("orders-dlq")) == ([], [])
    assert (rig.counts(), rig.counts("orders-dlq")) == ((0, 0, 0), (0, 0, 0))


def test_scattered_claims_are_deleted_and_nothing_between_them():
    rig = QueueRig()
    rig.send(*(str(number) for number in range(10)))
    claims = rig.receive()
    rig.delete(*(claims[str(number)] for number in (7, 1, 2, 4)))

    assert rig.bodies() == ["0", "3", "5", "6", "8", "9"]


def test_a_release_shows_at_once_and_keeps_the_count():
    rig = QueueRig()
    rig.send("x")
    claim = rig.receive()["x"]

    assert rig.release(claim) == frozenset()
    assert rig.counts() == (1, 0, 0)
    assert rig.receive()["x"][1] == 2


def test_a_release_with_a_delay_is_still_in_flight_until_then():
    rig = QueueRig()
    rig.send("x")
    rig.release(rig.receive()["x"], seconds=5)

    assert rig.counts() == (0, 1, 0)
    rig.advance(4.999)
    assert rig.receive() == {}
    rig.advance(0.001)
    assert list(rig.receive()) == ["x"]


def test_an_extension_counts_from_now_and_may_shorten():
    rig = QueueRig(visibility_timeout_seconds=30)
    rig.send("x")
    claim = rig.receive()["x"]
    rig.advance(20)
    assert rig.extend(claim, seconds=30) == frozenset()
    rig.advance(29.999)
    assert rig.receive() == {}
    rig.extend(claim, seconds=0)

    assert rig.receive()["x"][1] == 2


def test_a_message_is_hidden_for_at_most_twelve_hours_after_its_receive():
    rig = QueueRig(visibility_timeout_seconds=30)
    rig.send("x")
    claim = rig.receive()["x"]
    for _ in range(11):
        rig.extend(claim, seconds=3600)
        rig.advance(3600)
        rig.extend(claim, seconds=3600)
    rig.extend(claim, seconds=7200)
    rig.advance(3599.999)
    assert rig.receive() == {}
    rig.advance(0.001)

    assert rig.receive()["x"][1] == 2


def test_a_receipt_that_lapsed_but_was_not_superseded_still_counts():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("x")
    claim = rig.receive()["x"]
    rig.advance(60)

    assert rig.extend(claim, seconds=10) == frozenset()
    assert rig.receive() == {}
    assert rig.delete(claim) == frozenset()


def test_a_stale_or_gone_claim_can_be_neither_released_nor_extended():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("stale", "gone", "mine")
    old = rig.receive()
    rig.delete(old["gone"])
    rig.release(old["stale"])
    rig.receive()

    superseded = frozenset({old["stale"], old["gone"]})
    assert rig.extend(*old.values(), seconds=100) == superseded
    assert rig.release(*old.values(), seconds=0) == superseded
    assert list(rig.receive()) == ["mine"]


def test_what_went_to_the_dead_letter_queue_is_no_longer_ours():
    rig = QueueRig(max_receive_count=1, visibility_timeout_seconds=10)
    rig.send("bad")
    claim = rig.receive()["bad"]
    rig.advance(10)
    rig.receive()

    assert rig.release(claim) == frozenset({claim})
    assert rig.delete(claim) == frozenset()
    assert rig.bodies("orders-dlq") == ["bad"]
