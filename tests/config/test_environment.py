"""Environment variables: strings all of them, named as Lambda allows, and never shown."""

from __future__ import annotations

import pytest

from headrace.config.vocabulary import RESERVED_VARIABLES
from tests.config.checking import check_function, told


def environment(text: str, **options):
    return check_function(f"Environment: {text}", **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {}),
        ("{Variables: {}}", {}),
        (
            "{Variables: {AB: text, CD: 1, EF: 1.5, GH: true, IJ: off, KL: ''}}",
            {
                "AB": "text",
                "CD": "1",
                "EF": "1.5",
                "GH": "true",
                "IJ": "false",
                "KL": "",
            },
        ),
        ("{Variables: {A_1: !Ref AWS::Region, B_2: !Ref AWS::NoValue}}", {"A_1": "us-east-1"}),
        ("!Ref AWS::NoValue", {}),
        ("{Variables: !Ref AWS::NoValue}", {}),
    ],
)
def test_every_scalar_is_a_string(text, expected):
    application = environment(text)

    assert application.problems == ()
    assert application.functions["Process"].environment == expected


NAME = "expected a name of at least two letters, digits and underscores that begins with a letter"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]", "Process.Environment: expected a map with Variables, got a list"),
        (
            "{Variable: {}}",
            "Process.Environment.Variable: unknown setting (did you mean Variables?)",
        ),
        (
            "{Variables: [a]}",
            "Process.Environment.Variables: expected a map of names and strings, got a list",
        ),
        (
            "{Variables: null}",
            "Process.Environment.Variables: expected a map of names and strings, got nothing",
        ),
        (
            "{Variables: {AB: [a]}}",
            "Process.Environment.Variables.AB: expected a string, got a list",
        ),
        (
            "{Variables: {AB: {a: b}}}",
            "Process.Environment.Variables.AB: expected a string, got a map",
        ),
        ("{Variables: {A: x}}", f"Process.Environment.Variables.A: {NAME}"),
        ("{Variables: {1A: x}}", f"Process.Environment.Variables.1A: {NAME}"),
        ("{Variables: {A-B: x}}", f"Process.Environment.Variables.A-B: {NAME}"),
        ("!Ref Nothing", 'Process.Environment.Ref: there is no parameter or resource "Nothing"'),
    ],
)
def test_what_can_not_be_a_variable_is_told(text, expected):
    assert told(environment(text)) == [expected]


@pytest.mark.parametrize("name", sorted(RESERVED_VARIABLES - {"_HANDLER", "_X_AMZN_TRACE_ID"}))
def test_a_reserved_name_is_refused_as_lambda_does(name):
    (problem,) = environment(f"{{Variables: {{{name}: x, OTHER: y}}}}").problems

    assert problem.message.startswith(
        "Lambda was unable to configure your environment variables because"
    )
    assert problem.message.endswith(f"Reserved keys used in this request: {name}")
    assert problem.path.endswith(f"Variables.{name}")


def test_four_kilobytes_are_enough():
    fits = "AB: " + "x" * 4094
    larger = "AB: " + "x" * 4095

    assert environment(f"{{Variables: {{{fits}}}}}").problems == ()
    assert told(environment(f"{{Variables: {{{larger}}}}}")) == [
        "Process.Environment.Variables: the variables take 4,097 bytes, Lambda allows 4,096"
    ]


def test_no_value_is_ever_shown():
    word = "hunter2"
    application = environment(
        f"{{Variables: {{A-B: {word}, CD: [{word}], EF: {{x: {word}}}, AWS_REGION: {word}, GH: {word * 700}}}}}"
    )

    assert len(application.problems) == 5
    assert word not in str(application.problems)
