"""A record of a queue as Lambda hands it over, byte for byte in its shape and key order (semantics B.2).

Shared by every source whose records look like SQS's: the embedded store, the queue in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from headrace.model.function import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Callable


def queue_arn(name: str, region: str = REGION) -> str:
    """The ARN of a queue that is not in AWS."""
    return f"arn:aws:sqs:{region}:{ACCOUNT_ID}:{name}"


class RecordTemplate(NamedTuple):
    """A record of one queue, to be filled with ``%``.

    The values, in order: message id, receipt handle, body as JSON, receive count (of this receive), when it was sent and
    when first received (milliseconds since the epoch), the part on attributes, MD5 of the body.
    """

    text: bytes
    no_attributes: bytes
    """The part on attributes for a message that has none."""


def record_template(
    arn: str,
    region: str = REGION,
    *,
    handle: bytes = b"%b",
    null_attribute_digest: bool = False,
) -> RecordTemplate:
    """The template for records of the queue *arn*; *handle* is how a receipt handle is written.

    With *null_attribute_digest*, which is for a mapping with a batching window, ``md5OfMessageAttributes``
    is null for messages without attributes, else absent (recorded so on AWS, semantics J21).
    """
    tail = f'"eventSource":"aws:sqs","eventSourceARN":"{arn}","awsRegion":"{region}"}}'.encode()
    text = (
        b'{"messageId":"%b","receiptHandle":"' + handle + b'","body":%b,'
        b'"attributes":{"ApproximateReceiveCount":"%d","SentTimestamp":"%d","SenderId":"'
        + ACCOUNT_ID.encode()
        + b'",'
        b'"ApproximateFirstReceiveTimestamp":"%d"},"messageAttributes":%b"md5OfBody":"%b",' + tail
    )
    plain = b'{},"md5OfMessageAttributes":null,' if null_attribute_digest else b"{},"
    return RecordTemplate(text, plain)


def attributes_part(attributes: str, digest: str | None) -> bytes:
    """What stands in a record for ``messageAttributes`` (given as JSON) and their MD5."""
    return f'{attributes},"md5OfMessageAttributes":"{digest}",'.encode()


def record_encoder(arn: str, region: str = REGION) -> Callable[..., bytes]:
    """A function that encodes one record of the queue *arn*.

    Its arguments, in order: message id, receipt handle, body, receive count (of this receive), when it was sent and
    when first received (milliseconds since the epoch), MD5 of the body, ``messageAttributes`` as JSON or None, and
    their MD5.
    """
    template, plain = record_template(arn, region)

    def encode(  # noqa: PLR0917 - called once a record, where keywords would cost a tenth
        message_id: str,
        handle: str,
        body: str,
        count: int,
        sent_ms: int,
        first_ms: int,
        md5: str,
        attributes: str | None,
        digest: str | None,
    ) -> bytes:
        described = plain if attributes is None else attributes_part(attributes, digest)
        return template % (
            message_id.encode(), handle.encode(), orjson.dumps(body), count, sent_ms, first_ms, described, md5.encode(),
        )  # fmt: skip

    return encode
