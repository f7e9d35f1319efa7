"""Parameters: what was given is taken if the declaration allows it; what is missing is asked for by name."""

from __future__ import annotations

import pytest

from tests.config.checking import check_function, problem_of, value_of


def declared(declaration: str) -> str:
    return f"Parameters: {{Stage: {declaration}}}"


@pytest.mark.parametrize(
    ("declaration", "given", "expected"),
    [
        ("{Type: String, Default: a}", None, "a"),
        ("{Type: String, Default: a}", "b", "b"),
        ("{Type: String, Default: 1}", None, "1"),
        ("{Type: String, Default: yes}", None, "true"),
        ("{Type: String, Default: ''}", None, ""),
        ("{Type: Number, Default: 1.5}", None, "1.5"),
        ("{Type: Number}", "-3", "-3"),
        ("{Type: String, AllowedValues: [a, 1]}", "1", "1"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", "abc", "abc"),
        (r"{Type: String, AllowedPattern: '\p{Lower}+'}", "ABC", "ABC"),
        ("{Type: String, AllowedPattern: '[[a]'}", "[", "["),
        ("{Type: String, MinLength: 2, MaxLength: 3}", "abc", "abc"),
        ("{Type: Number, MinValue: 2, MaxValue: '3'}", "3", "3"),
        ("{Type: Number, MinValue: x}", "3", "3"),
        ("{Type: 'AWS::EC2::Subnet::Id'}", "subnet-1", "subnet-1"),
        ("{Type: 'AWS::SSM::Parameter::Value<String>', Default: /a/b}", "x", "x"),
        (
            "{Type: String, Default: a, Description: d, NoEcho: true, ConstraintDescription: c}",
            None,
            "a",
        ),
    ],
)
def test_a_value_that_is_allowed_is_taken(declaration, given, expected):
    parameters = {} if given is None else {"Stage": given}

    assert value_of("!Ref Stage", sections=declared(declaration), parameters=parameters) == expected


@pytest.mark.parametrize(
    "kind", ["CommaDelimitedList", "List<Number>", "List<String>", "List<AWS::EC2::Subnet::Id>"]
)
def test_a_list_is_its_parts(kind):
    sections = declared(f"{{Type: '{kind}', Default: '1, 2,3'}}")

    assert value_of("!Join ['-', !Ref Stage]", sections=sections) == "1-2-3"


@pytest.mark.parametrize(
    ("declaration", "given", "message"),
    [
        ("{Type: Number}", "ten", 'expected a number, got "ten"'),
        ("{Type: 'List<Number>'}", "1,b", 'expected a number, got "b"'),
        ("{Type: String, AllowedValues: [a, b]}", "c", 'expected one of a, b, got "c"'),
        (
            "{Type: String, AllowedPattern: '[a-z]+'}",
            "A",
            'expected what matches "[a-z]+", got "A"',
        ),
        ("{Type: String, MinLength: 2}", "a", 'expected at least 2 characters, got "a"'),
        ("{Type: String, MaxLength: 2}", "abc", 'expected at most 2 characters, got "abc"'),
        ("{Type: Number, MinValue: 2}", "1", 'expected at least 2, got "1"'),
        ("{Type: Number, MaxValue: 2}", "3", 'expected at most 2, got "3"'),
        ("{Type: String}", "x" * 5000, 'expected at most 4,096 characters, got "' + "x" * 58 + "…"),
        (
            "{Type: String, NoEcho: true, MaxLength: 1}",
            "secret",
            "expected at most 1 characters, got a value that NoEcho hides",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told_at_the_declaration(declaration, given, message):
    problem = problem_of("!Ref Stage", sections=declared(declaration), parameters={"Stage": given})

    assert problem.path == "$.Parameters.Stage"
    assert problem.line == 2
    assert problem.message == message


def test_the_declarations_own_words_are_the_suggestion():
    sections = declared(
        "{Type: String, Default: x, AllowedValues: [a], ConstraintDescription: must be a}"
    )

    assert problem_of("!Ref Stage", sections=sections).suggestion == "must be a"


def test_a_missing_value_is_asked_for_once_however_often_it_is_used():
    application = check_function(
        "Environment: {Variables: {ONE: !Ref Stage, TWO: !Sub 'x${Stage}'}}\nTimeout: !Ref Stage",
        sections=declared("{Type: String}"),
    )

    (problem,) = application.problems
    assert (problem.path, problem.line) == ("$.Parameters.Stage", 2)
    assert problem.message == "parameter Stage needs a value"
    assert problem.suggestion == "give one with --parameter Stage=VALUE"


def test_a_value_that_nobody_uses_need_not_be_given():
    assert check_function("Role: !Ref Stage", sections=declared("{Type: String}")).problems == ()


def test_the_default_of_a_stored_parameter_is_no_value():
    sections = declared("{Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/stage}")

    problem = problem_of("!Ref Stage", sections=sections)

    assert problem.message == (
        "parameter Stage needs a value: its default is a name in the SSM parameter store, which is not read here"
    )


def test_a_value_for_no_parameter_is_told():
    application = check_function(
        sections=declared("{Type: String, Default: a}"), parameters={"Staeg": "x"}
    )

    (problem,) = application.problems
    assert problem.path == "$.Parameters"
    assert problem.message == 'the template has no parameter "Staeg"'
    assert problem.suggestion == "did you mean Stage?"


@pytest.mark.parametrize(
    ("section", "path", "message", "suggestion"),
    [
        ("[a]", "$.Parameters", "expected a map of parameters, got a list", ""),
        ("{Stage: String}", "$.Parameters.Stage", "expected a map with Type, got a string", ""),
        ("{Stage: {}}", "$.Parameters.Stage", "expected Type, such as String, got nothing", ""),
        (
            "{Stage: {Type: Strng}}",
            "$.Parameters.Stage.Type",
            'expected a parameter type such as String, got "Strng"',
            "did you mean String?",
        ),
        (
            "{Stage: {Type: String, Defualt: a}}",
            "$.Parameters.Stage.Defualt",
            "unknown key of a parameter",
            "did you mean Default?",
        ),
    ],
)
def test_a_declaration_that_can_not_be_read_is_told(section, path, message, suggestion):
    (problem,) = check_function(sections=f"Parameters: {section}").problems

    assert (problem.path, problem.message, problem.suggestion) == (path, message, suggestion)


def test_a_value_that_is_no_text_is_told_and_not_used():
    application = check_function(
        "Environment: {Variables: {VALUE: !Ref Stage}}",
        sections=declared("{Type: String, Default: a}"),
        parameters={"Stage": "\udc80"},
    )

    assert [problem.message for problem in application.problems] == [
        'the value of "Stage" is not UTF-8 text'
    ]
    assert application.functions["Process"].environment == {"VALUE": "a"}
