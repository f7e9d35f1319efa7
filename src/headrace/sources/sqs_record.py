"""A record of a queue as Lambda hands it over, byte for byte in its shape and key order (semantics B.2).

Shared by every source whose records look like SQS's: the embedded store, the queue in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from headrace.model.function import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Callable


def queue_arn(name: str, region: str = REGION) -> str:
    """The ARN of a queue that is not in AWS."""
    return f"arn:aws:sqs:{region}:{ACCOUNT_ID}:{name}"


def record_encoder(
    arn: str, region: str = REGION, *, null_attribute_digest: bool = False
) -> Callable[..., bytes]:
    """A function that encodes one record of the queue *arn*.

    Its arguments, in order: message id, receipt handle, body, receive count (of this receive), when it was sent and
    when first received (milliseconds since the epoch), MD5 of the body, ``messageAttributes`` as JSON or None, and
    their MD5. With *null_attribute_digest*, which is for a mapping with a batching window, ``md5OfMessageAttributes``
    is null for messages without attributes, else absent (recorded so on AWS, semantics J21).
    """
    tail = f'"eventSource":"aws:sqs","eventSourceARN":"{arn}","awsRegion":"{region}"}}'.encode()
    plain = b'{},"md5OfMessageAttributes":null,' if null_attribute_digest else b"{},"
    # A template, filled once a record: this is the hottest line of a source.
    template = (
        b'{"messageId":"%b","receiptHandle":"%b","body":%b,"attributes":{"ApproximateReceiveCount":"%d",'
        b'"SentTimestamp":"%d","SenderId":"' + ACCOUNT_ID.encode() + b'",'
        b'"ApproximateFirstReceiveTimestamp":"%d"},"messageAttributes":%b"md5OfBody":"%b",' + tail
    )

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
        described = plain
        if attributes is not None:
            described = f'{attributes},"md5OfMessageAttributes":"{digest}",'.encode()
        return template % (
            message_id.encode(), handle.encode(), orjson.dumps(body), count, sent_ms, first_ms, described, md5.encode(),
        )  # fmt: skip

    return encode
