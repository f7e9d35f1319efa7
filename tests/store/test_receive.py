"""What a receive hands out, hides, sets aside and drops."""

from __future__ import annotations

from functools import partial

import pytest

from headrace.errors import QueueNotFoundError, SourceUnavailableError
from headrace.store import portion, receive
from headrace.store.receive import receive_messages
from headrace.store.send import send_messages
from tests.store.rig import QueueRig


def test_messages_come_in_the_order_in_which_they_became_visible():
    rig = QueueRig()
    rig.send("late", delay=20)
    rig.send("first")
    rig.advance(5)
    rig.send("second")
    rig.advance(20)

    assert list(rig.receive()) == ["first", "second", "late"]


def test_messages_that_come_back_take_their_place_among_the_others():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("again")
    rig.receive()
    rig.advance(5)
    rig.send("before")
    rig.advance(6)
    rig.send("after")

    assert list(rig.receive()) == ["before", "again", "after"]


def test_a_receive_hides_for_the_queues_visibility_timeout():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("x")
    assert list(rig.receive()) == ["x"]

    rig.advance(9.999)
    assert rig.receive() == {}
    rig.advance(0.001)
    assert list(rig.receive()) == ["x"]


def test_a_visibility_timeout_of_zero_hides_nothing():
    rig = QueueRig(visibility_timeout_seconds=0)
    rig.send("x")

    assert [claim[1] for _ in range(3) for claim in rig.receive().values()] == [1, 2, 3]


def test_a_changed_visibility_timeout_holds_for_the_next_receive():
    rig = QueueRig()
    rig.send("x", "y")
    rig.receive(1)
    rig.queues.update("orders", visibility_timeout_seconds=100)
    rig.receive(1)
    rig.advance(31)

    assert list(rig.receive()) == ["x"]


def test_receive_count_and_first_receive_are_kept():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("x")
    rig.advance(1)
    first = rig.answer()
    rig.advance(10)
    second = rig.answer()

    (before,), (after,) = first.rows, second.rows
    assert (before[4], after[4]) == (0, 1)
    assert after[5] == first.received_at_ms
    assert second.received_at_ms - first.received_at_ms == 10_000


def test_a_message_received_often_enough_goes_to_the_dead_letter_queue():
    """With its id and time of sending, and as never received there."""
    rig = QueueRig(max_receive_count=2, visibility_timeout_seconds=10)
    [sent] = rig.send("bad")
    sent_at_ms = int(rig.clock.now() * 1000)
    for _ in range(2):
        assert list(rig.receive()) == ["bad"]
        rig.advance(10)
    answer = rig.answer()

    assert (answer.rows, answer.dead_lettered) == ([], 1)
    [dead] = rig.queues.peek("orders-dlq")
    assert (sent, "bad", 0, sent_at_ms) == (
        dead.message_id,
        dead.body,
        dead.receive_count,
        dead.sent_at_ms,
    )
    assert dead.dead_letter_source == "orders"
    assert rig.counts() == (0, 0, 0)
    assert rig.counts("orders-dlq") == (1, 0, 0)
    assert [claim[1] for claim in rig.receive(queue="orders-dlq").values()] == [1]


def test_dead_letters_take_no_place_in_the_answer():
    rig = QueueRig(max_receive_count=1, visibility_timeout_seconds=10)
    rig.send(*(f"bad {number}" for number in range(5)))
    rig.receive()
    rig.advance(10)
    rig.send("a", "b")
    answer = rig.answer(5)

    assert ([row[2] for row in answer.rows], answer.dead_lettered) == (["a", "b"], 5)


def test_one_receive_sets_aside_a_bounded_number():
    rig = QueueRig(max_receive_count=1, visibility_timeout_seconds=10)
    rig.send(*(f"bad {number}" for number in range(100)))
    rig.receive(100)
    rig.advance(10)
    answer = rig.answer(2)

    assert (answer.rows, answer.dead_lettered) == ([], 2 * receive.ROUNDS_MAX)
    assert not answer.drained


def test_without_its_dead_letter_queue_a_message_stays():
    rig = QueueRig(max_receive_count=1, visibility_timeout_seconds=10)
    rig.send("bad")
    rig.queues.delete("orders-dlq")
    for count in (1, 2, 3):
        assert [claim[1] for claim in rig.receive().values()] == [count]
        rig.advance(10)


