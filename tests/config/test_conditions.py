"""Conditions are worked out as CloudFormation does, each once, and none that needs itself."""

from __future__ import annotations

import pytest

from tests.config.checking import check, problem_of, value_of

PARAMETERS = "Parameters: {Stage: {Type: String, Default: test}, Zones: {Type: CommaDelimitedList, Default: 'a,b'}}"


def holds(condition: str, others: str = "") -> bool:
    sections = f"{PARAMETERS}\nConditions:\n  Asked: {condition}\n{others}"
    value = value_of("!If [Asked, '1', '0']", sections=sections)
    assert value is not None
    return value == "1"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("!Equals [a, a]", True),
        ("!Equals [a, b]", False),
        ("!Equals [!Ref Stage, test]", True),
        ("!Equals ['true', true]", True),
        ("!Equals [1, '1']", True),
        ("!Equals [1.0, '1']", False),
        ("!Equals [!Ref Zones, [a, b]]", True),
        ("!Equals [!Ref Zones, a]", False),
        ("!Not [!Equals [a, b]]", True),
        ("!And [!Equals [a, a], !Equals [b, b]]", True),
        ("!And [!Equals [a, a], !Equals [b, c], !Equals [d, d]]", False),
        ("!Or [!Equals [a, b], !Equals [b, b]]", True),
        ("!Or [!Equals [a, b], !Equals [b, c]]", False),
        ("{'Fn::Not': [{'Fn::Equals': [a, {Ref: Stage}]}]}", True),
        ("!Condition Other", True),
        ("{Condition: Other}", True),
        ("!And [{Condition: Other}, !Condition Other]", True),
    ],
)
def test_a_condition_holds_or_not(condition, expected):
    assert holds(condition, "  Other: !Equals [x, x]") is expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "true",
            "expected one of Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got true or false",
        ),
        (
            "{a: 1, b: 2}",
            "expected one of Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got a map",
        ),
        (
            "!Ref Stage",
            'expected one of Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got "Ref"',
        ),
        ("!Equals [a]", "expected a list of 2, got one of 1"),
        ("!Equals a", "expected a list of 2, got a string"),
        ("!Not [!Equals [a, a], !Equals [a, a]]", "expected a list of 1, got one of 2"),
        ("!And [!Equals [a, a]]", "expected a list of 2 to 10, got one of 1"),
        ("!Condition Nowhere", 'there is no condition "Nowhere"'),
        ("!Condition [a]", "expected a condition's name, got a list"),
        ("!Equals [!Ref Nowhere, a]", 'there is no parameter or resource "Nowhere"'),
    ],
)
def test_a_condition_that_can_not_be_worked_out_says_why(condition, message):
    sections = f"{PARAMETERS}\nConditions: {{Asked: {condition}}}"

    problem = problem_of("!If [Asked, a, b]", sections=sections)

    assert problem.message == message
    assert problem.path.startswith("$.Conditions.Asked")


def test_conditions_that_need_each_other_are_a_cycle():
    sections = "Conditions: {A: !Not [!Condition B], B: !And [!Condition C, !Condition C], C: !Condition A}"

    problem = problem_of("!If [A, a, b]", sections=sections)

    assert (
        problem.message == "cyclic reference: condition A → condition B → condition C → condition A"
    )
    assert problem.path == "$.Conditions.A"


def test_a_condition_that_doubles_itself_is_worked_out_once():
    conditions = ["C0: !Equals [a, a]"]
    conditions += [f"C{i}: !And [!Condition C{i - 1}, !Condition C{i - 1}]" for i in range(1, 200)]
    sections = "Conditions:\n  " + "\n  ".join(conditions[:35])

    assert value_of("!If [C34, yes it is, no]", sections=sections) == "yes it is"


def test_a_resource_with_a_false_condition_is_not_made():
    application = check("""
        Conditions: {Never: !Equals [a, b], Always: !Equals [a, a]}
        Resources:
          Here: {Type: AWS::SQS::Queue, Condition: Always}
          Gone: {Type: AWS::SQS::Queue, Condition: Never}
          Bucket: {Type: AWS::S3::Bucket, Condition: Nowhere}
    """)

    assert application.problems == ()
    assert list(application.queues) == ["Here"]
    assert application.passed_over == (
        "Gone: not made, its condition Never is false",
        "Bucket: AWS::S3::Bucket is not run here",
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [("Nvr", 'there is no condition "Nvr"'), ("[a]", "expected a condition's name, got a list")],
)
def test_a_resource_with_a_condition_that_is_not_there_is_read_all_the_same(condition, message):
    application = check(f"""
        Conditions: {{Never: !Equals [a, b]}}
        Resources:
          Orders: {{Type: AWS::SQS::Queue, Condition: {condition}}}
    """)

    (problem,) = application.problems
    assert (problem.path, problem.message) == ("$.Resources.Orders.Condition", message)
    assert list(application.queues) == ["Orders"]


def test_a_condition_that_needs_a_missing_parameter_asks_for_it_once():
    application = check("""
        Parameters: {Stage: {Type: String}}
        Conditions: {IsProd: !Equals [!Ref Stage, prod]}
        Resources:
          A: {Type: AWS::SQS::Queue, Condition: IsProd}
          B: {Type: AWS::SQS::Queue, Condition: IsProd}
    """)

    assert [problem.message for problem in application.problems] == [
        "parameter Stage needs a value"
    ]
