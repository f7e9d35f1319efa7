"""Addresses: a service's ARN, a queue in a store's file; anything else is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config.addresses import AddressError, QueueArn, StoreQueue, parse_address


def test_an_arn_of_a_queue_is_taken_apart():
    text = "arn:aws-cn:sqs:cn-north-1:123456789012:orders_2-x"

    assert parse_address(text) == QueueArn(
        text, "aws-cn", "cn-north-1", "123456789012", "orders_2-x"
    )


@pytest.mark.parametrize(
    ("text", "file", "queue"),
    [
        ("sqlite:///data/shop.db?queue=orders", "/data/shop.db", "orders"),
        ("sqlite:////data/shop.db?queue=orders", "//data/shop.db", "orders"),
        ("sqlite:///my%20data/sh%C3%B6p.db?queue=a-b_c", "/my data/shöp.db", "a-b_c"),
        ("sqlite:///data/../shop.db?queue=o%72ders", "/data/../shop.db", "orders"),
    ],
)
def test_a_queue_in_a_file_is_taken_apart(text, file, queue):
    assert parse_address(text) == StoreQueue(text, Path(file), queue)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected an ARN or an address"),
        ("orders", "expected an ARN or an address"),
        ("ftp://host/x", "expected an ARN or an address"),
        ("arn", "expected an ARN or an address"),
        ("sqlite", "expected an ARN or an address"),
        ("arn:aws:sqs", "expected an ARN"),
        ("arn:aws:sqs:us-east-1:123:orders", "expected an ARN"),
        ("arn:aws:sqs:us-east-1::orders", "expected the ARN of a queue"),
        ("arn:aws:sqs::123456789012:orders", "expected the ARN of a queue"),
        ("arn:aws:sqs:us-east-1:123456789012:a b", "expected the ARN of a queue"),
        (
            "arn:aws:sqs:us-east-1:123456789012:orders.fifo",
            "FIFO queues come in a later version of Headrace",
        ),
        ("arn:aws:sns:us-east-1:123456789012:topic", "sns is no source of records"),
        (
            "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            "Kinesis streams as a source come in a later version of Headrace",
        ),
        (
            "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1",
            "DynamoDB streams as a source come in a later version of Headrace",
        ),
        ("kafka://broker?topic=t", "kafka: sources come in a later version of Headrace"),
        ("file:///some/directory", "file: sources come in a later version of Headrace"),
        (
            "sqlite:shop.db?queue=orders",
            "expected sqlite:/// and the absolute path of a store's file",
        ),
        (
            "sqlite://shop.db?queue=orders",
            "expected sqlite:/// and the absolute path of a store's file",
        ),
        (
            "sqlite://host/shop.db?queue=orders",
            "expected sqlite:/// and the absolute path of a store's file",
        ),
        (
            "sqlite:///data/?queue=orders",
            "expected sqlite:/// and the absolute path of a store's file",
        ),
        (
            "sqlite:///a%00b?queue=orders",
            "expected sqlite:/// and the absolute path of a store's file",
        ),
        (
            "sqlite:///a?queue=orders#x",
            "expected sqlite:/// and the absolute path of a store's file",
        ),
        ("sqlite:///a", "expected one ?queue=NAME"),
        ("sqlite:///a?queue=x&queue=y", "expected one ?queue=NAME"),
        (
            "sqlite:///a?queue=",
            "expected a queue's name of 1 to 80 letters, digits, hyphens and underscores",
        ),
        (
            "sqlite:///a?queue=x.fifo",
            "expected a queue's name of 1 to 80 letters, digits, hyphens and underscores",
        ),
        ("sqlite:///a?table=x", "a table as a source comes in a later version of Headrace"),
        ("sqlite:///a?stream=x", "a stream as a source comes in a later version of Headrace"),
        ("sqlite:///a?qeue=x", "unknown part ?qeue="),
        ("sqlite:///a?queue=x&mode=ro", "unknown part ?mode="),
        ("sqlite:///a?queue", "expected an address, bad query field: 'queue'"),
        (
            "sqlite:///a?" + "&".join(["queue=x"] * 20),
            "expected an address, Max number of fields exceeded",
        ),
        ("sqlite://[x/a?queue=b", "expected an address, Invalid IPv6 URL"),
        ("sqlite:///a\n?queue=x", "expected an address of at most 4,096 printable characters"),
        ("sqlite:///" + "a" * 4096, "expected an address of at most 4,096 printable characters"),
    ],
)
def test_what_can_not_be_read_is_refused_by_name(text, message):
    with pytest.raises(AddressError) as caught:
        parse_address(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("sqlte:///a?queue=b", "did you mean sqlite?"),
        ("orders", "such as sqlite:///absolute/path/shop.db?queue=orders"),
        ("sqlite:///a?qeue=x", "did you mean queue?"),
    ],
)
def test_a_refusal_says_what_to_write(text, suggestion):
    with pytest.raises(AddressError) as caught:
        parse_address(text)

    assert caught.value.suggestion == suggestion


@given(st.text())
def test_whatever_is_written_is_an_address_or_refused(text):
    for candidate in (text, f"arn:{text}", f"sqlite:{text}", f"sqlite:///{text}?queue=x"):
        try:
            assert parse_address(candidate).text == candidate
        except AddressError:
            continue
