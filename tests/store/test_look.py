"""Counts, ages and peeks: right, whatever the backlog, and touching nothing."""

from __future__ import annotations

import time
from functools import partial

from headrace.store import portion
from headrace.store.look import PAGE, MessageState, peek_page
from headrace.store.message import prepare
from tests.store.rig import QueueRig


def test_an_empty_queue_counts_nothing_and_has_no_age():
    rig = QueueRig()

    assert (rig.counts(), rig.age()) == ((0, 0, 0), 0.0)


def test_messages_are_visible_in_flight_or_delayed():
    rig = QueueRig()
    rig.send("a", "b", "c")
    rig.send("d", delay=10)
    rig.receive(2)

    assert rig.counts() == (1, 2, 1)


def test_a_delayed_message_becomes_visible_to_the_millisecond():
    rig = QueueRig()
    rig.advance(0.4)
    rig.send("a", delay=1)
    rig.advance(0.2)
    rig.send("b", delay=1)
    rig.advance(0.799)
    assert rig.counts() == (0, 0, 2)
    rig.advance(0.001)
    assert rig.counts() == (1, 0, 1)
    rig.advance(0.2)
    assert rig.counts() == (2, 0, 0)


def test_the_queues_own_delay_counts_and_a_messages_own_goes_first():
    rig = QueueRig(delay_seconds=10)
    rig.send("a")
    rig.send("b", delay=0)

    assert rig.counts() == (1, 0, 1)


def test_a_lapsed_message_is_visible_again_without_any_write():
    rig = QueueRig(visibility_timeout_seconds=10)
    rig.send("a")
    rig.receive()
    rig.advance(10)

    assert rig.counts() == (1, 0, 0)


def test_the_age_is_that_of_the_oldest_that_is_not_deleted():
    """In flight or not (semantics F)."""
    rig = QueueRig()
    rig.send("a")
    rig.advance(5)
    rig.send("b")
    rig.advance(5)
    claims = rig.receive()
    assert rig.age() == 10.0
    rig.delete(claims["a"])
    assert rig.age() == 5.0


def test_a_dead_letters_age_counts_from_its_move():
    """AWS: ApproximateAgeOfOldestMessage of a dead-letter queue tells when the message was moved there."""
    rig = QueueRig(max_receive_count=1)
    rig.send("a")
    rig.receive()
    rig.advance(100)
    rig.receive()
    rig.advance(7)

    assert rig.age("orders-dlq") == 7.0


def test_a_clock_that_was_put_back_gives_no_negative_age():
    rig = QueueRig()
    rig.send("a")
    rig.advance(-3600)

    assert rig.age() == 0.0
    assert rig.counts()[0] >= 0


def test_expired_messages_are_removed_by_the_look_at_them():
    rig = QueueRig(retention_seconds=60)
    rig.send(*(str(number) for number in range(30)))
    rig.send("delayed", delay=900)
    rig.advance(59)
    rig.send("young")
    rig.advance(2)

    assert rig.counts() == (1, 0, 0)
    assert rig.bodies() == ["young"]


def test_a_peek_shows_every_message_and_touches_none():
    rig = QueueRig()
    ids = [*rig.send("a", "b"), *rig.send("c", delay=10)]
    rig.receive(1)
    before = rig.counts()
    shown = list(rig.queues.peek("orders"))

    assert [message.message_id for message in shown] == ids
    assert [(message.body, message.receive_count, message.state) for message in shown] == [
        ("a", 1, MessageState.IN_FLIGHT),
        ("b", 0, MessageState.VISIBLE),
        ("c", 0, MessageState.DELAYED),
    ]
    assert rig.counts() == before


def test_a_long_queue_is_peeked_page_by_page():
    rig = QueueRig()
    bodies = [str(number) for number in range(2 * PAGE + 7)]
    rig.send(*bodies)

    assert rig.bodies() == bodies


def test_large_messages_are_peeked_and_redriven_in_small_portions(monkeypatch):
    monkeypatch.setattr(portion, "BYTES_MAX", 50_000)
    rig = QueueRig(max_receive_count=1)
    bodies = [f"{number} " + "x" * 5000 for number in range(50)]
    rig.send(*bodies, queue="orders-dlq")

    assert len(rig.store.read_sync(partial(peek_page, name="orders-dlq"))) == 20
    assert rig.bodies("orders-dlq") == bodies
    assert rig.queues.redrive("orders-dlq") == (50, 0)
    assert rig.bodies() == bodies


def test_attributes_of_a_peek_are_as_sent():
    rig = QueueRig()
    rig.queues.send("orders", [prepare("x", attributes={"a": "v"})])
    [message] = rig.queues.peek("orders")

    assert message.attributes == (
        '{"a":{"stringValue":"v","stringListValues":[],"binaryListValues":[],"dataType":"String"}}'
    )


def test_a_look_costs_the_same_whatever_the_backlog():
    """Steps of SQLite's machine, not time: 200 times the messages, the same work."""
    few, many = QueueRig(), QueueRig()
    few.send("x")
    few.send("x", delay=60)
    for _ in range(20):
        many.send(*("x" for _ in range(500)))
        many.send(*("x" for _ in range(500)), delay=60)

    def steps(rig):
        connection = rig.store._transaction.connection
        count = 0

        def progress():
            nonlocal count
            count += 1
            return False

        connection.set_progress_handler(progress, 1)
        rig.counts()
        connection.set_progress_handler(None)
        return count

    started = time.perf_counter()
    assert steps(many) < 2 * steps(few)
    assert time.perf_counter() - started < 5
