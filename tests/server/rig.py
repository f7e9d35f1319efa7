"""A board with mappings on it, and raw requests to a status server."""

from __future__ import annotations

import random
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from headrace.abc import Invoker, QueueSource
from headrace.aio.clock import SystemClock
from headrace.engine.mapping_runner import MappingRunner
from headrace.engine.slots import SlotPool
from headrace.model.mapping import MappingId, MappingState, QueueMapping
from headrace.model.queue import QueueAttributes
from headrace.server.board import Board, Phase
from headrace.server.status import StatusServer, parse_address


@dataclass
class NamedSource:
    """A source that is only looked at."""

    name: str = "orders"


def mapping_runner(name: str = "ProcessNew", queue: str = "orders") -> MappingRunner:
    return MappingRunner(
        mapping=QueueMapping(MappingId(name), function="Process", source=queue),
        source=cast("QueueSource", NamedSource(queue)),
        invoker=cast("Invoker", None),
        slots=SlotPool(1),
        clock=SystemClock(),
        chance=random.Random(1),
        state=MappingState.ENABLED,
    )


def board(*runners: MappingRunner, phase: Phase = Phase.RUNNING) -> Board:
    """A board of a run that goes well, as an engine's loop would have left it."""
    runners = runners or (mapping_runner(),)
    backlog = {
        each.mapping.mapping_id: QueueAttributes(5, 2, 1, age_of_oldest_seconds=12.5)
        for each in runners
    }
    return Board(runners, backlog, phase, ticked_at=float("inf"))


@contextmanager
def serving(shown: Board | None = None, address: str = "127.0.0.1:0"):
    with StatusServer(shown or board(), parse_address(address)) as server:
        yield server


def ask(
    server: StatusServer, request: bytes, *, host: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Send raw bytes; returns status, headers and body. Without an answer the status is 0."""
    with socket.create_connection((host or server.host, server.port), timeout=5) as client:
        client.sendall(request)
        answer = b""
        while chunk := _received(client):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    status = int(first.split(" ")[1]) if first else 0
    return status, {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, body


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(65_536)
    except ConnectionError:
        return b""


def get(
    server: StatusServer, path: str, *headers: str, method: str = "GET", host: str | None = None
):
    """One well-formed request; *host* None: the server's own."""
    named = f"{server.host}:{server.port}" if host is None else host
    lines = [f"{method} {path} HTTP/1.1", f"Host: {named}", *headers, "", ""]
    return ask(server, "\r\n".join(lines).encode("latin-1"))
