"""The Lambda Runtime API for one worker process, on a loopback port of its own.

Theory of operation. A worker asks for the next invocation and waits; `RuntimeApi.deliver` answers it with an event;
the worker posts a response or an error for that request id, and asks again. One invocation at a time: an answer to
anything but the current request id is refused with 400 and changes nothing, so neither a late answer nor another
process can pass for the worker. The connection that asked first stays the only one that may ask while it is open:
another gets 403. Requests of web pages (``Origin``, another ``Host``) are refused.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol, cast

import httptools
import orjson

from headrace.invokers.failures import MAX_RESPONSE_BYTES

_BUFFER_BYTES = 65536
# The runtime client of AWS may send a header of 1 MB with the X-Ray form of an error.
_MAX_HEAD_BYTES = 2_097_152
_MAX_CONNECTIONS = 8
_BACKLOG = 8

_NEXT = b"/2018-06-01/runtime/invocation/next"
_INVOCATION = b"/2018-06-01/runtime/invocation/"
_RESPONSE = b"/response"
_ERROR = b"/error"
_INIT_ERROR = b"/2018-06-01/runtime/init/error"


def _http(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _refusal(status: str, error_type: str, message: str) -> bytes:
    return _http(status, orjson.dumps({"errorMessage": message, "errorType": error_type}))


_ACCEPTED = _http("202 Accepted", b'{"status":"OK"}\n')
_BAD_REQUEST = _refusal("400 Bad Request", "InvalidRequest", "no valid HTTP request")
_BAD_ID = _refusal("400 Bad Request", "InvalidRequestID", "Invalid request ID")
_BAD_STATE = _refusal(
    "403 Forbidden", "InvalidStateTransition", "the current invocation has no answer yet"
)
_NOT_YOURS = _refusal("403 Forbidden", "Forbidden", "this endpoint belongs to one worker")
_NOT_FOUND = _refusal("404 Not Found", "NotFound", "no such resource")
_TOO_LARGE = _refusal(
    "413 Payload Too Large",
    "Function.ResponseSizeTooLarge",
    f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RuntimeListener(Protocol):
    """Hears what a worker's runtime client says."""

    def runtime_ready(self) -> None:
        """It waits for an event."""
        ...

    def runtime_responded(self, payload: bytes) -> None:
        """It answered the current invocation."""
        ...

    def runtime_failed(self, document: bytes, error_type: str) -> None:
        """It reported an error for the current invocation."""
        ...

    def runtime_exceeded(self) -> None:
        """Its answer to the current invocation is longer than Lambda passes on."""
        ...

    def runtime_init_failed(self, document: bytes, error_type: str) -> None:
        """It could not load the handler."""
        ...


class RuntimeApi:
    """Serves one worker. All methods belong to one loop."""

    def __init__(self, listener: RuntimeListener, function_arn: str) -> None:
        self._listener = listener
        self._head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {function_arn}\r\n"
        )
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._owner: _Connection | None = None
        self._waiting: _Connection | None = None
        self._current = b""
        self.address = ""

    async def start(self) -> None:
        """Listen; ``address`` is then what ``AWS_LAMBDA_RUNTIME_API`` holds."""
        listening = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.address = f"127.0.0.1:{listening.getsockname()[1]}"
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, self.address.encode()), sock=listening, backlog=_BACKLOG
        )

    def close(self) -> None:
        """Stop listening and drop every connection. Idempotent."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        self._current = b""

    @property
    def is_waiting(self) -> bool:
        """Whether the worker waits for an event now."""
        return self._waiting is not None

    def deliver(self, event: bytes, request_id: str, *, deadline_ms: int, trace_id: str) -> None:
        """Hand *event* to the worker, which must be waiting (`is_waiting`)."""
        if (waiting := self._waiting) is None:
            raise RuntimeError("the worker does not wait for an event")
        self._waiting = None
        self._current = request_id.encode()
        head = (
            f"{self._head}Lambda-Runtime-Aws-Request-Id: {request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\nLambda-Runtime-Trace-Id: {trace_id}\r\n"
            f"Content-Length: {len(event)}\r\n\r\n"
        )
        waiting.answer_next(head.encode(), event)

    def connected(self, connection: _Connection) -> bool:
        """Count a connection; returns whether it may stay."""
        self._connections.add(connection)
        return len(self._connections) <= _MAX_CONNECTIONS

    def disconnected(self, connection: _Connection) -> None:
        """Forget a connection; another may then ask for events."""
        self._connections.discard(connection)
        if self._owner is connection:
            self._owner = None
        if self._waiting is connection:
            self._waiting = None

    def ask_next(self, connection: _Connection) -> bytes | None:
        """*connection* waits for an event; gives a refusal or None."""
        if self._owner is not None and self._owner is not connection:
            return _NOT_YOURS
        if self._current:
            return _BAD_STATE
        self._owner = self._waiting = connection
        self._listener.runtime_ready()
        return None

    def is_current(self, request_id: bytes) -> bool:
        """Whether an answer for *request_id* is awaited."""
        return bool(self._current) and request_id == self._current

    def answer(self, request_id: bytes, body: bytes, *, is_error: bool, error_type: str) -> bytes:
        """Take an answer for *request_id*; gives the reply to its sender."""
        if not self.is_current(request_id):
            return _BAD_ID
        self._current = b""
        if is_error:
            self._listener.runtime_failed(body, error_type)
        else:
            self._listener.runtime_responded(body)
        return _ACCEPTED

    def exceed(self, request_id: bytes) -> bytes:
        """The answer for *request_id* is too long; gives the reply to its sender."""
        if not self.is_current(request_id):
            return _BAD_ID
        self._current = b""
        self._listener.runtime_exceeded()
        return _TOO_LARGE

    def fail_init(self, connection: _Connection, body: bytes, error_type: str) -> bytes:
        """The handler can't be loaded; gives the reply to its sender."""
        if self._owner is not None and self._owner is not connection:
            return _NOT_YOURS
        self._listener.runtime_init_failed(body, error_type)
        return _ACCEPTED


