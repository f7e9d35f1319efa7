"""``headrace queue send`` and ``peek``: what goes in is what is there, to the byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from headrace.cli import line_reader


def bodies(run, name="orders"):
    return [each["body"] for each in run("queue", "peek", name, "--json").objects]


# --- from the command line ---


def test_each_body_is_a_message(orders):
    sent = orders("queue", "send", "orders", '{"order_id": "A-42"}', " two ")

    assert sent.out == "2 messages sent to orders\n"
    assert bodies(orders) == ['{"order_id": "A-42"}', " two "]


def test_the_ids_of_what_was_sent_are_printed_as_json_lines(orders):
    sent = [
        each["messageId"] for each in orders("queue", "send", "orders", "a", "b", "--json").objects
    ]

    assert sent == [
        each["messageId"] for each in orders("queue", "peek", "orders", "--json").objects
    ]


def test_a_delayed_message_is_there_and_not_visible(orders):
    orders("queue", "send", "orders", "a", "--delay", "5m")

    assert orders("queue", "peek", "orders", "--json").object["state"] == "delayed"


def test_attributes_of_a_message_are_strings_by_name(orders):
    orders("queue", "send", "orders", "a", "--attribute", "Kind=new=1", "--attribute", "By=me")

    found = orders("queue", "peek", "orders", "--json").object["messageAttributes"]

    assert {name: each["stringValue"] for name, each in found.items()} == {
        "Kind": "new=1",
        "By": "me",
    }
    assert {each["dataType"] for each in found.values()} == {"String"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["orders"], "BODY"),
        (["orders", "a", "-"], "give it alone"),
        (["orders", ""], "MessageBody"),
        (["orders", "\x1b[31m"], "Invalid characters"),
        (["orders", "\udcff"], "Invalid characters"),
        (["orders", "a", "--delay", "901"], "DelaySeconds"),
        (["orders", "a", "--attribute", "Kind"], "NAME=VALUE"),
        (["orders", "a", "--attribute", "AWS.Kind=x"], "reserved prefix"),
        (["orders", "a", "x" * 1_048_577], "must be shorter"),
    ],
    ids=range(9),
)
def test_what_a_queue_refuses_is_told_and_nothing_is_sent(orders, arguments, told):
    refused = orders("queue", "send", *arguments)

    assert refused.code == 2
    assert told in refused.err
    assert bodies(orders) == []


def test_a_message_that_is_too_large_for_this_queue_is_refused(headrace):
    headrace("queue", "create", "small", "--max-message-bytes", "1024")

    assert headrace("queue", "send", "small", "x" * 1_025).code == 2
    assert headrace("queue", "send", "small", "x" * 1_024).code == 0


# --- from standard input ---


def test_of_a_line_only_its_end_is_cut(orders):
    lines = b' a \nb\r\nc\r\r\n\td\rd\n{"e": "\xc3\xa9"}'

    sent = orders("queue", "send", "orders", "-", stdin=lines)

    assert sent.out == "5 messages sent to orders\n"
    assert bodies(orders) == [" a ", "b", "c\r", "\td\rd", '{"e": "é"}']


def test_nothing_on_standard_input_is_no_message(orders):
    sent = orders("queue", "send", "orders", "-")

    assert (sent.code, sent.out) == (0, "0 messages sent to orders\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "MessageBody"),
        (b"\xff", "line 4: expected UTF-8 text, found the byte 0xff at 0"),
        (b"x\x00", "Invalid characters"),
        (b"x" * 1_048_577, "shorter"),
    ],
    ids=["empty", "no text", "NUL", "too long"],
)
def test_a_line_that_is_no_message_ends_the_sending_there(orders, line, told):
    """What came before it is sent, and the error says which line it is: the rest can be sent after mending it."""
    refused = orders("queue", "send", "orders", "-", stdin=b"a\nb\nc\n" + line + b"\ne\n")

    assert refused.code == 2
    assert "line 4: " in refused.err
    assert told in refused.err
    assert "3 messages sent before that" in refused.err
    assert bodies(orders) == ["a", "b", "c"]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(orders):
    refused = orders("queue", "send", "orders", "-", stdin=b"a\n" + b"x" * 3_000_000)

    assert refused.code == 2
    assert "line 2: longer than 1048576 bytes" in refused.err
    assert bodies(orders) == ["a"]


def test_many_lines_go_in_portions_and_in_order(orders):
    count = 2 * line_reader.PORTION_LINES + 3
    lines = [f"body {number}" for number in range(count)]

    orders("queue", "send", "orders", "-", stdin="\n".join(lines).encode())

    assert bodies(orders) == lines


@pytest.mark.integration
def test_a_line_is_sent_when_it_comes_not_when_the_input_ends(orders, tmp_path):
    command = [sys.executable, "-m", "headrace", "queue", "send", "orders", "-", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"first\n")
        process.stdin.flush()
        found = orders("queue", "receive", "orders", "--wait", "20s", "--json").object
        process.stdin.close()
        process.wait(timeout=20)

    assert found["body"] == "first"


# --- peek ---


def test_a_peek_shows_every_message_with_its_state_and_touches_none(orders):
    orders("queue", "send", "orders", "a", "b")
    orders("queue", "send", "orders", "c", "--delay", "60")
    orders("queue", "receive", "orders")

    once = orders("queue", "peek", "orders", "--json").objects
    again = orders("queue", "peek", "orders", "--json").objects

    assert once == again
    assert [(each["body"], each["state"], each["receiveCount"]) for each in once] == [
        ("a", "in_flight", 1),
        ("b", "visible", 0),
        ("c", "delayed", 0),
    ]
    assert set(once[0]) == {
        *("messageId", "body", "receiveCount", "state", "sentAt", "visibleAt"),
        *("messageAttributes", "deadLetterSource"),
    }


def test_a_peek_can_be_narrowed(orders):
    orders("queue", "send", "orders", "a", "b", "c")
    orders("queue", "receive", "orders")

    oldest = orders("queue", "peek", "orders", "--json", "--max", "1").objects
    visible = orders("queue", "peek", "orders", "--json", "--state", "visible").objects

    assert [each["body"] for each in oldest] == ["a"]
    assert [each["body"] for each in visible] == ["b", "c"]


def test_a_body_cannot_reach_the_terminal(orders):
    evil = "a\u009b31mred\u202egnp.exe\r\n\u2066<img onerror=alert(1)>"
    orders("queue", "send", "orders", evil)

    for_people = orders("queue", "peek", "orders", "--full").out
    as_json = orders("queue", "peek", "orders", "--json").out

    for shown in (for_people, as_json):
        assert len(shown.splitlines()) == 1
        assert not set(shown.rstrip("\n")) & set("\u009b\u202e\u2066\r\n\x1b")
    assert r"a\x9b31mred\u202egnp.exe\x0d\x0a\u2066<img" in for_people
    assert json.loads(as_json)["body"] == evil


def test_a_long_body_is_shortened_for_people_only(orders):
    orders("queue", "send", "orders", "x" * 5_000)

    assert len(orders("queue", "peek", "orders").out) < 400
    assert len(orders("queue", "peek", "orders", "--full").out) > 5_000
    assert len(bodies(orders)[0]) == 5_000


def test_a_peek_into_nothing_says_so(orders):
    assert "no message in orders" in orders("queue", "peek", "orders").err
    assert "is delayed" in orders("queue", "peek", "orders", "--state", "delayed").err


@pytest.mark.integration
def test_a_reader_that_has_seen_enough_ends_a_peek_quietly(orders, tmp_path):
    orders(
        "queue",
        "send",
        "orders",
        "-",
        stdin=b"x" * 500 + b"\n" + b"y" * 500_000 + b"\n" + b"z\n" * 5_000,
    )
    command = [sys.executable, "-m", "headrace", "queue", "peek", "orders", "--json"]

    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        told = process.stderr.read()
        code = process.wait(timeout=20)

    assert (code, told) == (1, b"")
