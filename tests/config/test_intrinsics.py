"""CloudFormation's functions give what CloudFormation gives, in short form and long."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config.template import check_text
from tests.config.checking import check, check_event, check_function, problem_of, value_of

SECTIONS = """
Parameters:
  Stage: {Type: String, Default: test}
  Zones: {Type: CommaDelimitedList, Default: "a, b ,c"}
Mappings:
  Sizes:
    test: {Small: 5, Names: [x, y]}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsProd: !Equals [!Ref Stage, prod]
"""
RESOURCES = """
Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: shop-orders}}
Unnamed: {Type: AWS::SQS::Queue}
Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: shop}}
Topic: {Type: AWS::SNS::Topic}
Bucket: {Type: AWS::S3::Bucket}
Role: {Type: AWS::IAM::Role}
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Stage", "test"),
        ("{Ref: Stage}", "test"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::StackName", "headrace"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::StackId", "arn:aws:cloudformation:us-east-1:000000000000:stack/headrace/local"),
        ("!Join ['-', !Ref AWS::NotificationARNs]", ""),
        ("!Ref Orders", "https://sqs.us-east-1.amazonaws.com/000000000000/shop-orders"),
        ("!Ref Unnamed", "https://sqs.us-east-1.amazonaws.com/000000000000/Unnamed"),
        ("!Ref Table", "shop"),
        ("!Ref Topic", "arn:aws:sns:us-east-1:000000000000:Topic"),
        ("!Ref Bucket", "Bucket"),
        ("!Ref Process", "Process"),
        ("!GetAtt Orders.Arn", "arn:aws:sqs:us-east-1:000000000000:shop-orders"),
        ("{'Fn::GetAtt': [Orders, Arn]}", "arn:aws:sqs:us-east-1:000000000000:shop-orders"),
        ("{'Fn::GetAtt': [Orders, !Sub '${Stage}Arn']}", None),
        ("!GetAtt Orders.QueueName", "shop-orders"),
        ("!GetAtt Orders.QueueUrl", "https://sqs.us-east-1.amazonaws.com/000000000000/shop-orders"),
        ("!GetAtt Table.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/shop"),
        (
            "!GetAtt Table.StreamArn",
            "arn:aws:dynamodb:us-east-1:000000000000:table/shop/stream/2000-01-01T00:00:00.000",
        ),
        ("!GetAtt Topic.TopicName", "Topic"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::Bucket"),
        ("!GetAtt Role.Arn", "arn:aws:iam::000000000000:role/Role"),
        ("!GetAtt Process.Arn", "arn:aws:lambda:us-east-1:000000000000:function:Process"),
        ("!Sub 'a-${Stage}-${AWS::Region}'", "a-test-us-east-1"),
        ("!Sub '${Orders.QueueName}/${!Stage}/${'", "shop-orders/${Stage}/${"),
        ("!Sub ['${x}${Stage}', {x: !Ref AWS::Partition}]", "awstest"),
        ("!Sub ['${Stage}', {Stage: own}]", "own"),
        ("!Join ['-', [a, !Ref Stage, 1, true]]", "a-test-1-true"),
        ("!Join [',', !Ref Zones]", "a,b,c"),
        ("!Join ['+', !Split ['-', 'a-b-c']]", "a+b+c"),
        ("!Select [1, [a, b]]", "b"),
        ("!Select ['0', !Ref Zones]", "a"),
        ("!Select [2, !Split ['/', 'x/y/z']]", "z"),
        ("!FindInMap [Sizes, !Ref Stage, Small]", "5"),
        ("!Join ['', !FindInMap [Sizes, test, Names]]", "xy"),
        ("!FindInMap [Sizes, nowhere, Small, {DefaultValue: none}]", "none"),
        ("!FindInMap [Sizes, test, Small, {DefaultValue: none}]", "5"),
        ("!If [IsTest, a, b]", "a"),
        ("!If [IsProd, !Ref Nothing, b]", "b"),
        ("{'Fn::If': [IsProd, a, !Sub '${Stage}!']}", "test!"),
        ("!Base64 hello", base64.b64encode(b"hello").decode()),
        ("!If [IsProd, a, !Ref AWS::NoValue]", None),
        ("!Join ['', [a, !Ref AWS::NoValue, b]]", "ab"),
        ("1", "1"),
        ("1.50", "1.5"),
        ("true", "true"),
        ("2012-10-17", "2012-10-17"),
        ("012345678901", "012345678901"),
    ],
)
def test_a_function_gives_what_it_stands_for(expression, expected):
    assert value_of(expression, sections=SECTIONS, resources=RESOURCES) == expected


