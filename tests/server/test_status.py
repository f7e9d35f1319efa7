"""What the status server answers, to whom, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import pytest

from headrace.errors import ConfigurationError
from headrace.model.mapping import MappingState
from headrace.server import status
from headrace.server.board import Board, Phase
from headrace.server.status import StatusServer, parse_address
from tests.server.rig import ask, board, get, mapping_runner, serving

PATHS = ("/healthz", "/readyz", "/metrics")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("9090", "127.0.0.1", 9090),
        (":9090", "127.0.0.1", 9090),
        ("localhost:0", "localhost", 0),
        ("0.0.0.0:9090", "0.0.0.0", 9090),  # noqa: S104 - read only
        ("[::1]:9090", "::1", 9090),
    ],
)
def test_without_a_host_an_address_is_this_machine_only(text, host, port):
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "orders", "1.2.3.4", "127.0.0.1:", ":70000", "::1:90", "a:-1", "a:\u0663"]
)
def test_an_address_that_cannot_be_is_refused(text):
    with pytest.raises(ConfigurationError, match="expected HOST:PORT or PORT"):
        parse_address(text)


def test_a_port_that_is_taken_is_told():
    with serving() as server, pytest.raises(ConfigurationError, match="can't listen at"):
        StatusServer(board(), parse_address(str(server.port)))


def test_a_host_that_is_not_ours_is_told():
    with pytest.raises(ConfigurationError, match="can't listen at 192\\.0\\.2\\.1"):
        StatusServer(board(), parse_address("192.0.2.1:0"))


def test_health_readiness_and_metrics_are_served():
    with serving() as server:
        answers = {path: get(server, path) for path in PATHS}

    assert [code for code, _, _ in answers.values()] == [200, 200, 200]
    assert json.loads(answers["/healthz"][2]) == {
        "status": "ok",
        "phase": "running",
        "mappings": {"ProcessNew": "Enabled"},
    }
    assert b'headrace_backlog_messages{mapping="ProcessNew"' in answers["/metrics"][2]


def test_a_run_that_begins_or_stops_is_alive_and_not_ready():
    for phase in (Phase.STARTING, Phase.STOPPING):
        with serving(board(phase=phase)) as server:
            assert (get(server, "/healthz")[0], get(server, "/readyz")[0]) == (200, 503)


def test_a_loop_that_does_not_move_is_not_healthy():
    stuck = board()
    stuck.ticked_at = 0.0

    with serving(stuck) as server:
        assert (get(server, "/healthz")[0], get(server, "/readyz")[0]) == (503, 503)


def test_a_run_that_has_not_begun_is_not_healthy():
    with serving(Board((mapping_runner(),))) as server:
        assert get(server, "/healthz")[0] == 503


def test_the_state_of_a_disabled_mapping_is_shown():
    runner = mapping_runner()
    runner.state = MappingState.DISABLED

    with serving(board(runner)) as server:
        code, _, body = get(server, "/readyz")

    assert (code, json.loads(body)["mappings"]) == (200, {"ProcessNew": "Disabled"})


def test_head_gives_the_headers_only():
    with serving() as server:
        _, headers, body = get(server, "/metrics", method="HEAD")

    assert body == b""
    assert int(headers["content-length"]) > 1000


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_but_get_and_head_is_answered(method, path):
    with serving() as server:
        code, headers, _ = get(server, path, method=method)

    assert code in {400, 405}
    assert headers.get("allow") == ("GET, HEAD" if code == 405 else None)


def test_an_unknown_method_is_no_request():
    with serving() as server:
        assert get(server, "/metrics", method="FETCH")[0] == 400


def test_an_unknown_page_names_those_that_there_are():
    with serving() as server:
        code, _, body = get(server, "/")

    assert (code, body) == (404, b"Not Found: there is /healthz, /readyz and /metrics\n")


def test_a_query_changes_nothing():
    with serving() as server:
        assert get(server, "/healthz?verbose=1")[0] == 200


@pytest.mark.parametrize("path", [*PATHS, "/"])
def test_no_page_may_be_framed_sniffed_cached_or_shared(path):
    with serving() as server:
        _, headers, _ = get(server, path)

    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control")]


def test_this_machines_own_names_are_let_in():
    with serving() as server:
        for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
            assert get(server, "/healthz", host=f"{name}:{server.port}")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "0.0.0.0",  # noqa: S104 - a name in a header
        "127.0.0.1",
        "127.0.0.1:1",
        "user@127.0.0.1",
        "localh\xf6st",
        "x" * 8_000,
    ],
)
def test_a_host_that_leads_here_by_trickery_is_refused(host):
    """DNS rebinding: the browser sends the name that its page was loaded from."""
    with serving() as server:
        names = {host, f"{host}:{server.port}"} if host != "127.0.0.1" else {host}
        for name in names:
            assert get(server, "/metrics", host=name)[0] == 403
        assert get(server, "/metrics")[0] == 200


def test_a_request_without_one_host_is_refused():
    with serving() as server:
        own = f"Host: 127.0.0.1:{server.port}\r\n"
        for hosts in ("", "Host:\r\n", own + own):
            request = f"GET /metrics HTTP/1.1\r\n{hosts}\r\n"
            assert ask(server, request.encode())[0] == 400


@pytest.mark.parametrize(
    "header",
    [
        "Origin: http://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ],
)
def test_what_another_sites_page_asks_is_refused(header):
    with serving() as server:
        assert get(server, "/metrics", header)[0] == 403


def test_what_a_person_types_into_a_browser_is_answered():
    with serving() as server:
        assert get(server, "/metrics", "Sec-Fetch-Site: none")[0] == 200


def test_a_server_for_other_machines_lets_any_name_in():
    with serving(address="0.0.0.0:0") as server:
        assert server.is_open_to_others
        answer = ask(server, b"GET /healthz HTTP/1.1\r\nHost: pod-7:9090\r\n\r\n", host="127.0.0.1")

    assert answer[0] == 200


def test_by_default_only_this_machine_can_connect():
    with serving(address="0") as server:
        assert not server.is_open_to_others
        assert server.host == "127.0.0.1"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n\r\n\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: a b\r\nX Y: z\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_harms_nothing(request_bytes):
    with serving() as server:
        assert ask(server, request_bytes)[0] in {400, 403}
        assert get(server, "/healthz")[0] == 200


def test_headers_end_somewhere():
    with serving() as server:
        many = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
        code, _, _ = ask(server, b"GET / HTTP/1.1\r\n" + many)

    assert code in {0, 431}


def test_a_target_is_short():
    with serving() as server:
        assert get(server, "/" + "x" * 300)[0] == 414


def test_an_upgrade_is_refused():
    with serving() as server:
        assert get(server, "/metrics", "Connection: Upgrade", "Upgrade: websocket")[0] == 400


def test_a_second_request_in_the_same_bytes_is_not_answered():
    with serving() as server:
        host = f"Host: 127.0.0.1:{server.port}\r\n\r\n"
        both = f"GET /healthz HTTP/1.1\r\n{host}GET /metrics HTTP/1.1\r\n{host}"
        code, _, body = ask(server, both.encode())

    assert (code, json.loads(body)["status"]) == (200, "ok")


def test_a_slow_client_is_ended(monkeypatch):
    monkeypatch.setattr(status, "REQUEST_SECONDS", 0.05)

    with serving() as server:
        assert ask(server, b"GET /healthz HTT")[0] == 0


def test_clients_that_say_nothing_do_not_shut_out_a_probe():
    with serving() as server:
        silent = [
            socket.create_connection((server.host, server.port), timeout=5)
            for _ in range(status.CONNECTIONS_MAX + 8)
        ]
        try:
            assert get(server, "/healthz")[0] == 200
            assert len(server.connections) <= status.CONNECTIONS_MAX
        finally:
            for client in silent:
                client.close()


def test_closing_waits_for_nobody():
    with serving() as server:
        client = socket.create_connection((server.host, server.port), timeout=5)
        client.sendall(b"GET /")
        began = time.monotonic()
    took = time.monotonic() - began

    with client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""
    assert took < status.CLOSE_SECONDS


def test_closing_twice_is_once():
    with serving() as server:
        pass

    server.close()


def test_a_mistake_in_a_figure_does_not_end_the_server(caplog):
    shown = board()

    with serving(shown) as server:
        shown.runners[0].statistics.batch_sizes.counts.append(1)
        broken = get(server, "/metrics")[0]
        shown.runners[0].statistics.batch_sizes.counts.pop()

        assert (broken, get(server, "/metrics")[0]) == (500, 200)
    assert "the next scrape tries again" in caplog.text
