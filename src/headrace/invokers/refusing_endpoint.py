"""An AWS endpoint that refuses everything and says why: what a handler under test reaches instead of AWS."""

from __future__ import annotations

import asyncio
import socket
from typing import cast
from xml.sax.saxutils import escape

import httptools
import orjson

CODE = "AccessDeniedException"
MESSAGE = (
    "headrace: the handler reached for AWS, and nothing here lets it. "
    "Pass --aws to give it your credentials, or set AWS_ENDPOINT_URL to an emulator."
)

_MAX_CONNECTIONS = 64


class RefusingEndpoint:
    """Answers every request on a loopback port with 403, in the form that its AWS protocol expects."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self.url = ""

    async def start(self) -> None:
        """Listen; ``url`` is then what ``AWS_ENDPOINT_URL`` holds."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self._connections), sock=listening
        )

    def close(self) -> None:
        """Stop listening and drop every connection. Idempotent."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, connections: set[_Connection]) -> None:
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._speaks_json = False
        self._is_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        if len(self._connections) > _MAX_CONNECTIONS:
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - how it was lost is no matter
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-type":
                self._speaks_json = b"json" in value
            case b"expect":
                self._answer()  # before the body: then it isn't sent

    def on_message_complete(self) -> None:
        self._answer()
        if self._transport is not None:
            self._transport.close()

    def _answer(self) -> None:
        if self._is_answered or self._transport is None:
            return
        self._is_answered = True
        kind, body = ("x-amz-json-1.1", _json()) if self._speaks_json else ("xml", _xml())
        head = (
            f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/{kind}\r\n"
            f"x-amzn-ErrorType: {CODE}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        is_head = self._parser.get_method() == b"HEAD"
        self._transport.write(head.encode() + (b"" if is_head else body))


def _json() -> bytes:
    return orjson.dumps({"__type": CODE, "message": MESSAGE})


def _xml() -> bytes:
    # The query protocol's form; S3's clients read it too.
    message = escape(MESSAGE)
    return (
        f"<ErrorResponse><Error><Code>{CODE}</Code><Message>{message}</Message></Error></ErrorResponse>"
    ).encode()
