"""Where log lines go: to standard error, each safe to print, by a thread that waits for the reader instead of the engine.

As text a line is a time and a message; as JSON one object with time, level, logger, message, and for what a function
prints function, requestId and stream.
"""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Self

from headrace.cli.durations import instant
from headrace.cli.line_writer import LineWriter
from headrace.cli.output import json_text, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

LINE_LENGTH_MAX = 20_000
CLOSE_SECONDS = 2.0
FUNCTION_LOGGER = "headrace.function"


class Logs(logging.Handler):
    """Writes what the package logs, while entered; *write* takes lines, by default to standard error."""

    def __init__(
        self,
        *,
        form: str = "text",
        level: str = "info",
        write: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        super().__init__(level.upper())
        self._render = json_lines if form == "json" else text_lines
        self._writer = LineWriter(
            write or _to_standard_error, name="headrace log", dropped=self._dropped
        )
        self._level_before = logging.NOTSET

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; called by `logging`, in any thread."""
        self._writer.put(partial(self._render, record))

    def __enter__(self) -> Self:
        root = logging.getLogger("headrace")
        self._level_before = root.level
        root.setLevel(self.level)
        root.addHandler(self)
        self._writer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        root = logging.getLogger("headrace")
        root.removeHandler(self)
        root.setLevel(self._level_before)
        self._writer.close(CLOSE_SECONDS)

    def _dropped(self, count: int) -> str:
        record = logging.makeLogRecord(
            {
                "name": "headrace",
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": "%d log lines dropped: more than could be written",
                "args": (count,),
            }
        )
        return self._render(record)[0]


def text_lines(record: logging.LogRecord) -> list[str]:
    """A record for people: one line, and those of its traceback."""
    time = instant(record.created)[11:23]
    level = "" if record.name == FUNCTION_LOGGER else f"{record.levelname.lower()}: "
    lines = [f"{time} {level}{_cut(safe(record.getMessage()))}"]
    if record.exc_info:
        lines += [safe(line) for line in _traceback(record).splitlines()]
    return lines


def json_lines(record: logging.LogRecord) -> list[str]:
    """A record for programs: one object."""
    found: dict[str, object] = {
        "time": instant(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _cut(_message(record)),
    }
    for key, attribute in (
        ("function", "function"),
        ("requestId", "request_id"),
        ("stream", "stream"),
    ):
        if hasattr(record, attribute):
            found[key] = getattr(record, attribute)
    if record.exc_info:
        found["traceback"] = _traceback(record)
    return [json_text(found)]


def _message(record: logging.LogRecord) -> str:
    """What was printed, without the function and request id that stand beside it."""
    if record.name == FUNCTION_LOGGER and isinstance(record.args, tuple) and record.args:
        return str(record.args[-1])
    return record.getMessage()


def _traceback(record: logging.LogRecord) -> str:
    return logging.Formatter().formatException(record.exc_info)  # type: ignore[arg-type]


def _cut(text: str) -> str:
    if len(text) <= LINE_LENGTH_MAX:
        return text
    return f"{text[:LINE_LENGTH_MAX]}… ({len(text) - LINE_LENGTH_MAX} more characters)"


def _to_standard_error(lines: Sequence[str]) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
