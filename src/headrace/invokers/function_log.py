"""What functions print, and what Lambda prints about them, as lines for a log."""

from __future__ import annotations

import logging
import re
from typing import NamedTuple, Protocol

_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

PLATFORM = "platform"
STDOUT = "stdout"
STDERR = "stderr"


class LogLine(NamedTuple):
    """One line, without its end and safe to print (see `escape`).

    ``stream`` is ``stdout``, ``stderr`` or, for START, END, REPORT and the like, ``platform``. ``request_id`` is
    empty for what is printed outside an invocation.
    """

    function: str
    request_id: str
    stream: str
    text: str


class LogSink(Protocol):
    """Takes the lines of all functions, on the engine's loop: it must not block."""

    def is_enabled(self) -> bool:
        """Whether lines are wanted at all; asked before any is made."""
        ...

    def write(self, line: LogLine) -> None:
        """Take one line."""
        ...


class LoggingSink:
    """The standard library's logging: logger ``headrace.function``, level INFO.

    Each record carries ``function``, ``request_id`` and ``stream`` as attributes.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger("headrace.function")

    def is_enabled(self) -> bool:
        """Whether the logger passes INFO on."""
        return self._logger.isEnabledFor(logging.INFO)

    def write(self, line: LogLine) -> None:
        """Log one line."""
        self._logger.info(
            "%s %s %s",
            line.function,
            line.request_id or "-",
            line.text,
            extra={
                "function": line.function,
                "request_id": line.request_id,
                "stream": line.stream,
            },
        )


def escape(text: str) -> str:
    """Write control and bidirectional characters as ``\\x1b`` or ``\\u202e``: one line stays one line."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(_escape_one, text)


def _escape_one(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004
