"""``headrace queue`` create, list, attributes, receive, redrive, purge, delete."""

from __future__ import annotations

import pytest

from headrace.cli.main import execute

SQS_NAMES = {
    "QueueName",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateAgeOfOldestMessage",
    "VisibilityTimeout",
    "DelaySeconds",
    "MessageRetentionPeriod",
    "MaximumMessageSize",
    "RedrivePolicy",
}


def counts(run, name="orders"):
    found = run("queue", "attributes", name, "--json").object
    return tuple(
        found[f"ApproximateNumberOfMessages{which}"] for which in ("", "NotVisible", "Delayed")
    )


# --- create ---


def test_a_queue_is_made_with_its_dead_letter_queue(headrace):
    made = headrace(
        *("queue", "create", "orders", "--visibility-timeout", "30"),
        *("--dead-letter", "orders-dlq:3", "--json"),
    )

    assert made.object == {
        "QueueName": "orders",
        "VisibilityTimeout": 30,
        "DelaySeconds": 0,
        "MessageRetentionPeriod": 345_600,
        "MaximumMessageSize": 1_048_576,
        "RedrivePolicy": {"deadLetterQueue": "orders-dlq", "maxReceiveCount": 3},
        "made": ["orders-dlq", "orders"],
    }


def test_every_setting_of_a_queue_can_be_given(headrace):
    made = headrace(
        *("queue", "create", "orders", "--delay", "5", "--retention", "2d"),
        *("--max-message-bytes", "2048", "--visibility-timeout", "5m", "--json"),
    ).object

    assert made["DelaySeconds"] == 5
    assert made["MessageRetentionPeriod"] == 172_800
    assert made["MaximumMessageSize"] == 2_048
    assert made["VisibilityTimeout"] == 300


def test_a_dead_letter_queue_that_is_made_along_the_way_keeps_messages_longest(orders):
    found = orders("queue", "attributes", "orders-dlq", "--json").object

    assert found["MessageRetentionPeriod"] == 1_209_600


def test_making_a_queue_again_changes_nothing(orders):
    again = orders("queue", "create", "orders", "--dead-letter", "orders-dlq:1")

    assert (again.code, again.out) == (0, "queue orders: exists already, as asked for\n")


def test_making_a_queue_with_other_settings_is_refused_and_changes_nothing(orders):
    refused = orders(
        "queue", "create", "orders", "--visibility-timeout", "31", "--dead-letter", "new:2"
    )

    assert refused.code == 2
    assert "VisibilityTimeout is 30, not 31" in refused.err
    assert [each["QueueName"] for each in orders("queue", "list", "--json").objects] == [
        "orders",
        "orders-dlq",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["or ders"], "1 to 80 letters"),
        (["orders.fifo"], "FIFO"),
        (["orders", "--visibility-timeout", "43201"], "VisibilityTimeout"),
        (["orders", "--visibility-timeout", "0.5"], "whole seconds"),
        (["orders", "--delay", "soon"], "such as 90s"),
        (["orders", "--dead-letter", "orders-dlq"], "QUEUE:COUNT"),
        (["orders", "--dead-letter", "orders:3"], "its own dead-letter queue"),
        (["orders", "--dead-letter", "dlq:0"], "maxReceiveCount"),
        (["orders", "--dead-letter", "d q:1"], "1 to 80 letters"),
        (["orders", "--max-message-bytes", "10"], "MaximumMessageSize"),
        ([], "NAME"),
        (["orders", "--delai", "1"], "--delay"),
    ],
)
def test_a_queue_that_cannot_be_is_refused(headrace, tmp_path, arguments, told):
    refused = headrace("queue", "create", *arguments)

    assert refused.code == 2
    assert told in refused.err
    assert not (tmp_path / "headrace.db").exists()


# --- list ---


def test_queues_are_listed_with_their_backlog(orders):
    orders("queue", "send", "orders", "a", "b")

    table = orders("queue", "list").out.splitlines()

    assert table[0].split() == [
        "QUEUE",
        "VISIBLE",
        "IN",
        "FLIGHT",
        "DELAYED",
        "OLDEST",
        "DEAD",
        "LETTERS",
        "GO",
        "TO",
    ]
    assert table[1].split()[:4] == ["orders", "2", "0", "0"]
    assert table[1].split()[-1] == "orders-dlq"
    assert table[2].split() == ["orders-dlq", "0", "0", "0", "-", "-"]


