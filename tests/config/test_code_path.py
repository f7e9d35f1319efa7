"""Paths of code: a directory on this machine; what can be none is refused before it is touched."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config.code_path import CodePathError, find_code

DEVICES = ["con", "CON", "nul", "NUL.txt", "aux", "prn", "com1", "LPT9", "src/nul/x", "src\\con"]
DRIVES = ["C:\\code", "c:/code", "Z:", "d:\\"]
UNPRINTABLE = ["a\0b", "\0", "a\nb", "\x1b[2J", "a\u202eb", ""]
NOWHERE = [
    "..%2f..%2fetc",
    "....//",
    "~/code",
    "$HOME/code",
    "%USERPROFILE%",
    "\\\\host\\share",
    "file:///etc",
    "src;ls",
]


@pytest.mark.parametrize("text", [*DEVICES, *DRIVES, *UNPRINTABLE, *NOWHERE])
def test_what_is_no_directory_anywhere_is_refused(tmp_path, text):
    with pytest.raises(CodePathError) as caught:
        find_code(text, tmp_path)

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nul", '"nul" names a device'),
        ("C:\\code", 'expected a path without a drive, got "C:\\\\code"'),
        ("a\0b", 'expected a path of printable characters, got "a\\u0000b"'),
        ("x" * 4097, f'expected a path of printable characters, got "{"x" * 58}…'),
    ],
)
def test_a_refusal_says_why(tmp_path, text, message):
    with pytest.raises(CodePathError) as caught:
        find_code(text, tmp_path)

    assert str(caught.value) == message


def test_a_name_too_long_for_the_file_system_is_told(tmp_path):
    with pytest.raises(CodePathError, match="can't be read: File name too long"):
        find_code("x" * 3000, tmp_path)


def test_a_link_that_leads_to_itself_is_told(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with pytest.raises(CodePathError):
        find_code("loop", tmp_path)


def test_a_pipe_is_no_directory(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(CodePathError, match="is a device or a pipe"):
        find_code("pipe", tmp_path)


def test_where_nothing_is_near_it_says_where_it_looked(tmp_path):
    with pytest.raises(CodePathError) as caught:
        find_code("some/where", tmp_path)

    assert caught.value.suggestion.startswith("it would be ")


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_directory_or_refused(tmp_path_factory, text):
    try:
        found = find_code(text, tmp_path_factory.getbasetemp())
    except CodePathError:
        return
    assert found.is_dir()
