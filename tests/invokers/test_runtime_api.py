"""The Runtime API endpoint of one worker: what it answers, to whom, and what it refuses."""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

import pytest

from headrace.invokers.runtime_api import RuntimeApi
from tests.invokers.rig import PATIENCE, run, until

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
PREFIX = "/2018-06-01/runtime/"


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.said: list[tuple[object, ...]] = []

    def runtime_ready(self):
        self.said.append(("ready",))

    def runtime_responded(self, payload):
        self.said.append(("responded", payload))

    def runtime_failed(self, document, error_type):
        self.said.append(("failed", document, error_type))

    def runtime_exceeded(self):
        self.said.append(("exceeded",))

    def runtime_init_failed(self, document, error_type):
        self.said.append(("init failed", document, error_type))


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A raw HTTP client, so that requests may be as odd as they like."""

    def __init__(self, reader, writer, host):
        self.reader = reader
        self.writer = writer
        self.host = host

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def ask_next(self, extra="") -> None:
        await self.send(
            f"GET {PREFIX}invocation/next HTTP/1.1\r\nHost: {self.host}\r\n{extra}\r\n".encode()
        )

    async def post(self, path: str, body: bytes = b"", extra="") -> Reply:
        head = f"POST {PREFIX}{path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        await self.send(head.encode() + body)
        return await self.reply()

    async def reply(self) -> Reply:
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Reply(int(first.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                return not await self.reader.read()
            return True


class Endpoint:
    """A started `RuntimeApi` and clients for it."""

    def __init__(self):
        self.heard = Heard()
        self.api = RuntimeApi(self.heard, ARN)
        self.clients: list[Client] = []

    @property
    def said(self):
        return [each for each in self.heard.said if each != ("ready",)]

    async def client(self) -> Client:
        host, port = self.api.address.split(":")
        client = Client(*await asyncio.open_connection(host, int(port)), self.api.address)
        self.clients.append(client)
        return client

    async def waiting(self) -> Client:
        """A client that waits for an event, as a worker does."""
        client = await self.client()
        await client.ask_next()
        await until(lambda: self.api.is_waiting)
        return client

    async def working(self, request_id="id-1", event=b"{}") -> Client:
        """A client that has an event."""
        client = await self.waiting()
        self.deliver(request_id, event)
        assert (await client.reply()).body == event
        return client

    def deliver(self, request_id, event=b"{}"):
        self.api.deliver(event, request_id, deadline_ms=1234, trace_id="Root=1")


def with_endpoint(body):
    async def whole():
        endpoint = Endpoint()
        await endpoint.api.start()
        try:
            return await body(endpoint)
        finally:
            endpoint.api.close()
            for client in endpoint.clients:
                client.writer.close()
            await asyncio.sleep(0)

    return run(whole)


def test_an_event_comes_with_lambda_s_headers():
    async def body(endpoint):
        client = await endpoint.waiting()
        endpoint.deliver("id-1", b'{"a": 1}')
        return await client.reply()

    reply = with_endpoint(body)

    assert reply.status == 200
    assert reply.body == b'{"a": 1}'
    assert reply.headers == {
        "content-type": "application/json",
        "content-length": "8",
        "lambda-runtime-aws-request-id": "id-1",
        "lambda-runtime-deadline-ms": "1234",
        "lambda-runtime-invoked-function-arn": ARN,
        "lambda-runtime-trace-id": "root=1",
    }


@pytest.mark.parametrize("size", [0, 1, 70_000, 6_000_000])
def test_events_and_responses_of_every_size_pass(size):
    async def body(endpoint):
        client = await endpoint.working(event=b"e" * size)
        reply = await client.post("invocation/id-1/response", b"r" * size)
        return reply.status, endpoint.said

    assert with_endpoint(body) == (202, [("responded", b"r" * size)])


def test_an_error_is_passed_on_with_its_type():
    async def body(endpoint):
        client = await endpoint.working()
        extra = "Lambda-Runtime-Function-Error-Type: Runtime.Odd\r\n"
        reply = await client.post("invocation/id-1/error", b'{"errorMessage":"x"}', extra)
        return reply.status, endpoint.said

    assert with_endpoint(body) == (
        202,
        [("failed", b'{"errorMessage":"x"}', "Runtime.Odd")],
    )


def test_a_header_of_a_megabyte_is_taken():
    """The X-Ray form of an error, as AWS's client sends it."""

    async def body(endpoint):
        client = await endpoint.working()
        extra = f"Lambda-Runtime-Function-XRay-Error-Cause: {'x' * 1_048_000}\r\n"
        return (await client.post("invocation/id-1/error", b"{}", extra)).status

    assert with_endpoint(body) == 202