@pytest.mark.parametrize(
    ("expression", "message", "suggestion"),
    [
        ("!Ref Stag", 'there is no parameter or resource "Stag"', "did you mean Stage?"),
        (
            "!Ref AWS::Regoin",
            'there is no pseudo parameter "AWS::Regoin"',
            "did you mean AWS::Region?",
        ),
        ("!Ref [a]", "expected a name, got a list", ""),
        ("!GetAtt Oders.Arn", 'there is no parameter or resource "Oders"', "did you mean Orders?"),
        ("!GetAtt Orders", 'expected Resource.Attribute, got "Orders"', "such as OrdersQueue.Arn"),
        ("!GetAtt Orders.Arm", 'a queue has no attribute "Arm"', "did you mean Arn?"),
        ("!GetAtt Orders.Zzz", 'a queue has no attribute "Zzz"', "it has Arn, QueueName, QueueUrl"),
        (
            "{'Fn::GetAtt': [Orders]}",
            "expected a list of a resource and an attribute, got a list of 1",
            "",
        ),
        ("{'Fn::GetAtt': 3}", "expected a list of a resource and an attribute, got a number", ""),
        ("!Sub '${Nope}'", 'there is no parameter or resource "Nope"', ""),
        ("!Sub '${Zones}'", '"Zones" is a list and can\'t stand in a text', "use Fn::Join"),
        ("!Sub [a]", "expected a list of a text and a map of variables, got a list of 1", ""),
        ("!Sub {a: 1}", "expected a text with ${variables}, got a map", ""),
        ("!Sub ['${x}', {x: [1]}]", "expected a string, got a list", ""),
        ("!Join [a]", "expected a list of a separator and a list, got a list of 1", ""),
        ("!Join ['', text]", "expected a list, got a string", ""),
        ("!Join ['', [[a]]]", "expected a string, got a list", ""),
        (
            "!Join [!Ref AWS::NoValue, [a]]",
            "expected a list of a separator and a list, got a list of 2",
            None,
        ),
        ("!Split ['', text]", "expected a separator, got an empty string", ""),
        ("!Select [2, [a, b]]", 'expected an index from 0 to 1, got "2"', ""),
        ("!Select [x, [a, b]]", 'expected an index from 0 to 1, got "x"', ""),
        ("!FindInMap [Size, test, Small]", 'there is no "Size" in Mappings', "did you mean Sizes?"),
        (
            "!FindInMap [Sizes, tset, Small]",
            'there is no "Sizes.tset" in Mappings',
            "did you mean test?",
        ),
        ("!If [IsTset, a, b]", 'there is no condition "IsTset"', "did you mean IsTest?"),
        (
            "!If [IsTest, a]",
            "expected a list of a condition, a value if true and a value if false, got a list of 2",
            "",
        ),
        ("!If [[IsTest], a, b]", "expected a condition's name, got a list", ""),
        (
            "{'Fn::Sub': a, 'Fn::Join': b}",
            'a function must stand alone, got "Fn::Sub, Fn::Join"',
            "",
        ),
        ("{'Fn::Sbu': a}", '"Fn::Sbu" can\'t be worked out here', "did you mean Fn::Sub?"),
        ("!GetAZs us-east-1", '"Fn::GetAZs" can\'t be worked out here', None),
        ("[a]", "expected a string, got a list", ""),
        ("{a: 1}", "expected a string, got a map", ""),
        ("", "expected a string, got nothing", ""),
        ('"a\\0b"', "expected a string, got a string with a NUL", ""),
    ],
)
def test_a_function_that_can_not_be_worked_out_says_why(expression, message, suggestion):
    if expression.startswith("!Join [!Ref AWS::NoValue"):
        message = "expected a string, got AWS::NoValue"

    problem = problem_of(expression, sections=SECTIONS, resources=RESOURCES)

    assert problem.message == message
    assert suggestion is None or problem.suggestion == suggestion
    assert problem.severity == "error"
    assert problem.path.startswith("$.Resources.Process.Properties.Environment.Variables.VALUE")


def test_the_path_of_a_problem_leads_into_the_function():
    problem = problem_of("!Join ['', [a, !Ref Nope]]")

    assert problem.path.endswith("Variables.VALUE.Fn::Join[1][1].Ref")


def test_the_region_and_the_stack_are_the_callers():
    value = value_of(
        "!Sub '${AWS::StackName}.${AWS::Region}'", region="eu-west-1", stack_name="shop"
    )

    assert value == "shop.eu-west-1"


