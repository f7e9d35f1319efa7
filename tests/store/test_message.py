"""SQS's limits of a message, in SQS's words, and its digests."""

from __future__ import annotations

import hashlib
from functools import partial

import orjson
import pytest

from headrace.errors import MessageRefusedError
from headrace.store.message import MessageAttribute, check_batch, md5_of_attributes, prepare
from headrace.store.send import send_batch
from tests.store.rig import QueueRig

KIB = 1024
MIB = 1_048_576
TOO_LONG = (
    "One or more parameters are invalid. Reason: Message must be shorter than {} bytes (it has {})."
)


def refusal(*arguments, **options):
    with pytest.raises(MessageRefusedError) as caught:
        prepare(*arguments, **options)
    return str(caught.value)


def attribute_refusal(name, value):
    return refusal("x", attributes={name: value})


@pytest.mark.parametrize(
    "body",
    [
        "x",
        "x" * MIB,
        "é" * (MIB // 2),
        "\U0001f600" * (MIB // 4),
        "\t\n\r",
        " ",
        "\ud7ff\ue000\ufffd",
    ],
)
def test_bodies_that_sqs_takes(body):
    prepared = prepare(body)

    assert prepared.body == body
    assert prepared.size_bytes == len(body.encode())
    assert prepared.md5_of_body == hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("body", ["x" * (MIB + 1), "é" * (MIB // 2) + "x"])
def test_a_body_of_more_than_a_mebibyte_is_refused(body):
    assert refusal(body) == TOO_LONG.format(MIB, MIB + 1)


def test_attributes_count_as_part_of_the_message():
    attributes = {"name": MessageAttribute("String", "value")}  # 4 + 6 + 5 bytes

    assert prepare("x" * (MIB - 15), attributes=attributes).size_bytes == MIB
    assert refusal("x" * (MIB - 14), attributes=attributes) == TOO_LONG.format(MIB, MIB + 1)


def test_an_empty_body_is_refused():
    assert refusal("") == "The request must contain the parameter MessageBody."


def test_a_body_is_text():
    assert refusal(b"bytes") == "a message body is a str, not bytes"


@pytest.mark.parametrize(
    "character", [chr(code) for code in (0, 8, 0xB, 0x1F, 0xFFFE, 0xFFFF, 0xD800, 0xDFFF)]
)
def test_characters_that_xml_has_not_are_refused(character):
    text = refusal("ok" + character)

    assert text.startswith(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to"
    )
    assert f"(found #x{ord(character):X} at 2 of the body)" in text


@pytest.mark.parametrize(
    "character", ["\x7f", "\x85", "\u2028", "\ufdd0", "\U0001ffff", "\U0010ffff"]
)
def test_odd_characters_that_xml_has_are_taken(character):
    assert prepare(character).body == character


@pytest.mark.parametrize("delay", [0, 1, 900])
def test_delays_that_sqs_takes(delay):
    assert prepare("x", delay_seconds=delay).delay_seconds == delay


@pytest.mark.parametrize("delay", [-1, 901, 1.5, True, "5"])
def test_other_delays_are_refused(delay):
    assert refusal("x", delay_seconds=delay) == (
        f"Value {delay} for parameter DelaySeconds is invalid. "
        "Reason: DelaySeconds must be >= 0 and <= 900."
    )


def test_at_most_ten_attributes():
    ten = {f"name{number}": "x" for number in range(10)}

    assert prepare("x", attributes=ten).attributes
    assert refusal("x", attributes={**ten, "more": "x"}) == (
        "Number of message attributes [11] exceeds the allowed maximum [10]."
    )


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "x" * 256, "aws", "Awsome.x"])
def test_attribute_names_that_sqs_takes(name):
    assert prepare("x", attributes={name: "v"}).attributes


@pytest.mark.parametrize("name", ["", ".a", "a.", "a..b", "a b", "é", "a/b", "x" * 257])
def test_other_attribute_names_are_refused(name):
    assert f"The message attribute name '{name}' is invalid." in attribute_refusal(name, "v")


@pytest.mark.parametrize("name", ["AWS.x", "aws.trace", "Amazon.x", "AMAZON.y"])
def test_reserved_attribute_names_are_refused(name):
    assert "starts with the reserved prefix" in attribute_refusal(name, "v")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", "v"), ("String.custom", "v"), ("Number", "-1.5e3"), ("Number.int", "42"), ("Number", ".5"),
        ("Number", "+7."), ("Binary", b"\0\xff"), ("Binary.png", b"x"), ("String." + "x" * 249, "v"),
    ],
)  # fmt: skip
def test_attribute_types_that_sqs_takes(kind, value):
    assert prepare("x", attributes={"a": MessageAttribute(kind, value)}).md5_of_attributes


@pytest.mark.parametrize(
    "kind", ["", "string", "Text", "String.", "StringList", "String." + "x" * 250]
)
def test_other_attribute_types_are_refused(kind):
    assert "has an invalid message attribute type" in attribute_refusal(
        "a", MessageAttribute(kind, "v")
    )


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        (MessageAttribute("String", ""), "must contain non-empty message attribute value"),
        (MessageAttribute("Binary", b""), "must contain non-empty message attribute value"),
        (MessageAttribute("Binary", "text"), "must have bytes as its value"),
        (MessageAttribute("String", b"x"), "must have a str as its value"),
        (
            MessageAttribute("Number", "12x"),
            "Can't cast the value of message (user) attribute 'a' to a number.",
        ),
        (MessageAttribute("Number", "nan"), "Can't cast the value"),
        (MessageAttribute("String", "a\0b"), "Invalid characters found."),
        (True, "is a bool"),
        (["x"], "is of type list"),
    ],
)
def test_other_attribute_values_are_refused(attribute, words):
    assert words in attribute_refusal("a", attribute)


