"""Purge, retention and redrive: in bounded steps, to the end."""

from __future__ import annotations

from functools import partial

import pytest

from headrace.errors import QueueNotFoundError
from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.store import redrive, removal
from tests.store.rig import QueueRig


def dead(count, **settings):
    """A rig with *count* messages in the dead-letter queue."""
    rig = QueueRig(max_receive_count=1, **settings)
    rig.send(*(str(number) for number in range(count)))
    rig.receive(count or 1)
    rig.advance(31)
    while rig.answer(count or 1).dead_lettered:
        pass
    return rig


def test_a_purge_removes_what_is_there_in_whatever_state():
    rig = QueueRig()
    rig.send("visible", "in flight")
    rig.receive(1)
    rig.send("delayed", delay=60)

    assert rig.queues.purge("orders") == 3
    assert (rig.bodies(), rig.counts()) == ([], (0, 0, 0))
    assert rig.queues.purge("orders") == 0


def test_a_purge_goes_in_bounded_steps(monkeypatch):
    monkeypatch.setattr(removal, "STEP_MAX", 10)
    rig = QueueRig()
    rig.send(*(str(number) for number in range(25)))
    last = rig.store.read_sync(partial(removal.last_key, name="orders"))
    rig.send("later")
    step = partial(removal.purge_step, name="orders", up_to_key=last)

    assert [rig.store.write_sync(step) for _ in range(4)] == [10, 10, 5, 0]
    assert rig.bodies() == ["later"]


def test_a_purge_leaves_other_queues_alone():
    rig = QueueRig(max_receive_count=3)
    rig.send("mine")
    rig.send("theirs", queue="orders-dlq")
    rig.queues.purge("orders")

    assert rig.bodies("orders-dlq") == ["theirs"]


def test_expired_messages_go_in_bounded_steps(monkeypatch):
    monkeypatch.setattr(removal, "STEP_MAX", 10)
    rig = QueueRig(retention_seconds=60)
    rig.send(*(str(number) for number in range(25)))
    rig.advance(60)
    step = partial(removal.expire_step, name="orders")

    assert [rig.store.write_sync(step) for _ in range(4)] == [10, 10, 5, 0]


def test_a_message_in_flight_expires_too_and_its_receipt_finds_nothing():
    rig = QueueRig(retention_seconds=60, visibility_timeout_seconds=300)
    rig.send("x")
    claim = rig.receive()["x"]
    rig.advance(60)

    assert rig.counts() == (0, 0, 0)
    assert rig.delete(claim) == frozenset()
    assert rig.extend(claim, seconds=10) == frozenset({claim})


def test_a_dead_letters_retention_counts_from_its_sending():
    """AWS: a standard queue's message expires by its original time, also in the dead-letter queue."""
    rig = QueueRig(max_receive_count=1, visibility_timeout_seconds=10)
    rig.queues.update("orders-dlq", retention_seconds=60)
    rig.send("x")
    rig.receive()
    rig.advance(50)
    rig.receive()
    assert rig.bodies("orders-dlq") == ["x"]
    rig.advance(10)

    assert rig.counts("orders-dlq") == (0, 0, 0)


def test_a_redrive_puts_dead_letters_back_as_new_messages():
    rig = dead(3)
    old = {message.body: message.message_id for message in rig.queues.peek("orders-dlq")}

    assert rig.queues.redrive("orders-dlq") == (3, 0)
    assert (rig.counts("orders-dlq"), rig.counts()) == ((0, 0, 0), (3, 0, 0))
    for message in rig.queues.peek("orders"):
        assert message.message_id != old[message.body]
        assert message.receive_count == 0
        assert message.sent_at_ms == int(rig.clock.now() * 1000)
    assert sorted(rig.receive()) == ["0", "1", "2"]


def test_a_redrive_goes_back_to_each_messages_own_source():
    rig = dead(1)
    rig.queues.create(QueueSettings("mail", redrive_policy=RedrivePolicy("orders-dlq", 1)))
    rig.send("letter", queue="mail")
    rig.receive(queue="mail")
    rig.advance(31)
    rig.receive(queue="mail")

    assert rig.queues.redrive("orders-dlq") == (2, 0)
    assert (rig.bodies(), rig.bodies("mail")) == (["0"], ["letter"])


def test_a_redrive_to_a_named_queue():
    rig = dead(2)
    rig.queues.create(QueueSettings("other"))

    assert rig.queues.redrive("orders-dlq", "other") == (2, 0)
    assert rig.bodies("other") == ["0", "1"]
    with pytest.raises(QueueNotFoundError):
        rig.queues.redrive("orders-dlq", "nowhere")


def test_a_redrive_moves_no_more_than_its_limit():
    rig = dead(5)

    assert rig.queues.redrive("orders-dlq", limit=2) == (2, 0)
    assert rig.queues.redrive("orders-dlq", limit=0) == (0, 0)
    assert rig.queues.redrive("orders-dlq", limit=9) == (3, 0)


def test_a_redrive_goes_in_bounded_steps_and_on_from_where_it_was(monkeypatch):
    monkeypatch.setattr(redrive, "STEP_MAX", 2)
    rig = dead(5)
    last = rig.store.read_sync(partial(removal.last_key, name="orders-dlq"))
    step = partial(redrive.redrive_step, name="orders-dlq", after_key=0, up_to_key=last)

    assert rig.store.write_sync(step).moved == 2
    assert rig.queues.redrive("orders-dlq") == (3, 0)
    assert len(rig.bodies()) == 5


def test_what_is_in_flight_stays_in_the_dead_letter_queue():
    rig = dead(3)
    rig.receive(1, queue="orders-dlq")

    assert rig.queues.redrive("orders-dlq") == (2, 1)
    assert rig.counts("orders-dlq") == (0, 1, 0)


def test_a_message_sent_there_directly_goes_to_the_one_source_if_there_is_one():
    rig = dead(0)
    rig.send("direct", queue="orders-dlq")
    assert rig.queues.redrive("orders-dlq") == (1, 0)
    assert rig.bodies() == ["direct"]

    rig.queues.create(QueueSettings("mail", redrive_policy=RedrivePolicy("orders-dlq", 1)))
    rig.send("whose?", queue="orders-dlq")
    assert rig.queues.redrive("orders-dlq") == (0, 1)
    assert rig.bodies("orders-dlq") == ["whose?"]


def test_a_source_that_was_deleted_keeps_its_dead_letters_where_they_are():
    rig = dead(2)
    rig.queues.delete("orders")

    assert rig.queues.redrive("orders-dlq") == (0, 2)
    assert len(rig.bodies("orders-dlq")) == 2


def test_a_redrive_into_the_same_queue_ends():
    rig = dead(3)

    assert rig.queues.redrive("orders-dlq", "orders-dlq") == (3, 0)
    assert rig.counts("orders-dlq") == (3, 0, 0)
