"""What is printed is safe to print, and the same to whoever reads it."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.output import amount, json_text, print_table, safe, shortened

DANGEROUS = [chr(code) for code in (*range(9), *range(10, 32), *range(127, 160))] + list(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ud800\udfff"
)


@pytest.mark.parametrize("character", DANGEROUS, ids=lambda each: f"U+{ord(each):04X}")
def test_what_could_move_cursor_or_text_is_escaped(character):
    assert character not in safe(f"a{character}b")
    assert character not in json_text([f"a{character}b"])


@given(st.text())
def test_safe_text_is_one_line_without_controls(text):
    shown = safe(text)

    assert len(shown.splitlines()) <= 1
    assert not [each for each in shown if unicodedata.category(each) == "Cc" and each != "\t"]


@given(st.text(alphabet=st.characters()), st.booleans())
def test_json_is_the_same_value_to_whoever_reads_it(text, ascii_only):
    line = json_text({"body": text}, ascii_only=ascii_only)

    assert json.loads(line) == {"body": text}
    assert line.isascii() or not ascii_only
    assert len(line.splitlines()) == 1


def test_what_is_readable_stays_as_it_is():
    assert safe("Grüße\t日本 😀") == "Grüße\t日本 😀"
    assert json_text({"a": "Grüße 日本 😀"}) == '{"a": "Grüße 日本 😀"}'


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("\x1b" * 9, 6, "\\x1b\\…"), ("", 3, "")],
)
def test_text_is_shortened_after_it_is_made_safe(text, length, shown):
    assert shortened(text, length) == shown


def test_a_table_is_aligned_and_its_numbers_stand_right(capsys):
    print_table(("NAME", "COUNT"), [("日本", "1"), ("b\x1b", "1,234"), ("c", "-")])

    assert capsys.readouterr().out.splitlines() == [
        "NAME   COUNT",
        "日本       1",
        "b\\x1b  1,234",
        "c          -",
    ]


def test_amounts_have_their_plural():
    assert [amount(number, "message") for number in (0, 1, 1_234)] == [
        "0 messages",
        "1 message",
        "1,234 messages",
    ]
    assert amount(2, "batch", "batches") == "2 batches"
