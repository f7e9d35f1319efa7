"""Serve ``/healthz``, ``/readyz`` and ``/metrics`` of a running engine.

Theory of operation. A thread with an event loop of its own listens, so that neither a scrape nor a slow client delays the engine's
loop, and a stuck engine can still be told from a dead one: health is whether that loop moved lately. A
client has `REQUEST_SECONDS` from its connect to the end of its headers and of our answer; at most `CONNECTIONS_MAX` are
open, and a newcomer beyond pushes out the one that has been there longest, so slow clients can't shut out a probe. Each
connection carries one request. Only GET and HEAD are answered; nothing can be changed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import socket
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from headrace.errors import ConfigurationError, Problem
from headrace.server.board import Board
from headrace.server.metrics import CONTENT_TYPE, Exposition
from headrace.server.requests import RequestReader, allowed_hosts, refusal

if TYPE_CHECKING:
    from types import TracebackType

    from headrace.server.requests import Request

REQUEST_SECONDS = 5.0
CONNECTIONS_MAX = 64
CLOSE_SECONDS = 2.0
HOST_DEFAULT = "127.0.0.1"
_PORT_MAX = 65_535
_LAST_TURNS = 5
_logger = logging.getLogger("headrace.server")
_HEADERS = (
    "Connection: close",
    "Cache-Control: no-store",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
)


class StatusAddress(NamedTuple):
    """Where the status is served."""

    host: str
    port: int


def parse_address(text: str) -> StatusAddress:
    """Read ``HOST:PORT``, ``:PORT`` or ``PORT``; without a host it is 127.0.0.1. Raises `ConfigurationError`."""
    host, _, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise _wrong(text, "write an IPv6 address in brackets, such as [::1]:9090")
    if not (port.isascii() and port.isdigit()) or int(port) > _PORT_MAX:
        raise _wrong(text, "such as 127.0.0.1:9090, or 0 for a port that is free")
    return StatusAddress(host or HOST_DEFAULT, int(port))


def _wrong(text: str, suggestion: str) -> ConfigurationError:
    return ConfigurationError(
        [Problem("--status", f"expected HOST:PORT or PORT, got {text!r}", suggestion)]
    )


class StatusServer:
    """Serves *board* at *address* from `start` until `close`. Used by one thread, and serving in another."""

    def __init__(self, board: Board, address: StatusAddress) -> None:
        """Bind the address; raises `ConfigurationError` where that can't be."""
        self.board = board
        self._socket = _bound(address)
        bound = self._socket.getsockname()
        self.host, self.port = str(bound[0]), int(bound[1])
        self.hosts = allowed_hosts(self.host, self.port, named=address.host)
        self.exposition = Exposition(board)
        self.connections: dict[_Connection, None] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines may reach it."""
        return not ipaddress.ip_address(self.host).is_loopback

    def start(self) -> None:
        """Serve, in a thread of its own."""
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(started,), name="headrace status", daemon=True
        )
        self._thread.start()
        started.wait()

    def close(self) -> None:
        """End, with what is being answered given up. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None and self._closing is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._closing.set)
            thread.join(CLOSE_SECONDS)
        self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def make_room(self) -> None:
        """Push out the oldest connections where there are too many."""
        while len(self.connections) >= CONNECTIONS_MAX:
            next(iter(self.connections)).give_up()

    def _serve(self, started: threading.Event) -> None:
        asyncio.run(self._serve_until_closed(started))

    async def _serve_until_closed(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        try:
            server = await self._loop.create_server(lambda: _Connection(self), sock=self._socket)
        finally:
            started.set()
        await self._closing.wait()
        # asyncio loses a connection that it has accepted when the server is closed before it could attach it: so accept
        # no more, let those of the last moment attach (which takes turns of the loop), end them, and close then.
        self._loop.remove_reader(self._socket.fileno())
        for _ in range(_LAST_TURNS):
            for connection in list(self.connections):
                connection.give_up()
            await asyncio.sleep(0)
        server.close()


def _bound(address: StatusAddress) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(place)
            found.listen(CONNECTIONS_MAX)
        except OSError:
            found.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            [
                Problem(
                    "--status",
                    f"can't listen at {address.host}:{address.port}: {reason}",
                    "give another port, or 0 for one that is free",
                )
            ]
        ) from error
    return found


class _Connection(asyncio.Protocol):
    """One client and its one request."""

    def __init__(self, server: StatusServer) -> None:
        self._server = server
        self._reader = RequestReader()
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle
        self._is_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.make_room()
        self._server.connections[self] = None
        self._deadline = asyncio.get_running_loop().call_later(REQUEST_SECONDS, self.give_up)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._forget()

    def data_received(self, data: bytes) -> None:
        if self._is_answered:
            return
        unreadable = self._reader.feed(data)
        if unreadable is not None:
            self._answer(unreadable, self._reader.request)
        elif self._reader.request.is_complete:
            request = self._reader.request
            refused = refusal(request, hosts=self._server.hosts)
            self._answer(refused or HTTPStatus.OK, request)

    def give_up(self) -> None:
        """End at once."""
        self._forget()
        self._transport.abort()

    def _forget(self) -> None:
        self._server.connections.pop(self, None)
        self._deadline.cancel()

    def _answer(self, status: HTTPStatus, request: Request) -> None:
        self._is_answered = True
        content_type, body = "text/plain; charset=utf-8", f"{status.phrase}\n".encode()
        if status is HTTPStatus.OK:
            status, content_type, body = self._page(request.target)
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            *_HEADERS,
        ]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            lines.append("Allow: GET, HEAD")
        head = "\r\n".join([*lines, "", ""]).encode()
        self._transport.write(head if request.method == b"HEAD" else head + body)
        self._transport.close()

    def _page(self, target: bytes) -> tuple[HTTPStatus, str, bytes]:
        board, now = self._server.board, asyncio.get_running_loop().time()
        match target.partition(b"?")[0]:
            case b"/healthz":
                return _verdict(board.is_alive(now), board)
            case b"/readyz":
                return _verdict(board.is_ready(now), board)
            case b"/metrics":
                return self._metrics()
            case _:
                body = b"Not Found: there is /healthz, /readyz and /metrics\n"
                return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", body

    def _metrics(self) -> tuple[HTTPStatus, str, bytes]:
        try:
            return HTTPStatus.OK, CONTENT_TYPE, self._server.exposition.text()
        except Exception:
            # One of the three places that catch every exception: a mistake in a figure must not end the server.
            _logger.exception("the metrics could not be read; the next scrape tries again")
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", b""


def _verdict(is_good: bool, board: Board) -> tuple[HTTPStatus, str, bytes]:  # noqa: FBT001
    status = HTTPStatus.OK if is_good else HTTPStatus.SERVICE_UNAVAILABLE
    shown = {
        "status": "ok" if is_good else "unavailable",
        "phase": board.phase.value,
        "mappings": {runner.mapping.mapping_id: runner.state.value for runner in board.runners},
    }
    return status, "application/json", json.dumps(shown).encode() + b"\n"
