"""Lines of a stream as message bodies: exact to the byte, as soon as they are there, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from headrace.errors import MessageRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_BYTES = 262_144
PORTION_LINES = 1_000
LINE_BYTES_MAX = 1_048_576
"""The largest body of any queue."""


class Readable(Protocol):
    """A binary stream that gives what is there."""

    def read1(self, size: int, /) -> bytes:
        """At most *size* bytes, waiting only while there are none; empty at the end."""
        ...


class Line(NamedTuple):
    """One line without its end, and its number, counted from 1."""

    number: int
    content: bytes

    def text(self) -> str:
        """The line as text; raises `MessageRefusedError` for what is not UTF-8."""
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            raise MessageRefusedError(
                f"expected UTF-8 text, found the byte {self.content[error.start]:#04x} at {error.start}"
            ) from error


def portions(stream: Readable) -> Iterator[list[Line]]:
    """The stream's lines as they come, up to `PORTION_LINES` at a time; the last one may lack its line feed."""
    rest = b""
    number = 0
    while data := stream.read1(READ_BYTES):
        *whole, rest = (rest + data).split(b"\n")
        for start in range(0, len(whole), PORTION_LINES):
            contents = whole[start : start + PORTION_LINES]
            yield [
                Line(number + at, content.removesuffix(b"\r"))
                for at, content in enumerate(contents, 1)
            ]
            number += len(contents)
        if len(rest) > LINE_BYTES_MAX + 1:
            raise MessageRefusedError(
                f"line {number + 1}: longer than {LINE_BYTES_MAX} bytes, the most that a message can have"
            )
    if rest:
        yield [Line(number + 1, rest)]
