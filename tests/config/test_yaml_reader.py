"""YAML as CloudFormation reads it: short tags, lines, duplicates, and what plain words stand for."""

from __future__ import annotations

import pytest
import yaml

from headrace.config import yaml_reader
from headrace.config.documents import read_document
from headrace.config.findings import Findings
from headrace.config.limits import UnreadableError
from headrace.config.nodes import Marker, Node, plain
from headrace.config.yaml_reader import SHORT_TAGS, read_yaml


@pytest.fixture(autouse=True, params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])
def loader(request, monkeypatch):
    """PyYAML has libyaml in it where it could be built, else a parser of its own: both read the same."""
    monkeypatch.setattr(yaml_reader, "_LOADER", request.param)
    return request.param


def read(text: str) -> Node:
    findings = Findings()
    node = read_yaml(text, findings)
    assert findings.problems() == ()
    return node


def unreadable(text: str) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_document(text, Findings())
    problem = caught.value.problem
    return f"{problem.line} {problem.path}: {problem.message}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("On", True),
        ("TRUE", True),
        ("no", False),
        ("off", False),
        ("y", "y"),
        ("n", "n"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.0e+3", 1000.0),
        ("1e3", "1e3"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("010", "010"),
        ("012345678901", "012345678901"),
        ("12:30", "12:30"),
        ("2010-09-09", "2010-09-09"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        (".inf", ".inf"),
        ("9" * 5000, "9" * 5000),
        ("'yes'", "yes"),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("|-\n  12", "12"),
    ],
)
def test_a_plain_word_is_what_cloudformation_makes_of_it(text, value):
    found = plain(read(f"a: {text}\n").entries["a"])

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("key", ["on", "yes", "1", "null", "'a b'", "2012-10-17"])
def test_a_key_is_the_word_that_was_written(key):
    assert plain(read(f"{key}: 1")) == {key.strip("'"): 1}


@pytest.mark.parametrize(("tag", "name"), SHORT_TAGS.items())
@pytest.mark.parametrize(
    ("text", "value"), [("a.b", "a.b"), ("[a, 1]", ["a", 1]), ("{a: 1}", {"a": 1}), ("7", "7")]
)
def test_a_short_tag_is_its_long_form(tag, name, text, value):
    assert plain(read(f"x: {tag} {text}")) == {"x": {name: value}}


def test_short_tags_stand_in_one_another():
    text = """
        x: !If
          - IsProd
          - !Sub "${A}-b"
          - !Join ["-", [!Ref A, !Select [0, !Split ["-", a-b]]]]
    """

    assert plain(read(text)) == {
        "x": {
            "Fn::If": [
                "IsProd",
                {"Fn::Sub": "${A}-b"},
                {
                    "Fn::Join": [
                        "-",
                        [{"Ref": "A"}, {"Fn::Select": [0, {"Fn::Split": ["-", "a-b"]}]}],
                    ]
                },
            ]
        }
    }


def test_every_value_has_the_line_of_its_key_or_its_own():
    root = read("a: 1\nb:\n  c:\n    - x\n    - y: z\nd: {e: 1,\n  f: 2}\n")

    lines = {
        "a": root.entries["a"].line,
        "b": root.entries["b"].line,
        "c": root.entries["b"].entries["c"].line,
        "x": root.entries["b"].entries["c"].items[0].line,
        "y": root.entries["b"].entries["c"].items[1].entries["y"].line,
        "f": root.entries["d"].entries["f"].line,
    }

    assert lines == {"a": 1, "b": 2, "c": 3, "x": 4, "y": 5, "f": 7}


def test_an_alias_is_what_its_anchor_holds_on_a_line_of_its_own():
    root = read("a: &x {k: [1, 2]}\nb: *x\nc: [*x]\n")

    assert plain(root) == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}, "c": [{"k": [1, 2]}]}
    assert root.entries["b"].line == 2


def test_a_merge_key_adds_what_is_not_there():
    root = read(
        "base: &b {k: 1, l: 2}\nmore: &m {n: 3}\na: {<<: *b, k: 9}\nc:\n  <<: [*b, *m]\nd: {'<<': 1}\n"
    )

    assert plain(root.entries["a"]) == {"k": 9, "l": 2}
    assert plain(root.entries["c"]) == {"k": 1, "l": 2, "n": 3}
    assert plain(root.entries["d"]) == {"<<": 1}


@pytest.mark.parametrize("merged", ["1", "[1]", "[]"])
def test_only_maps_can_be_merged(merged):
    findings = Findings()

    root = read_yaml(f"a:\n  <<: {merged}\n  k: 1", findings)

    (problem,) = findings.problems()
    assert (problem.path, problem.line) == ("$.a.<<", 2)
    assert problem.message == "expected a map or a list of maps to merge"
    assert plain(root) == {"a": {"k": 1}}


def test_a_key_that_is_written_twice_is_told_with_both_lines():
    findings = Findings()

    root = read_yaml("a:\n  b: 1\n  c: 2\n  b: 3\na: {}\n", findings)

    assert [(p.path, p.line, p.message, p.suggestion) for p in findings.problems()] == [
        ("$.a.b", 4, "b is written twice, on lines 2 and 4", "keep one"),
        ("$.a", 5, "a is written twice, on lines 1 and 5", "keep one"),
    ]
    assert plain(root) == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("tag", "message", "suggestion"),
    [
        ("!Rfe", "unknown tag !Rfe", "did you mean !Ref?"),
        ("!!timestamp", "unknown tag !!timestamp", ""),
        ("!!python/object/apply:os.system", "unknown tag !!python/object/apply:os.system", ""),
    ],
)
def test_an_unknown_tag_is_refused_by_name(tag, message, suggestion):
    findings = Findings()

    root = read_yaml(f"a:\n  b: [1, {tag} x]", findings)

    (problem,) = findings.problems()
    assert (problem.path, problem.line) == ("$.a.b[1]", 2)
    assert (problem.message, problem.suggestion) == (message, suggestion)
    assert root.entries["a"].entries["b"].items[1].raw is Marker.UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1 $: expected a template, the file is empty"),
        ("# only words\n", "1 $: expected a template, the file is empty"),
        ("a: 1\n---\nb: 2\n", "2 $: expected one document, found another after ---"),
        ("a: *nowhere", "1 $.a: alias *nowhere has no anchor before it"),
        ("a: &x [1, *x]", "1 $.a[1]: alias *x stands inside its own anchor"),
        ("? [a]\n: 1", "1 $: expected a key that is a plain word"),
        ("a: &x b\n*x : 1", "2 $: expected a key that is a plain word"),
        ("!Ref a: 1", "1 $: expected a key that is a plain word"),
    ],
)
def test_what_can_not_be_read_says_where_and_why(text, expected):
    assert unreadable(text) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1,\nb: 2\n", 3), ("a: 'x\n", 2), ("a:\n\t- 1", 2), ("a: 1\n b: 2", 2), ("a: @x", 1)],
)
def test_broken_yaml_is_told_with_its_line(text, line):
    told = unreadable(text)

    assert told.startswith(f"{line} $: not valid YAML: ")


def test_a_control_character_is_told():
    assert "not valid YAML" in unreadable("a: \x01")


def test_a_neutral_tag_changes_nothing():
    assert plain(read("a: !!map {b: !!seq [!!str x]}")) == {"a": {"b": ["x"]}}


def test_half_a_character_is_no_text():
    assert "not valid YAML: " in unreadable('a: "\\ud800"')
    assert unreadable("a: \ud800") == "None $: expected UTF-8 text"