def test_a_prefix_narrows_the_list(orders):
    assert len(orders("queue", "list", "orders-", "--json").objects) == 1
    nothing = orders("queue", "list", "carts")
    assert (nothing.code, nothing.out) == (0, "")
    assert "begins with carts" in nothing.err


# --- attributes ---


def test_attributes_have_sqss_names(orders):
    assert set(orders("queue", "attributes", "orders", "--json").object) == SQS_NAMES


def test_attributes_for_people(orders):
    orders("queue", "send", "orders", "a")

    shown = orders("queue", "attributes", "orders").out

    assert "visible             1\n" in shown
    assert "dead letters        to orders-dlq after 1 receives\n" in shown


def test_an_alarm_that_holds_is_exit_code_1(orders):
    orders("queue", "send", "orders", "a", "b")

    holds = orders("queue", "attributes", "orders", "--alarm", "visible>1")
    does_not = orders("queue", "attributes", "orders", "--alarm", "visible>2", "--alarm", "age>1h")

    assert (holds.code, does_not.code) == (1, 0)
    assert "ALARM visible>1: visible is 2" in holds.out
    assert "ALARM" not in does_not.out


def test_an_alarm_stands_in_the_json_as_well(orders):
    found = orders("queue", "attributes", "orders", "--json", "--alarm", "visible < 1")

    assert (found.code, found.object["Alarms"]) == (1, {"visible<1": "ALARM"})


@pytest.mark.parametrize("alarm", ["age", "size>1", "age>soon", "visible=1", "visible>1.5"])
def test_an_alarm_that_cannot_be_read_is_refused(orders, alarm):
    refused = orders("queue", "attributes", "orders", "--alarm", alarm)

    assert refused.code == 2
    assert "--alarm" in refused.err


def test_watching_tells_what_changes_and_when_an_alarm_begins_and_ends(orders, monkeypatch):
    steps = iter(
        [
            ("queue", "send", "orders", "a", "b"),
            ("queue", "list"),  # nothing changes
            ("queue", "receive", "orders", "--delete"),
        ]
    )

    def next_step(_seconds):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        assert execute(step) == 0

    monkeypatch.setattr("headrace.cli.queue_attributes.time.sleep", next_step)

    watched = orders("queue", "attributes", "orders", "--watch", "--alarm", "visible>=2")

    lines = [line[10:] for line in watched.out.splitlines() if line[2:3] == ":"]
    assert [line.partition(", oldest")[0] for line in lines] == [
        "visible 0, in flight 0, delayed 0, empty",
        "visible 2, in flight 0, delayed 0",
        "ALARM visible>=2: visible is 2",
        "visible 1, in flight 0, delayed 0",
        "OK visible>=2: visible is 1",
    ]
    assert (watched.code, watched.err) == (0, "")


# --- receive ---


def test_a_received_message_is_hidden_and_counted(orders):
    orders("queue", "send", "orders", "a", "b")

    received = orders("queue", "receive", "orders", "--json").object

    assert received["body"] == "a"
    assert received["attributes"]["ApproximateReceiveCount"] == "1"
    assert counts(orders) == (1, 1, 0)


def test_a_message_can_be_received_for_good(orders):
    orders("queue", "send", "orders", "a", "b")

    received = orders("queue", "receive", "orders", "--max", "5", "--delete")

    assert [line.split()[-1] for line in received.out.splitlines()] == ["a", "b"]
    assert counts(orders) == (0, 0, 0)


def test_a_visibility_timeout_of_nothing_hides_nothing(orders):
    orders("queue", "send", "orders", "a")

    orders("queue", "receive", "orders", "--visibility-timeout", "0")

    assert counts(orders) == (1, 0, 0)


def test_receiving_from_an_empty_queue_gives_nothing(orders):
    nothing = orders("queue", "receive", "orders", "--wait", "10ms")

    assert (nothing.code, nothing.out) == (0, "")
    assert "no message is visible in orders" in nothing.err


@pytest.mark.slow
def test_waiting_ends_with_the_first_message(orders):
    orders("queue", "send", "orders", "a", "--delay", "1")

    assert orders("queue", "receive", "orders", "--wait", "20s", "--json").object["body"] == "a"


# --- redrive ---


