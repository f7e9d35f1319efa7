"""Queues are made, compared, changed, listed and deleted as SQS does it."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import ConfigurationError, QueueConflictError, QueueNotFoundError
from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.store import removal
from headrace.store.inline import InlineStore
from headrace.store.queue_settings import ATTRIBUTES, Change, delete_queue
from headrace.store.queues import Queues
from tests.store.rig import QueueRig, SetClock

EVERYTHING = tuple(ATTRIBUTES)


@pytest.fixture
def queues():
    store = InlineStore(SetClock())
    yield Queues(store)
    store.close()


def test_a_queue_is_made_once(queues):
    settings = QueueSettings("orders", 60, 5, 3600, 2048)

    assert queues.create(settings) is True
    assert queues.create(settings) is False
    assert queues.get("orders") == settings


def test_another_setting_is_a_conflict_that_names_it(queues):
    queues.create(QueueSettings("orders", visibility_timeout_seconds=60, delay_seconds=5))

    with pytest.raises(QueueConflictError) as caught:
        queues.create(QueueSettings("orders", visibility_timeout_seconds=30))

    assert "VisibilityTimeout is 60, not 30, DelaySeconds is 5, not 0" in str(caught.value)
    assert queues.get("orders").visibility_timeout_seconds == 60


def test_only_what_was_given_is_compared(queues):
    queues.create(QueueSettings("orders", visibility_timeout_seconds=60))

    assert queues.create(QueueSettings("orders"), given=()) is False
    assert queues.create(QueueSettings("orders"), given=("delay_seconds",)) is False


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 80])
def test_names_that_sqs_takes(queues, name):
    assert queues.create(QueueSettings(name))


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a#1", "é", "x" * 81, "a/b", "orders.fifo"])
def test_other_names_are_refused(queues, name):
    with pytest.raises(ConfigurationError, match="QueueName"):
        queues.create(QueueSettings(name))


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("visibility_timeout_seconds", 0, 43_200),
        ("delay_seconds", 0, 900),
        ("retention_seconds", 60, 1_209_600),
        ("message_bytes_max", 1_024, 1_048_576),
    ],
)
def test_settings_have_sqss_ranges(queues, field, low, high):
    for number, value in enumerate((low, high)):
        queues.create(QueueSettings(f"q{number}", **{field: value}))
    wrong: list[Any] = [low - 1, high + 1, 1.5, True, None]
    for value in wrong:
        with pytest.raises(ConfigurationError) as caught:
            queues.create(QueueSettings("other", **{field: value}))
        [problem] = caught.value.problems
        assert problem.path == ATTRIBUTES[field]
        assert problem.message == f"expected an integer from {low} to {high}, found {value!r}"


def test_everything_wrong_is_said_at_once(queues):
    with pytest.raises(ConfigurationError) as caught:
        queues.create(QueueSettings("a b", -1, 901, redrive_policy=RedrivePolicy("a b", 0)))

    assert [problem.path for problem in caught.value.problems] == [
        "QueueName",
        "VisibilityTimeout",
        "DelaySeconds",
        "RedrivePolicy.maxReceiveCount",
        "RedrivePolicy.deadLetterTargetArn",
    ]


def test_a_dead_letter_queue_must_exist(queues):
    with pytest.raises(
        QueueNotFoundError,
        match="dead-letter queue of orders does not exist: there is no queue dlq",
    ):
        queues.create(QueueSettings("orders", redrive_policy=RedrivePolicy("dlq", 3)))
    assert queues.list() == []


def test_an_update_says_what_it_changed(queues):
    queues.create(QueueSettings("orders"))

    changes = queues.update("orders", visibility_timeout_seconds=60, delay_seconds=0)

    assert changes == [Change("orders", "VisibilityTimeout", 30, 60)]
    assert queues.update("orders", visibility_timeout_seconds=60) == []


def test_an_update_out_of_range_changes_nothing(queues):
    queues.create(QueueSettings("orders"))

    with pytest.raises(ConfigurationError):
        queues.update("orders", visibility_timeout_seconds=60, delay_seconds=901)
    assert queues.get("orders") == QueueSettings("orders")


def test_declared_queues_are_made_and_changed_in_any_order(queues):
    queues.create(QueueSettings("orders", visibility_timeout_seconds=60, delay_seconds=7))
    policy = RedrivePolicy("dlq", 3)
    declared = [
        (
            QueueSettings("orders", 30, redrive_policy=policy),
            ("visibility_timeout_seconds", "redrive_policy"),
        ),
        (QueueSettings("dlq", retention_seconds=3600), ("retention_seconds",)),
    ]

    changes = queues.apply(declared)

    assert changes == [
        Change("dlq", "Queue", None, "dlq"),
        Change("orders", "VisibilityTimeout", 60, 30),
        Change("orders", "RedrivePolicy", None, policy),
    ]
    assert queues.get("orders") == QueueSettings("orders", 30, 7, redrive_policy=policy)
    assert queues.get("dlq").retention_seconds == 3600
    assert queues.apply(declared) == []


def test_queues_that_are_each_others_dead_letter_queue(queues):
    declared = [
        (QueueSettings(name, redrive_policy=RedrivePolicy(other, 3)), EVERYTHING)
        for name, other in (("a", "b"), ("b", "a"))
    ]
    queues.apply(declared)

    assert [queue.redrive_policy for queue in queues.list()] == [
        RedrivePolicy("b", 3),
        RedrivePolicy("a", 3),
    ]


def test_queues_are_listed_by_name_and_prefix(queues):
    for name in ("orders", "orders-dlq", "mail", "Orders"):
        queues.create(QueueSettings(name))

    assert [queue.name for queue in queues.list()] == ["Orders", "mail", "orders", "orders-dlq"]
    assert [queue.name for queue in queues.list("orders")] == ["orders", "orders-dlq"]


def test_a_deleted_queue_is_gone_with_its_messages_and_its_name_is_free():
    rig = QueueRig()
    rig.send(*(str(number) for number in range(20)))
    claims = rig.receive(5)
    rig.queues.delete("orders")

    with pytest.raises(QueueNotFoundError):
        rig.queues.get("orders")
    assert rig.queues.list() == []
    assert rig.queues.create(QueueSettings("orders"))
    rig.send("new")
    assert rig.delete(*claims.values()) == frozenset()
    assert rig.bodies() == ["new"]


def test_a_deletion_that_was_broken_off_is_finished_by_the_next(monkeypatch):
    monkeypatch.setattr(removal, "STEP_MAX", 10)
    rig = QueueRig(max_receive_count=3)
    rig.send(*(str(number) for number in range(25)))
    rig.send("delayed", delay=100)
    rig.store.write_sync(lambda transaction: delete_queue(transaction, "orders"))
    assert [queue.name for queue in rig.queues.list()] == ["orders-dlq"]
    rig.queues.apply([])

    def left(transaction):
        tables = ("queue", "message", "content", "delayed")
        return [transaction.value(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608

    assert rig.store.read_sync(left) == [1, 0, 0, 0]
