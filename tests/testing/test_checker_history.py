"""The file of a history: lines of several processes, some of them killed while they wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from headrace.testing import history
from headrace.testing.checker import Rules, check
from headrace.testing.checker_report import Finding
from headrace.testing.history import Event, Phase, Recorder, What, from_line, read, to_line

WRITER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import history
recorder = history.Recorder(sys.argv[2], engine="e1")
for number in range(200):
    recorder.record(history.What.INVOKE, records=[f"{os.getpid()}-{number}"], invocation=str(number))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.jsonl"


def test_an_event_is_read_as_it_was_written(path):
    recorder = Recorder(path, engine="e1")
    written = [
        recorder.record(What.START),
        recorder.record(
            What.PRODUCE, phase=Phase.INVOKED, records=("a", "é\u2028"), groups=("g", "g")
        ),
        recorder.record(What.OBSERVED, visible=3),
    ]
    recorder.close()

    assert written == read(path).events
    assert {os.getpid()} == {event.pid for event in written}


def test_a_line_holds_what_is_set_and_nothing_else(path):
    Recorder(path).record(What.RESULT, invocation="i1", outcome="success")

    line = json.loads(path.read_text())

    assert {"what", "at", "invocation", "outcome", "pid", "wall"} == line.keys()


def test_several_processes_write_one_file(path, tmp_path):
    """The module needs the standard library alone: a copy of it works beside a handler."""
    shutil.copy(history.__file__, tmp_path / "history.py")
    command = [sys.executable, "-S", "-E", "-c", WRITER, str(tmp_path), str(path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]

    found = read(path)

    assert found.torn == 0
    assert len({event.records for event in found.events}) == 600
    moments = [event.at for event in found.events]
    assert sorted(moments) == moments


@pytest.mark.parametrize("cut", [1, 5, 30, -1])
def test_a_line_torn_by_a_kill_is_counted_and_swallows_no_other(path, cut):
    whole = to_line(Event(What.INVOKE, 1.0, records=("a",), invocation="i1"))
    torn = whole[:cut] if cut > 1 else whole[:2]
    after = to_line(Event(What.KILL, 2.0, role="engine"))
    path.write_bytes(whole + torn + after)

    events, lines_torn = read(path)

    assert [event.what for event in events] == [What.INVOKE, What.KILL]
    assert lines_torn == 1
    assert not check(events, Rules(), torn=lines_torn).found(Finding.HISTORY)


def test_a_torn_last_line_is_left_out(path):
    whole = to_line(Event(What.INVOKE, 1.0, records=("a",), invocation="i1"))
    path.write_bytes(whole + whole[:-7])

    assert (len(read(path).events), read(path).torn) == (1, 1)


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"null", b'"x"', b'{"what":"kill"}', b'{"no":1}', b"\xff"]
)
def test_what_is_no_event_is_no_event(line):
    assert from_line(line) is None


def test_a_digest_tells_bodies_apart_byte_for_byte():
    bodies = ["a", "a ", "A", "é", "e\u0301", "\ud800", ""]

    assert len(bodies) == len({history.digest(body) for body in bodies})
    assert history.digest("é") == history.digest("é".encode())
