"""A handler that reaches for AWS by accident hears no, and how to change that."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import xml.etree.ElementTree as ET

import pytest

from headrace.invokers.refusing_endpoint import CODE, MESSAGE, RefusingEndpoint
from tests.invokers.rig import open_descriptors, run


def ask(*requests):
    """Send requests over one connection; gives (status, headers, body) of each."""

    def send(address):
        connection = http.client.HTTPConnection(address, timeout=10)
        answers = []
        for method, path, body, headers in requests:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answers.append((answer.status, dict(answer.getheaders()), answer.read()))
        connection.close()
        return answers

    async def body():
        endpoint = RefusingEndpoint()
        await endpoint.start()
        try:
            return await asyncio.to_thread(send, endpoint.url.removeprefix("http://"))
        finally:
            endpoint.close()
            await asyncio.sleep(0)

    return run(body)


@pytest.mark.parametrize("kind", ["application/x-amz-json-1.0", "application/json"])
def test_json_protocols_get_json(kind):
    ((status, headers, body),) = ask(("POST", "/", b"{}", {"Content-Type": kind}))

    assert status == 403
    assert headers["x-amzn-ErrorType"] == CODE
    assert json.loads(body) == {"__type": CODE, "message": MESSAGE}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_the_others_get_xml(method):
    ((status, _, body),) = ask((method, "/bucket/key?list-type=2", b"x" * 100_000, {}))

    assert status == 403
    assert ET.fromstring(body).findtext("Error/Message") == MESSAGE  # noqa: S314 - our own


def test_a_connection_serves_many_requests_of_all_kinds():
    answers = ask(
        ("HEAD", "/bucket", None, {}),
        ("GET", "/", None, {}),
        ("POST", "/", b"{}", {"Content-Type": "application/json"}),
        ("PUT", "/", b"body", {"Expect": "100-continue"}),
    )

    assert [status for status, _, _ in answers] == [403] * 4
    assert answers[0][2] == b""


def test_the_message_says_what_to_do():
    assert "--aws" in MESSAGE
    assert "AWS_ENDPOINT_URL" in MESSAGE


def test_what_is_no_http_is_dropped_and_nothing_is_left():
    before = open_descriptors()

    async def body():
        endpoint = RefusingEndpoint()
        await endpoint.start()
        host, port = endpoint.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\x16\x03\x01nonsense\r\n\r\n")
        try:
            answer = await reader.read()
        except ConnectionError:
            answer = b""
        writer.close()
        idle, other = await asyncio.open_connection(host, int(port))
        endpoint.close()
        endpoint.close()
        with contextlib.suppress(ConnectionError):
            assert await idle.read() == b""
        other.close()
        await asyncio.sleep(0)
        return answer

    assert run(body) == b""
    assert open_descriptors() == before