def test_a_head_without_end_is_cut_off():
    async def body(endpoint):
        client = await endpoint.working()
        await client.send(f"POST {PREFIX}invocation/id-1/error HTTP/1.1\r\n".encode())
        for _ in range(40):
            await client.send(b"X-More: " + b"x" * 65_000 + b"\r\n")
        return await client.is_closed(), endpoint.said

    assert with_endpoint(body) == (True, [])


def test_an_init_error_is_passed_on():
    async def body(endpoint):
        client = await endpoint.client()
        extra = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n"
        reply = await client.post("init/error", b"{}", extra)
        return reply.status, endpoint.said

    assert with_endpoint(body) == (202, [("init failed", b"{}", "Runtime.ImportModuleError")])


@pytest.mark.parametrize("size", [6_291_557, 20_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_response_that_is_too_long_is_refused_and_forgotten(size, is_chunked):
    async def body(endpoint):
        client = await endpoint.working()
        if is_chunked:
            head = (
                f"POST {PREFIX}invocation/id-1/response HTTP/1.1\r\nHost: {client.host}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"
            )
            await client.send(f"{head}{size:x}\r\n".encode() + b"x" * size + b"\r\n0\r\n\r\n")
            reply = await client.reply()
        else:
            reply = await client.post("invocation/id-1/response", b"x" * size)
        again = await client.post("invocation/id-1/response", b"short")
        return reply.status, again.status, endpoint.said

    assert with_endpoint(body) == (413, 400, [("exceeded",)])


def test_the_longest_response_is_taken():
    async def body(endpoint):
        client = await endpoint.working()
        return (await client.post("invocation/id-1/response", b"x" * 6_291_556)).status

    assert with_endpoint(body) == 202


@pytest.mark.parametrize("kind", ["response", "error"])
@pytest.mark.parametrize("request_id", ["id-0", "id-", "id-11", "../id-1", "ID-1", "%69d-1", ""])
def test_an_answer_to_another_request_is_refused(request_id, kind):
    """S19: request ids can't be guessed, and only the current one counts."""

    async def body(endpoint):
        worker = await endpoint.working("id-1")
        other = await endpoint.client()
        forged = await other.post(f"invocation/{request_id}/{kind}", b"forged")
        real = await worker.post("invocation/id-1/response", b"real")
        return forged.status, real.status, endpoint.said

    forged, real, said = with_endpoint(body)

    assert forged in (400, 404)
    assert (real, said) == (202, [("responded", b"real")])


def test_an_answer_counts_once():
    async def body(endpoint):
        client = await endpoint.working("id-1")
        statuses = [
            (await client.post("invocation/id-1/response", b"first")).status,
            (await client.post("invocation/id-1/response", b"second")).status,
            (await client.post("invocation/id-1/error", b"third")).status,
        ]
        return statuses, endpoint.said

    assert with_endpoint(body) == ([202, 400, 400], [("responded", b"first")])


def test_a_late_answer_is_not_taken_for_the_current_one():
    async def body(endpoint):
        client = await endpoint.working("id-1")
        await client.post("invocation/id-1/response", b"1")
        await client.ask_next()
        await until(lambda: endpoint.api.is_waiting)
        endpoint.deliver("id-2")
        await client.reply()
        late = await client.post("invocation/id-1/response", b"late")
        real = await client.post("invocation/id-2/response", b"2")
        return late.status, real.status, endpoint.said

    assert with_endpoint(body) == (400, 202, [("responded", b"1"), ("responded", b"2")])


def test_nobody_else_may_ask_for_events_while_the_worker_is_connected():
    async def body(endpoint):
        worker = await endpoint.waiting()
        thief = await endpoint.client()
        await thief.ask_next()
        refused = await thief.reply()
        endpoint.deliver("id-1", b"secret")
        got = await worker.reply()
        await thief.ask_next()
        refused_again = await thief.reply()
        init_error = await thief.post("init/error", b"{}")
        return refused.status, got.body, refused_again.status, init_error.status, endpoint.said

    assert with_endpoint(body) == (403, b"secret", 403, 403, [])


def test_a_worker_may_connect_anew():
    async def body(endpoint):
        first = await endpoint.waiting()
        first.writer.close()
        await until(lambda: not endpoint.api.is_waiting)
        await endpoint.working("id-1")
        return endpoint.heard.said

    assert with_endpoint(body) == [("ready",), ("ready",)]


def test_asking_again_without_an_answer_is_refused():
    async def body(endpoint):
        client = await endpoint.working("id-1")
        await client.ask_next()
        refused = await client.reply()
        answered = await client.post("invocation/id-1/response", b"1")
        return refused.status, answered.status

    assert with_endpoint(body) == (403, 202)


def test_a_request_behind_an_unanswered_one_ends_the_connection():
    async def body(endpoint):
        client = await endpoint.waiting()
        await client.send(b"GET / HTTP/1.1\r\n\r\n")
        return await client.is_closed(), endpoint.api.is_waiting

    assert with_endpoint(body) == (True, False)


def test_pipelined_requests_to_wait_end_the_connection():
    async def body(endpoint):
        client = await endpoint.client()
        request = f"GET {PREFIX}invocation/next HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode()
        await client.send(request + request)
        return await client.is_closed()

    assert with_endpoint(body) is True


@pytest.mark.parametrize(
    "extra",
    ["Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Host: evil.example\r\n"],
)
def test_a_web_page_is_refused(extra):
    async def body(endpoint):
        client = await endpoint.client()
        await client.ask_next(extra)
        return (await client.reply()).status, endpoint.api.is_waiting

    assert with_endpoint(body) == (403, False)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET / HTTP/1.1",
        "GET /2018-06-01/runtime/invocation/next/ HTTP/1.1",
        "GET /2018-06-01/runtime/invocation/id-1/response HTTP/1.1",
        "POST /2018-06-01/runtime/invocation/next HTTP/1.1",
        "DELETE /2018-06-01/runtime/invocation/next HTTP/1.1",
        "POST /2018-06-01/runtime/invocation//response HTTP/1.1",
        "POST /2018-06-01/runtime/exit/error HTTP/1.1",
    ],
)
def test_what_does_not_exist_is_not_found(request_line):
    async def body(endpoint):
        client = await endpoint.client()
        await client.send(f"{request_line}\r\nHost: {client.host}\r\n\r\n".encode())
        return (await client.reply()).status

    assert with_endpoint(body) == 404


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: minus one\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_endpoint_lives(data):
    async def body(endpoint):
        client = await endpoint.client()
        await client.send(data)
        status = (await client.reply()).status
        closed = await client.is_closed()
        await endpoint.working()
        return status, closed

    assert with_endpoint(body) == (400, True)


