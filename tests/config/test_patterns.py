"""Patterns give what the standard library gives, in bounded time; what can't be matched so is left alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config.patterns import NotMatchedError, matches


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        "^abc$",
        "a|bc|",
        "(a|b)*c",
        "[a-z]+",
        "[^a-z]*",
        r"[\w.-]+",
        "[]a]+",
        "[^]a]+",
        r"\d{1,3}(\.\d{1,3}){3}",
        r"\$\{x\}",
        "a{2}",
        "a{2,}",
        "a{0,2}b?",
        "a*?b+?",
        "(?:ab)+",
        "(?<name>a)b",
        "x.z",
        "(a*)*",
        "(a|)*b",
        "^$",
        "a^b",
        "(^a|b$)",
        "{",
        "é+",
        "a+é",
        r"\s\S\W\n",
        "-a&b",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "b",
        "c",
        "abc",
        "aab",
        "ab",
        "aaa",
        "aa",
        "bc",
        "x\nz",
        "xyz",
        "1.22.333.4",
        "${x}",
        "]a",
        "é",
        " a-\n",
        "-a&b",
        "A-1_",
    ],
)
def test_a_pattern_matches_as_in_the_standard_library(pattern, text):
    if pattern == "{":
        with pytest.raises(NotMatchedError):
            matches(pattern, text)
        return

    expected = re.compile(pattern.replace("(?<", "(?P<"), re.ASCII).fullmatch(text)

    assert matches(pattern, text) == (expected is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1",
        "(?=a)a",
        "(?!a)b",
        "(?i)a",
        "a++",
        "a{1}{2}",
        "*a",
        "(a",
        "a)",
        "[a",
        "[z-a]",
        "[a-z&&[^b]]",
        r"\p{Lower}",
        r"\bword\b",
        "a\\",
        "a" * 1_001,
        "(" * 60 + ")" * 60,
        "a{2000}",
        "((a{99}){99}){99}",
        "(a?){0,999}",
        "(a|b){600}",
    ],
)
def test_a_pattern_that_is_not_matched_here_says_so(pattern):
    with pytest.raises(NotMatchedError):
        matches(pattern, "a")


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}", "a*a*a*a*a*a*b"]
)
def test_a_pattern_that_goes_back_for_ever_elsewhere_ends_here(pattern):
    assert not matches(pattern, "a" * 2_000 + "!")


def test_a_long_text_against_a_large_pattern_is_not_begun():
    with pytest.raises(NotMatchedError):
        matches("a{900}", "a" * 4_000)


patterns = st.recursive(
    st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", "^", "$"]),
    lambda inner: (
        st.builds("({}|{})".format, inner, inner)
        | st.builds("{}{}".format, inner, inner)
        | st.builds(
            "(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{1,}"])
        )
    ),
    max_leaves=6,
)


@given(patterns, st.text("abc\n", max_size=5))
def test_it_agrees_with_the_standard_library(pattern, text):
    # `$` there stands before a last line break, too; here the text must end.
    expected = re.fullmatch(pattern.replace("$", r"\Z"), text, re.ASCII)

    assert matches(pattern, text) == (expected is not None)


@given(st.text(max_size=30), st.text(max_size=10))
def test_whatever_is_written_is_matched_or_refused(pattern, text):
    try:
        assert matches(pattern, text) in {True, False}
    except NotMatchedError:
        return
