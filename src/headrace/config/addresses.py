"""Addresses: how a source is named that is not a resource of the template.

``arn:aws:sqs:REGION:ACCOUNT:NAME`` is the service; ``sqlite:///path/file.db?queue=NAME`` is a queue in a store's
file. Everything else is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.config.suggestions import did_you_mean

_ARN = re.compile(r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9-]+):([a-z0-9-]*):(\d{12})?:(.+)")
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_LENGTH_MAX = 4096
_LATER_SCHEMES = ("amqp", "amqps", "file", "kafka", "nats", "postgresql", "redis", "rediss")
_LATER_SERVICES = {
    "kinesis": "Kinesis streams",
    "dynamodb": "DynamoDB streams",
    "kafka": "Kafka",
    "mq": "Amazon MQ",
    "rds": "DocumentDB",
    "s3": "buckets",
}
_EXAMPLE = "such as sqlite:///absolute/path/shop.db?queue=orders"


class AddressError(ValueError):
    """The text is no address that can be read; the message says what was expected."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class QueueArn:
    """A queue of the service SQS."""

    text: str
    partition: str
    region: str
    account: str
    name: str


@dataclass(frozen=True, slots=True)
class StoreQueue:
    """A queue in the file of an embedded store."""

    text: str
    file: Path
    queue: str


Address = QueueArn | StoreQueue


def parse_address(text: str) -> Address:
    """Return what the address *text* names, or raise `AddressError`."""
    if len(text) > _LENGTH_MAX or not text.isprintable():
        raise AddressError(f"expected an address of at most {_LENGTH_MAX:,} printable characters")
    if text.startswith("arn:"):
        return _parse_arn(text)
    scheme, separator, _ = text.partition(":")
    if scheme == "sqlite" and separator:
        return _parse_sqlite(text)
    if scheme in _LATER_SCHEMES and separator:
        raise AddressError(f"{scheme}: sources come in a later version of Headrace", _EXAMPLE)
    raise AddressError(
        "expected an ARN or an address", did_you_mean(scheme, ["arn", "sqlite"]) or _EXAMPLE
    )


def _parse_arn(text: str) -> QueueArn:
    match = _ARN.fullmatch(text)
    if match is None:
        raise AddressError("expected an ARN", "such as arn:aws:sqs:us-east-1:123456789012:orders")
    partition, service, region, account, name = match.groups()
    if service in _LATER_SERVICES:
        raise AddressError(
            f"{_LATER_SERVICES[service]} as a source come in a later version of Headrace"
        )
    if service != "sqs":
        raise AddressError(
            f"{service} is no source of records", "a queue's ARN begins with arn:aws:sqs:"
        )
    if name.endswith(".fifo"):
        raise AddressError("FIFO queues come in a later version of Headrace")
    if not (region and account and _QUEUE_NAME.fullmatch(name)):
        raise AddressError(
            "expected the ARN of a queue", "such as arn:aws:sqs:us-east-1:123456789012:orders"
        )
    return QueueArn(text, partition, region, account, name)


def _parse_sqlite(text: str) -> StoreQueue:
    try:
        parts = urlsplit(text)
        query = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=8
        )
    except ValueError as error:
        raise AddressError(f"expected an address, {error}", _EXAMPLE) from error
    file = unquote(parts.path)
    if (
        parts.netloc
        or not file.startswith("/")
        or file.endswith("/")
        or not file.isprintable()
        or parts.fragment
    ):
        raise AddressError("expected sqlite:/// and the absolute path of a store's file", _EXAMPLE)
    return StoreQueue(text, Path(file), _queue_of(query))


def _queue_of(query: list[tuple[str, str]]) -> str:
    if [key for key, _ in query] == ["queue"]:
        name = query[0][1]
        if _QUEUE_NAME.fullmatch(name):
            return name
        raise AddressError(
            "expected a queue's name of 1 to 80 letters, digits, hyphens and underscores", _EXAMPLE
        )
    for key, _ in query:
        if key in {"table", "stream"}:
            raise AddressError(
                f"a {key} as a source comes in a later version of Headrace", _EXAMPLE
            )
        if key != "queue":
            raise AddressError(f"unknown part ?{key}=", did_you_mean(key, ["queue"]) or _EXAMPLE)
    raise AddressError("expected one ?queue=NAME", _EXAMPLE)