def test_an_expired_message_is_never_handed_out():
    rig = QueueRig(retention_seconds=60)
    rig.send("old")
    rig.advance(30)
    rig.send("young")
    rig.advance(30)

    assert list(rig.receive()) == ["young"]
    assert rig.bodies() == ["young"]


def test_an_expired_message_is_not_dead_lettered():
    rig = QueueRig(max_receive_count=1, retention_seconds=60)
    rig.send("old")
    rig.receive()
    rig.advance(60)

    assert rig.answer().dead_lettered == 0
    assert (rig.bodies(), rig.bodies("orders-dlq")) == ([], [])


def test_requests_that_meet_are_answered_by_one_look_full_batches_first():
    rig = QueueRig()
    rig.send(*(str(number) for number in range(25)))
    operation = partial(receive_messages, limits=[10, 10, 10], name="orders", gauge=rig.gauge)
    answers = rig.store.write_sync(operation)

    assert [len(answer.rows) for answer in answers] == [10, 10, 5]
    assert [str(n) for n in range(25)] == [row[2] for answer in answers for row in answer.rows]


def test_dead_letters_are_counted_once_for_requests_that_meet():
    rig = QueueRig(max_receive_count=1)
    rig.send("bad")
    rig.receive()
    rig.advance(30)
    operation = partial(receive_messages, limits=[10, 10], name="orders", gauge=rig.gauge)

    assert [answer.dead_lettered for answer in rig.store.write_sync(operation)] == [1, 0]


def test_a_receive_reads_a_bounded_amount_of_bodies(monkeypatch):
    """Whoever asks for thousands of large messages gets them over several receives."""
    monkeypatch.setattr(portion, "BYTES_MAX", 50_000)
    rig = QueueRig()
    rig.send(*(f"{number:04} " + "x" * 5000 for number in range(100)))
    answers = [rig.answer(1000) for _ in range(6)]

    assert [len(answer.rows) for answer in answers] == [20, 20, 20, 20, 20, 0]
    assert [answer.drained for answer in answers[:4]] == [False] * 4
    assert [row[2][:4] for answer in answers for row in answer.rows] == [
        f"{number:04}" for number in range(100)
    ]


def test_keys_are_never_used_again():
    """Not even when the queue was empty in between: a claim of old must not fit a new message."""
    rig = QueueRig()
    keys = set()
    for number in range(20):
        rig.send(str(number))
        [claim] = rig.receive().values()
        rig.delete(claim)
        keys.add(claim[0])

    assert len(keys) == 20


def test_too_many_in_flight_are_refused_until_some_are_settled(monkeypatch):
    monkeypatch.setattr(receive, "IN_FLIGHT_MAX", 10)
    rig = QueueRig()
    rig.send(*(str(number) for number in range(15)))
    claims = list(rig.receive(8).values())
    claims += rig.receive(8).values()
    assert len(claims) == 10

    with pytest.raises(
        SourceUnavailableError, match="OverLimit: 10 messages of orders are in flight"
    ):
        rig.receive()
    rig.delete(*claims[:6])
    assert len(rig.receive()) > 0


def test_the_in_flight_limit_is_never_passed_by_one_consumer(monkeypatch):
    monkeypatch.setattr(receive, "IN_FLIGHT_MAX", 50)
    rig = QueueRig()
    rig.send(*(str(number) for number in range(200)))
    received = sum(len(rig.receive(3)) for _ in range(16))
    received += len(rig.receive(3))

    assert received == 50
    with pytest.raises(SourceUnavailableError):
        rig.receive(1)


def test_a_queue_that_is_missing_is_named_with_its_likeness():
    rig = QueueRig()

    with pytest.raises(
        QueueNotFoundError, match=r"there is no queue order in .*; did you mean orders"
    ):
        rig.receive(queue="order")


def test_other_queues_are_left_alone():
    rig = QueueRig(max_receive_count=1)
    rig.store.write_sync(partial(send_messages, name="orders-dlq", messages=[]))
    rig.send("mine")
    rig.send("theirs", queue="orders-dlq")

    assert list(rig.receive()) == ["mine"]
