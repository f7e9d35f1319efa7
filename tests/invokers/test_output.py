"""What handlers print becomes safe, bounded lines."""

from __future__ import annotations

import asyncio
import logging
import os

import pytest

from headrace.invokers import output
from headrace.invokers.function_log import LoggingSink, LogLine, escape
from headrace.invokers.output import MAX_LINE_BYTES, OutputPipe
from tests.invokers.rig import bare_python, run, running


class Piped:
    """An `OutputPipe` whose other end the test holds."""

    def __init__(self):
        self.lines: list[str] = []
        self.pipe = OutputPipe(asyncio.get_running_loop(), self.lines.append)

    def write(self, data: bytes) -> list[str]:
        """Write *data* as a worker would and give the lines it made."""
        self.lines.clear()
        for start in range(0, len(data), 65536):
            os.write(self.pipe.writable, data[start : start + 65536])
            self.pipe.drain()
        return list(self.lines)


def piped(*writes: bytes) -> list[list[str]]:
    """The lines of each write, and those of closing the pipe."""

    async def body():
        end = Piped()
        found = [end.write(data) for data in writes]
        end.lines.clear()
        end.pipe.close()
        return [*found, list(end.lines)]

    found: list[list[str]] = run(body)
    return found


@pytest.mark.parametrize(
    ("writes", "lines"),
    [
        ([b"one\ntwo\n"], [["one", "two"], []]),
        ([b"be", b"gun\n"], [[], ["begun"], []]),
        ([b"unfinished"], [[], ["unfinished"]]),
        ([b"\n\n"], [["", ""], []]),
        ([b"windows\r\n"], [["windows"], []]),
        ([b"Traceback\r  File\r"], [[], ["Traceback", "  File"]]),
        ([b"\xff\xfebinary\n"], [["\\xff\\xfebinary"], []]),
        (["grüße".encode()[:3], "grüße\n".encode()[3:]], [[], ["grüße"], []]),
    ],
)
def test_bytes_become_lines(writes, lines):
    assert piped(*writes) == lines


def test_a_long_line_is_cut_and_says_by_how_much():
    lines, _ = piped(b"x" * (MAX_LINE_BYTES + 70_000) + b"\nnext\n")

    assert lines == ["x" * MAX_LINE_BYTES + " … (70000 more bytes)", "next"]


def test_a_flood_is_dropped_counted_and_ends_with_a_whole_line(monkeypatch):
    monkeypatch.setattr(output, "MAX_BYTES_PER_SECOND", 1000)

    async def body():
        end = Piped()
        first = end.write(b"a" * 999 + b"\n")
        dropped = end.write(b"b" * 500) + end.write(b"b" * 500 + b"\nlost too\nand the beginning")
        end.pipe._period_end = 0.0  # the second is over
        after = end.write(b" of this\nwhole\n")
        end.pipe.close()
        return first, dropped, after

    first, dropped, after = run(body)

    assert first == ["a" * 999]
    assert dropped == []
    assert after == [
        "headrace: 1027 bytes of output dropped: more than a log takes in a second",
        "whole",
    ]


def test_many_short_lines_are_a_flood_too(monkeypatch):
    monkeypatch.setattr(output, "MAX_LINES_PER_SECOND", 3)

    first, second, closing = piped(b"1\n2\n3\n", b"4\n5\n")

    assert first == ["1", "2", "3"]
    assert second == []
    assert closing == ["headrace: 4 bytes of output dropped: more than a log takes in a second"]


def test_what_is_dropped_is_told_when_the_pipe_is_closed(monkeypatch):
    monkeypatch.setattr(output, "MAX_BYTES_PER_SECOND", 10)

    *_, closing = piped(b"0123456789\n", b"more\n")

    assert closing == ["headrace: 5 bytes of output dropped: more than a log takes in a second"]


