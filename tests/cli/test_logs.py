"""Log lines: safe, bounded, never in the way of whoever logs."""

from __future__ import annotations

import json
import logging
import threading
from functools import partial

import pytest

from headrace.cli import line_writer
from headrace.cli.line_writer import LineWriter
from headrace.cli.logs import LINE_LENGTH_MAX, Logs


def logged(log, *, form="text", level="info"):
    """The lines that come out while *log* runs."""
    lines: list[str] = []
    with Logs(form=form, level=level, write=lines.extend):
        log()
    return lines


def log_function_line():
    logging.getLogger("headrace.function").info(
        *("%s %s %s", "Process", "id-1", "hello"),
        extra={"function": "Process", "request_id": "id-1", "stream": "stdout"},
    )


def log_failure():
    try:
        int("bad \x1b[31m")
    except ValueError:
        logging.getLogger("headrace.engine").exception("mapping %s failed", "New")


def test_a_line_for_people_is_a_time_and_a_message():
    assert [line[13:] for line in logged(log_function_line)] == ["Process id-1 hello"]


def test_a_line_of_our_own_says_how_grave_it_is():
    lines = logged(lambda: logging.getLogger("headrace.store").warning("full"))

    assert [line[13:] for line in lines] == ["warning: full"]


def test_a_line_for_programs_is_one_object():
    (line,) = logged(log_function_line, form="json")
    found = json.loads(line)

    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "logger": "headrace.function",
        "message": "hello",
        "function": "Process",
        "requestId": "id-1",
        "stream": "stdout",
    }


def test_a_traceback_is_shown_and_safe():
    text, (as_json,) = logged(log_failure), logged(log_failure, form="json")

    assert text[0].endswith("error: mapping New failed")
    assert text[-1] == r"ValueError: invalid literal for int() with base 10: 'bad \x1b[31m'"
    assert "ValueError: invalid literal" in json.loads(as_json)["traceback"]
    assert "\x1b" not in as_json


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_message_is_one_line_that_ends_somewhere(form):
    evil = "a\r\nb\x1b[2J\u202e" + "x" * 1_000_000

    (line,) = logged(lambda: logging.getLogger("headrace.x").info("%s", evil), form=form)

    assert len(line) < LINE_LENGTH_MAX + 200
    assert not set(line) & set("\r\n\x1b\u202e")


def test_what_is_below_the_level_is_not_logged():
    def log():
        logging.getLogger("headrace.x").info("no")
        logging.getLogger("headrace.x").warning("yes")

    assert len(logged(log, level="warning")) == 1


def test_afterwards_logging_is_as_before():
    root = logging.getLogger("headrace")
    before = (root.level, list(root.handlers))

    logged(lambda: None, level="debug")

    assert (root.level, list(root.handlers)) == before


# --- the thread that writes ---


class Held:
    """A reader that can be held."""

    def __init__(self):
        self.lines: list[str] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def write(self, lines):
        self.entered.set()
        self.go_on.wait(10)
        self.lines += lines


def test_a_reader_that_is_held_stops_lines_and_nobody_else(monkeypatch):
    monkeypatch.setattr(line_writer, "QUEUED_MAX", 10)
    held = Held()
    writer = LineWriter(held.write, name="test", dropped=lambda count: f"{count} dropped")
    writer.start()
    writer.put(lambda: ["first"])
    held.entered.wait(10)

    for number in range(25):  # none of these waits
        writer.put(partial(list, [str(number)]))
    held.go_on.set()
    writer.close()

    assert held.lines == ["first", *map(str, range(10)), "15 dropped"]


def test_lines_that_wait_are_written_together():
    held = Held()
    portions = []

    def write(lines):
        held.write(lines)
        portions.append(len(lines))

    writer = LineWriter(write, name="test", dropped=str)
    writer.start()
    writer.put(lambda: ["first"])
    held.entered.wait(10)
    for _ in range(50):
        writer.put(lambda: ["line"])
    held.go_on.set()
    writer.close()

    assert portions == [1, 50]


def test_a_reader_that_is_gone_is_told_of_once():
    gone = threading.Event()

    def write(_lines):
        raise BrokenPipeError

    writer = LineWriter(write, name="test", dropped=str, gone=gone.set)
    writer.start()
    for _ in range(3):
        writer.put(lambda: ["line"])

    assert gone.wait(10)
    writer.close()


def test_closing_does_not_wait_for_a_reader_for_ever(monkeypatch):
    monkeypatch.setattr(line_writer, "QUEUED_MAX", 1)
    held = Held()
    writer = LineWriter(held.write, name="test", dropped=str)
    writer.start()
    for _ in range(5):
        writer.put(lambda: ["line"])

    writer.close(0.01)

    held.go_on.set()