@pytest.mark.parametrize(
    "expression", ["!ImportValue shop-Url", "{'Fn::ImportValue': !Sub 'shop-${Name}'}"]
)
def test_an_export_of_another_stack_is_asked_for_by_name(expression):
    sections = "Parameters: {Name: {Type: String, Default: Url}}"

    problem = problem_of(expression, sections=sections)
    given_value = value_of(expression, sections=sections, parameters={"shop-Url": "https://shop"})

    assert problem.message == '"shop-Url" is kept outside this template: the variable is left out'
    assert problem.severity == "warning"
    assert given_value == "https://shop"


def test_an_export_that_a_mapping_needs_is_an_error_that_says_how_to_give_it():
    template = """
        Resources:
          Mapping:
            Type: AWS::Lambda::EventSourceMapping
            Properties: {FunctionName: !Ref Process, EventSourceArn: !ImportValue shop-OrdersArn}
          Process:
            Type: AWS::Lambda::Function
            Properties: {Runtime: python3.12, Handler: index.handler, Code: {ZipFile: 'def handler(e, c): pass'}}
    """

    (problem,) = check(template).problems
    application = check(
        template, parameters={"shop-OrdersArn": "arn:aws:sqs:eu-west-1:123456789012:orders"}
    )

    assert problem.message == '"shop-OrdersArn" is kept outside this template'
    assert problem.suggestion == "give its value with --parameter shop-OrdersArn=VALUE"
    assert problem.severity == "error"
    assert application.mappings[0].source == "arn:aws:sqs:eu-west-1:123456789012:orders"


def test_a_dynamic_reference_is_asked_for_by_name():
    expression = "'a {{resolve:ssm:/shop/url}} b {{not this}}'"

    problem = problem_of(expression)
    given_value = value_of(expression, parameters={"resolve:ssm:/shop/url": "x"})

    assert problem.severity == "warning"
    assert (
        problem.message
        == '"resolve:ssm:/shop/url" is kept outside this template: the variable is left out'
    )
    assert given_value == "a x b {{not this}}"


@pytest.mark.parametrize("attribute", ["Api.Url", "Bucket.WebsiteURL"])
def test_what_only_a_deployment_tells_is_left_out_of_the_environment_with_a_warning(attribute):
    resources = "Api: {Type: AWS::Serverless::Api}\nBucket: {Type: AWS::S3::Bucket}"

    problem = problem_of(f"!GetAtt {attribute}", resources=resources)

    assert problem.severity == "warning"
    assert (
        problem.message
        == f'"{attribute}" is known only after a deployment to AWS: the variable is left out'
    )
    assert problem.suggestion == "give it with --env-vars FILE"


def test_a_resource_that_sam_makes_is_no_mistake():
    problem = problem_of("!Sub 'https://${ServerlessRestApi}.execute-api'")

    assert problem.severity == "warning"
    assert "made by SAM" in problem.message


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Process.Alias", "arn:aws:lambda:us-east-1:000000000000:function:Process:prod"),
        ("!Ref Process.Version", "arn:aws:lambda:us-east-1:000000000000:function:Process:1"),
        ("!Sub '${Process.Alias}'", "arn:aws:lambda:us-east-1:000000000000:function:Process:prod"),
        ("!Ref Alias", "arn:aws:lambda:us-east-1:000000000000:function:Process:live"),
        ("!Ref Version", "arn:aws:lambda:us-east-1:000000000000:function:Process:1"),
    ],
)
def test_an_alias_or_a_version_is_the_functions_arn_with_a_qualifier(expression, expected):
    resources = """
        Alias: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Process, Name: live}}
        Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !GetAtt Process.Arn}}
    """

    application = check_function(
        f"AutoPublishAlias: prod\nEnvironment: {{Variables: {{VALUE: {expression}}}}}",
        resources=resources,
    )

    assert application.problems == ()
    assert application.functions["Process"].environment["VALUE"] == expected


def test_a_version_without_a_function_is_told():
    problem = problem_of("!Ref Version", resources="Version: {Type: AWS::Lambda::Version}")

    assert problem.message == "expected FunctionName, got nothing"


def test_without_a_published_alias_the_version_stands_in():
    assert (
        value_of("!Ref Process.Alias") == "arn:aws:lambda:us-east-1:000000000000:function:Process:1"
    )


def test_a_resource_whose_condition_is_false_can_not_be_referred_to():
    sections = "Conditions: {Never: !Equals [a, b]}"
    resources = "Orders: {Type: AWS::SQS::Queue, Condition: Never}"

    problem = problem_of("!Ref Orders", sections=sections, resources=resources)

    assert problem.message == "Orders is not made, since its condition Never is false"


