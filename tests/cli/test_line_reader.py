"""Lines come out as they went in, however the stream cuts them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.line_reader import Line, portions
from headrace.errors import MessageRefusedError


class Pieces:
    """A stream that gives exactly these pieces."""

    def __init__(self, pieces):
        self._pieces = iter(pieces)

    def read1(self, size, /):
        return next(self._pieces, b"")


def lines_of(pieces):
    return [line for portion in portions(Pieces(pieces)) for line in portion]


@given(
    st.lists(st.binary(max_size=8).filter(lambda line: b"\n" not in line and line[-1:] != b"\r")),
    st.sampled_from([b"\n", b"\r\n"]),
    st.data(),
)
def test_lines_do_not_depend_on_where_a_stream_is_cut(lines, end, data):
    whole = b"".join(line + end for line in lines)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=5)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]

    found = lines_of(pieces)

    assert [line.content for line in found] == lines
    assert [line.number for line in found] == list(range(1, len(lines) + 1))


def test_a_last_line_without_an_end_is_a_line_as_it_is():
    assert lines_of([b"a\nb\r"]) == [Line(1, b"a"), Line(2, b"b\r")]


def test_what_is_there_comes_before_more_is_read():
    reader = portions(Pieces([b"a\nb", b"\n"]))

    assert next(reader) == [Line(1, b"a")]


def test_a_real_stream_is_read():
    assert [len(each) for each in portions(io.BufferedReader(io.BytesIO(b"x\n" * 2_500)))] == [
        1_000,
        1_000,
        500,
    ]


def test_what_is_not_text_says_where():
    with pytest.raises(MessageRefusedError, match="found the byte 0xe9 at 3"):
        Line(1, b"caf\xe9").text()