@pytest.fixture
def dead(orders):
    """Two messages were received once too often."""
    orders("queue", "send", "orders", "a", "b")
    for _ in range(2):
        orders("queue", "receive", "orders", "--max", "2", "--visibility-timeout", "0")
    assert (counts(orders), counts(orders, "orders-dlq")) == ((0, 0, 0), (2, 0, 0))
    return orders


def test_dead_letters_go_back_where_they_came_from(dead):
    moved = dead("queue", "redrive", "orders-dlq")

    assert moved.out == "2 messages moved from orders-dlq\n"
    assert (counts(dead), counts(dead, "orders-dlq")) == ((2, 0, 0), (0, 0, 0))


def test_dead_letters_go_where_they_are_sent_and_as_many_as_wanted(dead):
    dead("queue", "create", "carts")

    moved = dead("queue", "redrive", "orders-dlq", "--to", "carts", "--limit", "1", "--json").object

    assert moved == {"QueueName": "orders-dlq", "moved": 1, "skipped": 0}
    assert (counts(dead, "carts"), counts(dead, "orders-dlq")) == ((1, 0, 0), (1, 0, 0))


def test_messages_without_a_source_stay_and_are_told(headrace):
    headrace("queue", "create", "alone")
    headrace("queue", "send", "alone", "a")

    moved = headrace("queue", "redrive", "alone")

    assert moved.out == "0 messages moved from alone\n"
    assert "1 message left in alone" in moved.err


# --- purge and delete ---


@pytest.mark.parametrize("command", ["purge", "delete"])
def test_what_cannot_be_taken_back_is_not_done_without_a_yes(orders, command):
    orders("queue", "send", "orders", "a")

    refused = orders("queue", command, "orders")

    assert refused.code == 2
    assert "1 message of orders: say --yes" in refused.err
    assert counts(orders) == (1, 0, 0)


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 1)])
def test_on_a_terminal_a_person_is_asked(orders, monkeypatch, answer, code, left):
    orders("queue", "send", "orders", "a")
    monkeypatch.setattr("headrace.cli.queue_remove._is_terminal", lambda: True)

    ended = orders("queue", "purge", "orders", stdin=f"{answer}\n".encode())

    assert ended.code == code
    assert "Really remove 1 message of orders?" in ended.err
    assert counts(orders)[0] == left


def test_purging_removes_messages_in_every_state(orders):
    orders("queue", "send", "orders", "a", "b")
    orders("queue", "send", "orders", "c", "--delay", "60")
    orders("queue", "receive", "orders")

    purged = orders("queue", "purge", "orders", "--yes", "--json").object

    assert purged == {"QueueName": "orders", "purged": 3}
    assert counts(orders) == (0, 0, 0)


def test_a_deleted_queue_is_gone(orders):
    assert orders("queue", "delete", "orders", "--yes").out == "queue orders: deleted\n"
    assert orders("queue", "attributes", "orders").code == 2


# --- for all of them ---


COMMANDS = (
    *(["send", "ordres", "x"], ["receive", "ordres"], ["peek", "ordres"], ["attributes", "ordres"]),
    *(["redrive", "ordres"], ["purge", "ordres", "--yes"], ["delete", "ordres", "--yes"]),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_misspelt_queue_is_told_with_the_one_that_was_meant(orders, arguments):
    refused = orders("queue", *arguments)

    assert (refused.code, refused.out) == (2, "")
    assert "no queue ordres" in refused.err
    assert "did you mean orders" in refused.err


@pytest.mark.parametrize("arguments", [*COMMANDS, ["list"]], ids=lambda arguments: arguments[0])
def test_a_store_that_does_not_exist_is_not_made_by_looking(headrace, tmp_path, arguments):
    refused = headrace("queue", *arguments, "--store", "none.db")

    assert refused.code == 2
    assert "headrace queue create NAME --store" in refused.err
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_store_is_refused_and_left_alone(headrace, tmp_path):
    (tmp_path / "headrace.db").write_bytes(b"my diary")

    for arguments in (["send", "orders", "x"], ["create", "orders"], ["list"]):
        refused = headrace("queue", *arguments)
        assert refused.code == 2
        assert "not an SQLite file" in refused.err

    assert (tmp_path / "headrace.db").read_bytes() == b"my diary"


def test_help_of_the_group_lists_its_commands(headrace):
    shown = headrace("queue", "--help").out

    for command in [
        "create",
        "send",
        "receive",
        "peek",
        "attributes",
        "list",
        "redrive",
        "purge",
        "delete",
    ]:
        assert f"  {command} " in shown
