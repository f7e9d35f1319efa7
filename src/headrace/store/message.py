"""A message before it is sent: SQS's limits, and what is computed once for all receives."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import orjson

from headrace.errors import MessageRefusedError

BATCH_ENTRIES_MAX = 10
BYTES_MAX = 1_048_576
DELAY_SECONDS_MAX = 900
ATTRIBUTES_MAX = 10

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\.[^\x00-\x1f\x7f]{1,249})?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?")
_CHARACTERS = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"


class MessageAttribute(NamedTuple):
    """A message attribute in SQS's terms: ``String``, ``Number`` or ``Binary``, perhaps with ``.suffix``."""

    data_type: str
    value: str | bytes


Attributes: TypeAlias = Mapping[str, MessageAttribute | str | int | float | bytes]
"""Message attributes by name; a plain value means String, Number or Binary by its own type."""


class Prepared(NamedTuple):
    """A message that keeps every limit that does not depend on its queue."""

    body: str
    md5_of_body: str
    attributes: str | None
    """``messageAttributes`` as they stand in the record, in JSON."""
    md5_of_attributes: str | None
    size_bytes: int
    delay_seconds: int | None


def prepare(
    body: str, *, delay_seconds: int | None = None, attributes: Attributes | None = None
) -> Prepared:
    """Check a message and compute its digests. Raises `MessageRefusedError` in SQS's words."""
    encoded = _encoded_body(body)
    _check_delay(delay_seconds)
    size = len(encoded)
    rendered = digest = None
    if attributes:
        typed = {name: _typed(name, value) for name, value in attributes.items()}
        size += _check_attributes(typed)
        rendered, digest = _rendered(typed), md5_of_attributes(typed)
    check_size(size, BYTES_MAX)
    md5 = hashlib.md5(encoded, usedforsecurity=False).hexdigest()
    return Prepared(body, md5, rendered, digest, size, delay_seconds)


def check_size(size: int, size_max: int) -> None:
    """Raise `MessageRefusedError` if a message of *size* bytes is larger than its queue takes."""
    if size > size_max:
        raise MessageRefusedError(
            f"One or more parameters are invalid. Reason: Message must be shorter than {size_max} bytes (it has {size})."
        )


def check_batch(messages: Sequence[Prepared]) -> None:
    """Raise `MessageRefusedError` for a batch that SQS would not take as a whole."""
    if not messages:
        raise MessageRefusedError(
            "There should be at least one SendMessageBatchRequestEntry in the request."
        )
    if len(messages) > BATCH_ENTRIES_MAX:
        raise MessageRefusedError(
            f"Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {len(messages)}."
        )
    size = sum(message.size_bytes for message in messages)
    if size > BYTES_MAX:
        raise MessageRefusedError(
            f"Batch requests cannot be longer than {BYTES_MAX} bytes. You have sent {size} bytes."
        )


def md5_of_attributes(attributes: Mapping[str, MessageAttribute]) -> str:
    """SQS's digest: names in order, each part with its length, types marked 1 (text) or 2 (bytes)."""
    # AWS: SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        data_type, value = attributes[name]
        for part in (name.encode(), data_type.encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        encoded = value.encode() if isinstance(value, str) else value
        digest.update(b"\1" if isinstance(value, str) else b"\2")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()


def _encoded_body(body: str) -> bytes:
    if not isinstance(body, str):
        raise MessageRefusedError(f"a message body is a str, not {type(body).__name__}")
    if not body:
        raise MessageRefusedError("The request must contain the parameter MessageBody.")
    if not body.isascii() or not body.isprintable():
        _check_characters(body, "the body")
    return body.encode()


def _check_characters(text: str, where: str) -> None:
    if (found := _FORBIDDEN.search(text)) is not None:
        raise MessageRefusedError(
            f"Invalid characters found. Valid unicode characters are {_CHARACTERS} "
            f"(found #x{ord(found[0]):X} at {found.start()} of {where})."
        )


def _check_delay(delay_seconds: int | None) -> None:
    if delay_seconds is None:
        return
    if type(delay_seconds) is not int or not 0 <= delay_seconds <= DELAY_SECONDS_MAX:
        raise MessageRefusedError(
            f"Value {delay_seconds} for parameter DelaySeconds is invalid. "
            f"Reason: DelaySeconds must be >= 0 and <= {DELAY_SECONDS_MAX}."
        )


def _typed(name: str, value: MessageAttribute | str | float | bytes) -> MessageAttribute:
    match value:
        case MessageAttribute():
            return value
        case bool():
            raise MessageRefusedError(
                f"The message attribute '{name}' is a bool: give a str or a number."
            )
        case str():
            return MessageAttribute("String", value)
        case int() | float():
            return MessageAttribute("Number", repr(value))
        case bytes():
            return MessageAttribute("Binary", value)
        case _:
            raise MessageRefusedError(
                f"The message attribute '{name}' is of type {type(value).__name__}: give a str, number or bytes."
            )


def _check_attributes(attributes: Mapping[str, MessageAttribute]) -> int:
    if len(attributes) > ATTRIBUTES_MAX:
        raise MessageRefusedError(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )
    return sum(_check_attribute(name, attribute) for name, attribute in attributes.items())


def _check_attribute(name: str, attribute: MessageAttribute) -> int:
    """Check one attribute; returns the bytes that it counts for: name, type and value."""
    if not _ATTRIBUTE_NAME.fullmatch(name):
        raise MessageRefusedError(
            f"The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), "
            "hyphen (-), and period (.) characters, up to 256, and not start or end with a period."
        )
    if name.lower().startswith(("aws.", "amazon.")):
        raise MessageRefusedError(
            f"The message attribute name '{name}' starts with the reserved prefix 'AWS.' or 'Amazon.'."
        )
    kind = _ATTRIBUTE_TYPE.fullmatch(attribute.data_type)
    if kind is None:
        raise MessageRefusedError(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String."
        )
    encoded = _encoded_value(name, kind[1], attribute.value)
    return len(name.encode()) + len(attribute.data_type.encode()) + len(encoded)


def _encoded_value(name: str, kind: str, value: str | bytes) -> bytes:
    if (kind == "Binary") != isinstance(value, bytes):
        needed = "bytes" if kind == "Binary" else "a str"
        raise MessageRefusedError(
            f"The message attribute '{name}' of type '{kind}' must have {needed} as its value."
        )
    if not value:
        raise MessageRefusedError(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
        )
    if isinstance(value, bytes):
        return value
    _check_characters(value, f"the message attribute '{name}'")
    if kind == "Number" and not _NUMBER.fullmatch(value):
        raise MessageRefusedError(
            f"Can't cast the value of message (user) attribute '{name}' to a number."
        )
    return value.encode()


def _rendered(attributes: Mapping[str, MessageAttribute]) -> str:
    return orjson.dumps(
        {name: _shape(attribute) for name, attribute in attributes.items()}
    ).decode()


def _shape(attribute: MessageAttribute) -> dict[str, object]:
    # Key order as in Lambda's SQS event.
    if isinstance(attribute.value, bytes):
        value: dict[str, object] = {"binaryValue": base64.b64encode(attribute.value).decode()}
    else:
        value = {"stringValue": attribute.value}
    return {
        **value,
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": attribute.data_type,
    }