def test_names_that_need_each_other_are_a_cycle():
    application = check("""
        Resources:
          A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt B.QueueName}}
          B: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub 'x${A.QueueName}'}}
    """)

    assert {problem.message for problem in application.problems} == {
        "cyclic reference: A → B → A",
        "cyclic reference: B → A → B",
    }


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ("{QueueName: !Ref AWS::NoValue}", "Orders"),
        ("{QueueName: !Sub '${AWS::Region}-x'}", "us-east-1-x"),
        ("!If [Always, {QueueName: inner}, {}]", "inner"),
    ],
)
def test_a_name_may_be_worked_out(properties, name):
    application = check(f"""
        Conditions: {{Always: !Equals [a, a]}}
        Resources:
          Orders: {{Type: AWS::SQS::Queue, Properties: {properties}}}
    """)

    assert application.problems == ()
    assert application.queues["Orders"].name == name


def test_a_name_that_is_no_text_is_told():
    (problem,) = check(
        "Resources: {Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: [a]}}}"
    ).problems

    assert problem.message == "expected a name, got a list"


def test_what_stands_in_ignored_properties_is_never_worked_out():
    application = check_function(
        """
        Role: !ImportValue some-role
        Policies: [{Statement: {Resource: !GetAtt Nowhere.Arn}}]
        VpcConfig: {SubnetIds: !Ref Subnets}
        Tags: {a: !Sub '${Nope}'}
    """,
        sections="Parameters: {Subnets: {Type: 'List<AWS::EC2::Subnet::Id>'}}",
    )

    assert application.problems == ()
    assert not application.has_errors


@pytest.mark.parametrize(
    "doubled",
    [
        lambda text: {"Fn::Sub": ["${a}${a}", {"a": text}]},
        lambda text: {"Fn::Sub": ["${a}${a}", {"a": {"Fn::Join": ["-", [text, text]]}}]},
        lambda text: {"Fn::Sub": ["${a}${a}", {"a": {"Fn::Base64": text}}]},
    ],
)
def test_a_text_that_doubles_itself_is_stopped(doubled):
    text = "x" * 1000
    while True:
        template = {
            "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": text}}}
        }
        messages = [problem.message for problem in check_text(json.dumps(template)).problems]
        if (
            "more than 64 maps and lists lie in one another" in messages
            or len(json.dumps(text)) > 100_000
        ):
            pytest.fail("never stopped")
        if messages == ["the template's functions build more than 5,000,000 characters"]:
            return
        text = doubled(text)


def test_a_list_from_a_long_text_is_stopped():
    zones = {"Fn::Join": ["", ["," * 60_000]]}

    problem = problem_of(json.dumps({"Fn::Join": ["", {"Fn::Split": [",", zones]}]}))

    assert problem.message == "the template's functions build more than 5,000,000 characters"


def test_a_page_of_opening_braces_is_read_once():
    text = "${" * 1500

    assert value_of(f"!Sub '{text}'") == text


def test_a_setting_of_a_mapping_may_come_from_a_branch():
    application = check_event(
        "BatchSize: !If [IsTest, !Ref Size, 5]\nScalingConfig: !If [IsTest, !Ref AWS::NoValue, {MaximumConcurrency: 5}]",
        sections="""
            Parameters: {Size: {Type: Number, Default: 7}}
            Conditions: {IsTest: !Equals [a, a]}
        """,
    )

    assert application.problems == ()
    assert application.mappings[0].batch_size == 7
    assert application.mappings[0].maximum_concurrency is None


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@given(st.lists(texts, min_size=1, max_size=6), st.sampled_from("-/|+"))
def test_split_takes_apart_what_join_put_together(parts, separator):
    parts = [part.replace(separator, "") for part in parts]
    joined = {"Fn::Join": [separator, parts]}
    again = {"Fn::Join": [separator, {"Fn::Split": [separator, joined]}]}

    assert value_of(json.dumps(again)) == separator.join(parts)


@given(texts)
def test_a_text_without_variables_is_what_sub_gives(text):
    text = text.replace("$", "").replace("{", "")

    assert value_of(json.dumps({"Fn::Sub": text})) == text


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Ref",
                    "Fn::Sub",
                    "Fn::Join",
                    "Fn::If",
                    "Fn::Select",
                    "Fn::Split",
                    "Fn::GetAtt",
                    "a",
                ]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_whatever_is_written_ends_in_a_value_or_a_problem(value):
    template = {
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": value},
            "F": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Environment": value, "Events": value},
            },
            "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"BatchSize": value}},
        },
        "Conditions": {"C": value},
        "Parameters": {"P": value},
        "Globals": {"Function": value},
    }

    application = check_text(json.dumps(template))

    assert application.has_errors
    assert all(
        problem.line for problem in application.problems if problem.path.startswith("$.Resources.")
    )