def test_a_closed_worker_s_end_does_not_keep_the_loop_awake():
    async def body():
        end = Piped()
        end.pipe.close_writable()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        is_watched = asyncio.get_running_loop().remove_reader(end.pipe._readable)
        end.pipe.close()
        return is_watched

    assert run(body) is False


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain grüße \u2603", "plain grüße \u2603"),
        ("a\ttab and\u00a0space", "a\ttab and\u00a0space"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028\u2029\ufeff", "\\u2028\\u2029\\ufeff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_and_bidirectional_characters_are_written_out(text, safe):
    assert escape(text) == safe


def test_lines_go_to_the_standard_library_s_logging(caplog):
    sink = LoggingSink()
    with caplog.at_level(logging.WARNING, "headrace.function"):
        assert not sink.is_enabled()
    with caplog.at_level(logging.INFO, "headrace.function"):
        assert sink.is_enabled()
        sink.write(LogLine("orders", "the-id", "stdout", "hello"))

    (record,) = caplog.records
    assert record.getMessage() == "orders the-id hello"
    assert (record.function, record.request_id, record.stream) == ("orders", "the-id", "stdout")


def logged(handler, event=None, **changes):
    async def body():
        async with running(python=changes.pop("python")) as rig:
            response = await rig.invoke(handler, event, **changes)
            return response, rig.log

    return run(body)


@pytest.fixture
def python(tmp_path):
    return bare_python(tmp_path)


def test_an_invocation_prints_what_lambda_prints(python):
    _, log = logged("prints.some_lines", request_id="the-id", python=python)
    init, start, *lines, end, report = log.lines
    assert init.text.startswith("INIT_START Runtime Version: python:3.")
    assert start.text == "START RequestId: the-id Version: $LATEST"
    assert end.text == "END RequestId: the-id"
    assert report.text.startswith("REPORT RequestId: the-id\tDuration: ")
    assert [part.partition(":")[0] for part in report.text.split("\t")[1:]] == [
        "Duration",
        "Billed Duration",
        "Memory Size",
        "Max Memory Used",
        "Init Duration",
    ]
    assert {(line.stream, line.text) for line in lines} == {
        ("stdout", "to stdout"),
        ("stderr", "to stderr"),
        ("stdout", "unfinished"),
    }
    assert {(line.function, line.request_id) for line in lines} == {("prints.some_lines", "the-id")}


def test_last_words_are_printed_before_the_platform_speaks(python):
    _, log = logged("prints.prints_and_dies", request_id="the-id", python=python)

    assert log.texts()[2:5] == [
        "last words",
        "cut sho",
        "RequestId: the-id Error: Runtime exited with error: exit status 1",
    ]


def test_nobody_s_log_gets_no_lines(python):
    async def body():
        async with running(python=python) as rig:
            rig.log.enabled = False
            await rig.invoke("prints.some_lines")
            return rig.log.lines

    assert run(body) == []


@pytest.mark.parametrize("handler", ["prints.flood", "prints.flood_of_lines"])
def test_a_flood_harms_neither_the_answer_nor_the_log(python, handler):
    response, log = logged(handler, 64, python=python, timeout_seconds=15)

    assert response.payload == b'"done"'
    assert sum(len(line.text) for line in log.lines) < 4_000_000
    assert any("bytes of output dropped" in text or "more bytes" in text for text in log.texts())


@pytest.mark.slow
def test_a_gigabyte_of_output_is_survived(python):
    response, log = logged("prints.flood", 1024, python=python, timeout_seconds=60)

    assert response.payload == b'"done"'
    assert sum(len(line.text) for line in log.lines) < 4_000_000


def test_escape_sequences_of_a_handler_do_not_reach_the_log(python):
    raw = b"\x1b]0;title\x07\xe2\x80\xaeevil\n"
    _, log = logged("prints.as_told", raw.hex(), python=python)

    assert log.texts("stdout") == ["\\x1b]0;title\\x07\\u202eevil"]