class _Connection(asyncio.BufferedProtocol):
    """One HTTP/1.1 connection, one request at a time."""

    def __init__(self, api: RuntimeApi, host: bytes) -> None:
        self._api = api
        self._host = host
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._is_waiting = False
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._parts: list[bytes] = []
        self._body_bytes = 0
        self._head_bytes = 0
        self._in_head = True
        self._error_type = ""
        self._reply: bytes | None = None  # set while a body that nobody wants goes by
        self._expects_continue = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._api.connected(self):
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - how it was lost is no matter
        self._api.disconnected(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        if self._is_waiting:
            self.abort()  # it asked for an event and did not wait for it
            return
        if self._in_head:
            self._head_bytes += count
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.abort()
                return
        try:
            self._parser.feed_data(self._buffer[:count])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(_BAD_REQUEST)

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def answer_next(self, head: bytes, event: bytes) -> None:
        """Answer the request for the next invocation."""
        self._is_waiting = False
        self._write(head + event)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _end(self, reply: bytes) -> None:
        self._write(reply)
        if self._transport is not None:
            self._transport.close()

    def on_message_begin(self) -> None:
        """A request begins: none may while another is unanswered."""
        if self._is_waiting:
            self.abort()

    def on_url(self, url: bytes) -> None:
        """Part of the path."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; most mean nothing here."""
        match name.lower():
            case b"host":
                if value != self._host:
                    self._reply = _NOT_YOURS
            case b"origin" | b"sec-fetch-site":
                self._reply = _NOT_YOURS
            case b"lambda-runtime-function-error-type":
                self._error_type = value.decode("latin-1")
            case b"content-length":
                # Leading zeros and plus signs are the parser's business.
                self._body_bytes = int(value)
            case b"expect":
                self._expects_continue = True

    def on_headers_complete(self) -> None:
        """The head is there: refuse early what will be refused."""
        self._in_head = False
        announced, self._body_bytes = self._body_bytes, 0
        if announced > MAX_RESPONSE_BYTES:
            self._refuse_long()
        elif self._expects_continue and self._reply is None:
            self._write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Part of the body; what is too much is not kept."""
        if self._reply is not None:
            return
        self._body_bytes += len(body)
        if self._body_bytes > MAX_RESPONSE_BYTES:
            self._refuse_long()
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        reply = self._reply if self._reply is not None else self._obey()
        keep_alive = self._parser.should_keep_alive()
        self._begin()
        if reply is None:
            return
        if keep_alive:
            self._write(reply)
        else:
            self._end(reply)

    def _refuse_long(self) -> None:
        if self._reply is None:
            self._parts.clear()
            request_id, _ = _split(self._url)
            self._reply = self._api.exceed(request_id) if request_id else _TOO_LARGE

    def _obey(self) -> bytes | None:
        method = self._parser.get_method()
        if method == b"GET" and self._url == _NEXT:
            self._is_waiting = True
            refusal = self._api.ask_next(self)
            if refusal is not None:
                self._is_waiting = False
            return refusal
        if method != b"POST":
            return _NOT_FOUND
        body = b"".join(self._parts)
        request_id, kind = _split(self._url)
        if request_id:
            return self._api.answer(
                request_id, body, is_error=kind == _ERROR, error_type=self._error_type
            )
        if self._url == _INIT_ERROR:
            return self._api.fail_init(self, body, self._error_type)
        return _NOT_FOUND


def _split(url: bytes) -> tuple[bytes, bytes]:
    """The request id and kind of an answer's path; nothing if it is another path."""
    if url.startswith(_INVOCATION):
        for kind in (_RESPONSE, _ERROR):
            if url.endswith(kind):
                return url[len(_INVOCATION) : -len(kind)], kind
    return b"", b""
