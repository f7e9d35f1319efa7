"""Bombs end at a counted bound: few values made, little memory taken, one problem told."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from headrace.config.findings import PROBLEMS_MAX
from headrace.config.limits import ALIASED_NODES_MAX, BYTES_MAX, DEPTH_MAX, NODES_MAX
from headrace.config.template import check_text, load_template

MEMORY_MAX = 20 * 1024 * 1024


def laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines)


def only_problem(text: str) -> tuple[str, int | None]:
    tracemalloc.start()
    try:
        (problem,) = check_text(text).problems
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_MAX
    return problem.message, problem.line


ALIASES = f"the aliases stand for more than {ALIASED_NODES_MAX:,} values"
DEPTH = f"more than {DEPTH_MAX} maps and lists lie in one another"
NODES = f"the document has more than {NODES_MAX:,} values"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(12, 9), ALIASES),
        (laughs(30, 2), ALIASES),
        ("a: &a [" + "x," * 500 + "]\nb: [" + "*a," * 100_000 + "]", ALIASES),
        ("a: &a {k: v}\n" + "".join(f"k{i}: {{<<: *a}}\n" for i in range(6000)), ALIASES),
        ("a: &a0 x\n" + "".join(f"k{i}: &a{i + 1} [*a{i}]\n" for i in range(100)), DEPTH),
        ("[" * 1_000_000, DEPTH),
        ("{" * 1_000_000, None),
        ("- " * 500_000, DEPTH),
        ("? " * 500_000, None),
        ('{"a":' * 200_000, DEPTH),
    ],
    ids=range(10),
)
def test_a_bomb_is_one_problem(text, message):
    found, _ = only_problem(text)

    assert message is None or found == message


@pytest.mark.parametrize(
    "text",
    [
        "[" + "1," * 500_000 + "]",
        "{" + ",".join(f'"{i}":1' for i in range(80_000)) + "}",
        "- \n" * 300_000,
    ],
    ids=["yaml list", "json map", "yaml lines"],
)
def test_a_document_of_more_values_than_any_template_has_is_one_problem(text):
    assert [problem.message for problem in check_text(text).problems] == [NODES]


def test_a_depth_at_the_limit_is_read():
    deepest = "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)

    assert DEPTH not in [
        problem.message for problem in check_text(f"Description: {deepest}").problems
    ]
    assert only_problem(f"Description: [{deepest}]")[0] == DEPTH


def test_aliases_within_the_limit_are_read():
    text = "Metadata: {a: &a [" + "x, " * 98 + "], b: [" + "*a, " * 100 + "]}\nResources: {}"

    assert check_text(text).problems == ()


def test_an_alias_can_not_hide_depth():
    half = "[" * 40 + "x" + "]" * 40
    text = f"a: &a {half}\nb: " + "[" * 40 + "*a" + "]" * 40

    assert only_problem(text) == (DEPTH, 2)


def test_a_text_at_the_limit_is_read_and_one_above_is_not(tmp_path):
    fits = tmp_path / "fits.yaml"
    fits.write_text("Resources: {}\n#" + "x" * (BYTES_MAX - 15))
    larger = tmp_path / "larger.yaml"
    larger.write_text("Resources: {}\n#" + "x" * (BYTES_MAX - 14))
    message = f"expected a template of at most {BYTES_MAX:,} bytes, it is larger"

    assert load_template(fits).problems == ()
    assert [problem.message for problem in load_template(larger).problems] == [message]
    assert [problem.message for problem in check_text(larger.read_text()).problems] == [message]


def test_a_name_as_long_as_a_page_is_cut_wherever_it_is_told():
    name = "N" * 500_000
    template = {
        name: 1,
        "Parameters": {name: {"Type": name, name: 1}},
        "Resources": {
            name: {
                "Type": "AWS::SQS::Queue",
                "Properties": {name: {"Ref": name}, "QueueName": {"Ref": "x" * 40_000}},
            }
        },
    }
    text = json.dumps(template)[: BYTES_MAX - 1]

    problems = check_text(json.dumps({**template, "Parameters": {}})[:BYTES_MAX]).problems
    problems += check_text(text).problems

    assert problems
    assert all(len(str(problem)) < 2_000 for problem in problems)


def test_a_long_name_is_compared_with_nothing():
    name = "N" * 300_000

    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {name: 1}}}}

    (problem,) = check_text(json.dumps(template)).problems

    assert problem.message == "unknown setting"
    assert len(problem.path) < 200


def test_what_is_told_can_not_move_the_cursor():
    text = 'Resources: {Q: {Type: AWS::SQS::Queue, Properties: {"a\\r\\e[2J\\u202eb": 1, QueueName: "\\e]0;x\\a"}}}'

    problems = check_text(text).problems

    assert len(problems) == 2
    assert all(str(problem).isprintable() for problem in problems)


def test_the_words_of_a_template_can_not_move_the_cursor_either():
    text = """
        Parameters: {P: {Type: Number, Default: x, ConstraintDescription: "a\\e[2Jb"}}
        Resources: {}
    """

    (problem,) = check_text(text).problems

    assert problem.suggestion == "a\\x1b[2Jb"


def test_hundreds_of_problems_end_in_one_that_says_so():
    text = json.dumps({f"Section{i}": 1 for i in range(2_000)})

    problems = check_text(text).problems

    assert len(problems) == PROBLEMS_MAX + 1
    assert problems[-1].message == f"more than {PROBLEMS_MAX} problems, the others are not told"


def test_a_long_chain_of_conditions_is_stopped():
    chain = {f"C{i}": {"Fn::Not": [{"Condition": f"C{i + 1}"}]} for i in range(3_000)}
    template = {
        "Conditions": chain,
        "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Condition": "C0"}},
    }

    (problem,) = check_text(json.dumps(template)).problems

    assert problem.message == "more than 40 names and conditions need each other"


def test_chains_that_are_deep_at_every_step_are_stopped():
    chain: dict[str, object] = {}
    for i in range(39):
        condition: dict[str, object] = {"Condition": f"C{i + 1}"}
        for _ in range(28):
            condition = {"Fn::Not": [condition]}
        chain[f"C{i}"] = condition
    template = {
        "Conditions": chain,
        "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Condition": "C0"}},
    }

    (problem,) = check_text(json.dumps(template)).problems

    assert problem.message == "the template's functions and conditions lie too deep in one another"
