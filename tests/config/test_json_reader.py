"""JSON templates, as cdk and other tools write them: with lines, and nothing that JSON does not allow."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config.documents import read_document
from headrace.config.findings import Findings
from headrace.config.json_reader import read_json
from headrace.config.limits import UnreadableError
from headrace.config.nodes import plain


def read(text: str):
    findings = Findings()
    node = read_json(text, findings)
    assert findings.problems() == ()
    return node


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
)


@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_it_reads_what_the_standard_library_writes(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert plain(read(text)) == value


def test_every_value_has_its_line():
    root = read('{\n "a": 1,\n "b": {\n\n  "c":\n   [\n    2,\n    3\n   ]\n }\n}')

    assert root.entries["a"].line == 2
    assert root.entries["b"].line == 3
    assert root.entries["b"].entries["c"].line == 5
    assert root.entries["b"].entries["c"].items[1].line == 8


def test_a_key_that_is_written_twice_is_told_with_both_lines():
    findings = Findings()

    root = read_json('{"a": {"b": 1,\n"c": 2,\n"b": 3}}', findings)

    (problem,) = findings.problems()
    assert (problem.path, problem.line) == ("$.a.b", 3)
    assert problem.message == "b is written twice, on lines 1 and 3"
    assert plain(root) == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the document ends too early"),
        ("{", "expected a key in double quotes"),
        ("{a: 1}", "can't read 'a: 1}'"),
        ("{'a': 1}", "can't read \"'a': 1}\""),
        ('{"a" 1}', "expected : after a key"),
        ('{"a": 1,}', "expected a key in double quotes"),
        ('{"a": 1 "b": 2}', "expected , or } in a map"),
        ('{"a": 1', "expected , or } in a map"),
        ("[1, 2", "expected , or ] in a list"),
        ("[1 2]", "expected , or ] in a list"),
        ("[1,]", "expected a value, found ]"),
        ('{"a": }', "expected a value, found }"),
        ('{"a": ', "the document ends too early"),
        ("[1] 2", "expected the end of the document"),
        ("{} // words", "can't read '// words'"),
        ("[NaN]", "can't read 'NaN]'"),
        ("[01]", "can't read '01]'"),
        ("[1.]", "can't read '1.]'"),
        ("[1e999]", "1e999 is out of range"),
        ("[" + "9" * 19 + "]", f"can't read '{'9' * 19}]'"),
        ('["a\nb"]', "can't read '\"a\\nb\"]'"),
        (r'["\x"]', "Invalid \\escape"),
        ('["\\u12"]', "Invalid \\uXXXX escape"),
        ('["\\ud800"]', "half a character"),
        ('["a]', "can't read '\"a]'"),
    ],
)
def test_what_is_no_json_says_why(text, message):
    with pytest.raises(UnreadableError) as caught:
        read(text)

    assert caught.value.problem.message == f"not valid JSON: {message}"


def test_a_document_with_braces_may_be_yaml_all_the_same():
    node = read_document("  {a: [1, !Ref b]}", Findings())

    assert plain(node) == {"a": [1, {"Ref": "b"}]}


def test_a_broken_document_with_braces_was_meant_to_be_json():
    with pytest.raises(UnreadableError) as caught:
        read_document('{"a": 1,\n "b" 2}', Findings())

    assert caught.value.problem.line == 2
    assert caught.value.problem.message.startswith("not valid JSON")


def test_json_is_read_as_json():
    findings = Findings()

    node = read_document('{"a": "yes", "a": "\\ud83d\\ude00"}', findings)

    assert plain(node) == {"a": "yes"}
    assert [problem.message for problem in findings.problems()] == [
        "a is written twice, on lines 1 and 1"
    ]