def test_plain_values_mean_the_type_that_they_have():
    prepared = prepare("x", attributes={"s": "v", "n": 3, "f": 1.5, "b": b"\0\1"})

    shown = orjson.loads(prepared.attributes or "")
    assert shown == {
        "s": {
            "stringValue": "v",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        },
        "n": {
            "stringValue": "3",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Number",
        },
        "f": {
            "stringValue": "1.5",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Number",
        },
        "b": {
            "binaryValue": "AAE=",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Binary",
        },
    }


@pytest.mark.parametrize(
    ("name", "attribute", "digest"),
    [
        (
            "timestamp",
            MessageAttribute("Number", "1493147359900"),
            "235c5c510d26fb653d073faed50ae77c",
        ),
        (
            "timestamp",
            MessageAttribute("Number", "1493147359901"),
            "994258b45346a2cc3f9cbb611aa7af30",
        ),
        (
            "timestamp",
            MessageAttribute("Number.java.lang.Long", "1493147359900"),
            "2e2e4876d8e0bd6b8c2c8f556831c349",
        ),
        (
            "SOME_Valid.attribute-Name",
            MessageAttribute("Number", "1493147359900"),
            "36655e7e9d7c0e8479fa3f3f42247ae7",
        ),
        (
            "SellerName",
            MessageAttribute("String", "Example Store"),
            "cd28f3b68aeee4b2eac9c66f2f694b58",
        ),
    ],
)
def test_the_digest_of_attributes_is_the_one_that_sqs_computes(name, attribute, digest):
    """Values that several public test suites agree on."""
    assert md5_of_attributes({name: attribute}) == digest


def test_the_digest_covers_names_in_order_and_binary_values():
    attributes = {"b": MessageAttribute("Binary", b"\0\1"), "a": MessageAttribute("String", "v")}
    parts = (
        b"\0\0\0\1a" + b"\0\0\0\6String" + b"\1" + b"\0\0\0\1v"
        b"\0\0\0\1b" + b"\0\0\0\6Binary" + b"\2" + b"\0\0\0\2\0\1"
    )  # fmt: skip

    assert md5_of_attributes(attributes) == hashlib.md5(parts, usedforsecurity=False).hexdigest()


def test_a_batch_has_one_to_ten_entries():
    with pytest.raises(
        MessageRefusedError, match="There should be at least one SendMessageBatchRequestEntry"
    ):
        check_batch([])
    check_batch([prepare("x")] * 10)
    with pytest.raises(MessageRefusedError) as caught:
        check_batch([prepare("x")] * 11)
    assert str(caught.value) == "Maximum number of entries per request are 10. You have sent 11."


def test_a_batch_is_a_mebibyte_at_most():
    check_batch([prepare("x" * (MIB // 2))] * 2)
    with pytest.raises(MessageRefusedError) as caught:
        check_batch([prepare("x" * (MIB // 2))] * 2 + [prepare("y")])
    assert str(caught.value) == (
        f"Batch requests cannot be longer than {MIB} bytes. You have sent {MIB + 1} bytes."
    )


def test_a_queues_own_limit_refuses_entries_one_by_one():
    rig = QueueRig(message_bytes_max=KIB)
    messages = [prepare("x" * KIB), prepare("y" * (KIB + 1)), prepare("z")]
    sent = rig.store.write_sync(partial(send_batch, name="orders", messages=messages))

    assert [entry.error is None for entry in sent] == [True, False, True]
    assert str(sent[1].error) == TOO_LONG.format(KIB, KIB + 1)
    assert [body[0] for body in rig.bodies()] == ["x", "z"]


def test_a_queues_own_limit_refuses_a_bulk_send_as_a_whole():
    rig = QueueRig(message_bytes_max=KIB)

    with pytest.raises(MessageRefusedError):
        rig.send("x", "y" * (KIB + 1))
    assert rig.bodies() == []