def test_a_request_may_come_byte_by_byte():
    async def body(endpoint):
        client = await endpoint.working("id-1")
        request = (
            f"POST {PREFIX}invocation/id-1/response HTTP/1.1\r\nHost: {client.host}\r\n"
            "Content-Length: 4\r\n\r\nbody"
        )
        for byte in request.encode():
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        return (await client.reply()).status, endpoint.said

    assert with_endpoint(body) == (202, [("responded", b"body")])


def test_half_a_response_is_none():
    async def body(endpoint):
        client = await endpoint.working("id-1")
        await client.send(
            f"POST {PREFIX}invocation/id-1/response HTTP/1.1\r\nHost: {client.host}\r\nContent-Length: 9\r\n\r\nhalf".encode()
        )
        client.writer.close()
        await endpoint.client()
        return endpoint.said

    assert with_endpoint(body) == []


def test_a_client_may_ask_before_it_sends():
    async def body(endpoint):
        client = await endpoint.working("id-1")
        await client.send(
            f"POST {PREFIX}invocation/id-1/response HTTP/1.1\r\nHost: {client.host}\r\n"
            "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        async with asyncio.timeout(PATIENCE):
            go_on = await client.reader.readuntil(b"\r\n\r\n")
        await client.send(b"body")
        return go_on, (await client.reply()).status

    assert with_endpoint(body) == (b"HTTP/1.1 100 Continue\r\n\r\n", 202)


def test_a_connection_that_is_not_kept_alive_is_closed():
    async def body(endpoint):
        client = await endpoint.client()
        await client.send(
            f"GET / HTTP/1.1\r\nHost: {client.host}\r\nConnection: close\r\n\r\n".encode()
        )
        return (await client.reply()).status, await client.is_closed()

    assert with_endpoint(body) == (404, True)


def test_connections_are_few():
    async def body(endpoint):
        clients = [await endpoint.client() for _ in range(20)]
        closed = 0
        for client in clients[8:]:
            closed += await client.is_closed()
        worker = clients[0]
        await worker.ask_next()
        await until(lambda: endpoint.api.is_waiting)
        return closed

    assert with_endpoint(body) == 12


def test_closing_drops_everything():
    async def body(endpoint):
        client = await endpoint.waiting()
        endpoint.api.close()
        endpoint.api.close()
        closed = await client.is_closed()
        with pytest.raises(OSError, match="Connect"):
            await endpoint.client()
        return closed, endpoint.api.is_waiting

    assert with_endpoint(body) == (True, False)


def test_an_event_needs_somebody_who_waits_for_it():
    async def body(endpoint):
        with pytest.raises(RuntimeError):
            endpoint.deliver("id-1")

    with_endpoint(body)
