"""A whole template: every problem at once, each with its line; what real tools write is read as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.config.application import Application, DeclaredQueue
from headrace.config.template import check_text, load_template
from headrace.errors import ConfigurationError
from headrace.model.mapping import MappingId, QueueMapping
from headrace.model.queue import QueueSettings, RedrivePolicy
from tests.config.checking import TEMPLATES, check, messages


def test_ten_mistakes_are_ten_problems_each_with_its_line():
    application = load_template(TEMPLATES / "ten-mistakes.yaml")

    assert [
        (p.line, p.path.removeprefix("$."), p.message, p.suggestion) for p in application.problems
    ] == [
        (
            3,
            "Parameters.Stage",
            "parameter Stage needs a value",
            "give one with --parameter Stage=VALUE",
        ),
        (
            9,
            "Resources.Orders.Properties.VisibilityTimeout",
            "expected an integer from 0 to 43200, got 43201",
            "",
        ),
        (
            11,
            "Resources.Orders.Properties.RedrivePolicy.deadLetterTargetArn.Fn::GetAtt",
            'there is no parameter or resource "OrdersDeadLeters"',
            "did you mean OrdersDeadLetters?",
        ),
        (
            16,
            "Resources.OrdersDeadLetters.Properties.FifoQueue",
            "FIFO queues come in a later version of Headrace",
            "",
        ),
        (
            22,
            "Resources.Process.Properties.Runtime",
            'expected a runtime such as python3.12, got "pyhton3.12"',
            "did you mean python3.12?",
        ),
        (
            34,
            "Resources.Process.Properties.Events.New.Properties.BatchSzie",
            "unknown setting",
            "did you mean BatchSize?",
        ),
        (
            37,
            "Resources.Process.Properties.Events.Slow.Properties",
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
            "raise the queue's VisibilityTimeout to six times the function's Timeout",
        ),
        (
            39,
            "Resources.Process.Properties.Events.Slow.Properties.BatchSize",
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            "set MaximumBatchingWindowInSeconds to 1 or more",
        ),
        (
            40,
            "Resources.Process.Properties.Events.Slow.Properties.FilterCriteria",
            "FilterCriteria is not supported yet by Headrace: filters come in a later version",
            "",
        ),
        (
            46,
            "Resources.Mapping.Properties.FunctionName.Fn::GetAtt",
            'there is no parameter or resource "Proces"',
            "did you mean Process?",
        ),
    ]
    assert application.has_errors
    with pytest.raises(ConfigurationError) as caught:
        application.require_valid()
    assert caught.value.problems == application.problems


def test_a_template_as_people_write_it_is_read():
    application = load_template(TEMPLATES / "shop" / "template.yaml")

    assert application.problems == ()
    assert application.require_valid() is application
    process = application.functions["ProcessOrders"]
    assert process.code == TEMPLATES / "shop" / "src"
    assert (process.handler, process.runtime) == ("orders.handler.process", "python3.12")
    assert (process.timeout_seconds, process.memory_mb, process.reserved_concurrency) == (
        20,
        256,
        10,
    )
    assert process.environment == {
        "LOG_LEVEL": "DEBUG",
        "INVOICES_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/Invoices",
    }
    assert list(application.functions) == ["ProcessOrders"]
    assert application.queues == {
        "Orders": QueueSettings(
            "orders-dev",
            visibility_timeout_seconds=120,
            redrive_policy=RedrivePolicy("OrdersDeadLetters", 5),
        ),
        "OrdersDeadLetters": QueueSettings("OrdersDeadLetters", retention_seconds=1_209_600),
        "Invoices": QueueSettings("Invoices"),
    }
    assert application.queue_fields == {
        "Orders": {"visibility_timeout_seconds", "redrive_policy"},
        "OrdersDeadLetters": {"retention_seconds"},
        "Invoices": set(),
    }
    assert application.mappings == (
        QueueMapping(
            MappingId("ProcessOrdersNew"),
            "ProcessOrders",
            "Orders",
            batch_size=25,
            batch_window_seconds=2,
            maximum_concurrency=5,
            report_batch_item_failures=True,
        ),
    )
    assert application.sources == {
        "ProcessOrdersNew": DeclaredQueue(
            "Orders", "orders-dev", "arn:aws:sqs:us-east-1:000000000000:orders-dev"
        )
    }
    assert application.push == ()
    assert application.passed_over == (
        "Orders: without meaning here: KmsMasterKeyId",
        "ProcessOrders: without meaning here: Architectures, Policies, Tracing",
        "DeadLettersAlarm: AWS::CloudWatch::Alarm is not run here",
        "Api: without meaning here: Architectures, Tracing",
        'Api: functions for "nodejs22.x" can\'t be run yet by Headrace: expected python3',
        "ProcessOrders.Nightly: events of type Schedule are not run here",
        "Api.Any: events of type HttpApi are not run here",
    )


def test_parameters_choose_what_a_template_is():
    application = load_template(
        TEMPLATES / "shop" / "template.yaml", parameters={"Stage": "prod"}, region="eu-west-1"
    )

    assert application.problems == ()
    assert application.functions["ProcessOrders"].environment["LOG_LEVEL"] == "WARNING"
    assert application.functions["ProcessOrders"].region == "eu-west-1"
    assert application.queues["Orders"].name == "orders-prod"


def test_what_sam_build_writes_is_read_as_it_is():
    application = load_template(TEMPLATES / "sam-build" / "template.yaml")

    assert application.problems == ()
    assert (
        application.functions["ProcessFunction"].code == TEMPLATES / "sam-build" / "ProcessFunction"
    )
    assert [(m.mapping_id, m.function, m.source) for m in application.mappings] == [
        ("ProcessFunctionJobs", "ProcessFunction", "JobsQueue")
    ]


def test_what_cdk_synth_writes_is_read_as_it_is():
    application = load_template(TEMPLATES / "cdk-synth" / "ShopStack.template.json")

    assert application.problems == ()
    (function,) = application.functions.values()
    assert function.code == TEMPLATES / "cdk-synth" / "asset.4f1c0e"
    assert function.name == "Process9C0D1E2F"
    assert list(function.environment) == ["ORDERS_URL"]
    assert application.queues["OrdersF1A2B3C4"].redrive_policy == RedrivePolicy(
        "OrdersDeadLetters0A1B2C3D", 3
    )
    (mapping,) = application.mappings
    assert mapping.mapping_id == "ProcessSqsEventSourceShopStackOrders3A4B5C6D"
    assert (mapping.function, mapping.source) == ("Process9C0D1E2F", "OrdersF1A2B3C4")
    assert mapping.report_batch_item_failures
    assert application.passed_over == (
        "ProcessServiceRole5E6F7A8B: AWS::IAM::Role is not run here",
        "Process9C0D1E2F: without meaning here: Role",
        "CDKMetadata: AWS::CDK::Metadata is not run here",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just words", "expected a template, got a string"),
        ("[a]", "expected a template, got a list"),
        ("Transform: x", "expected a map of resources, got nothing"),
        ("Resources: [a]", "expected a map of resources, got a list"),
        ("Resources: {Q: text}", "expected a resource, got a string"),
        ("Resources: {Q: {}}", "expected Type, such as AWS::Serverless::Function"),
        ("Resources: {Q: {Type: [a]}}", "expected Type, such as AWS::Serverless::Function"),
        (
            "Resources: {Q: {Type: AWS::SQS::Queue, Properties: [a]}}",
            "expected a map of properties, got a list",
        ),
        (
            "Resources: {'Fn::ForEach::Q': [a]}",
            "a function makes resources only in a deployment to AWS",
        ),
    ],
)
def test_what_is_no_template_says_what_was_expected(text, message):
    application = check_text(text)

    assert messages(application) == [message]
    assert application.has_errors


def test_a_resource_with_an_unknown_tag_is_one_problem():
    assert messages(check_text("Resources: {Q: !Nope {}}")) == ["unknown tag !Nope"]


@pytest.mark.parametrize(
    ("text", "path", "message", "suggestion"),
    [
        ("Resorces: {}\nResources: {}", "$.Resorces", "unknown section", "did you mean Resources?"),
        (
            "Resources: {Q: {Type: AWS::SQS::Queue, Propertes: {}}}",
            "$.Resources.Q.Propertes",
            "unknown key of a resource",
            "did you mean Properties?",
        ),
        (
            "Resources: {Q: {Type: AWS::SQS::Queu}}",
            "$.Resources.Q.Type",
            'unknown resource type "AWS::SQS::Queu"',
            "did you mean AWS::SQS::Queue?",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: AWS::Serverless::Funktion}}",
            "$.Resources.F.Type",
            'unknown resource type "AWS::Serverless::Funktion"',
            "did you mean AWS::Serverless::Function?",
        ),
    ],
)
def test_a_misspelt_name_is_told_with_what_was_meant(text, path, message, suggestion):
    (problem,) = check_text(text).problems

    assert (problem.path, problem.message, problem.suggestion) == (path, message, suggestion)


@pytest.mark.parametrize(
    "resource_type",
    [
        "AWS::SQS::QueuePolicy",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::ApiGateway::RestApi",
        "My::Own::Type",
    ],
)
def test_another_type_of_resource_is_passed_over_with_one_line(resource_type):
    application = check(
        f"Resources: {{Other: {{Type: '{resource_type}', Propertes: {{A: !Ref Nothing}}}}}}"
    )

    assert application == Application(passed_over=(f"Other: {resource_type} is not run here",))


def test_sam_resources_without_the_transform_are_a_warning():
    application = check("""
        Resources:
          Orders: {Type: AWS::SQS::Queue}
          One: {Type: AWS::Serverless::SimpleTable}
          Two: {Type: AWS::Serverless::SimpleTable}
    """)

    (problem,) = application.problems
    assert problem.severity == "warning"
    assert problem.message == (
        "AWS::Serverless::SimpleTable needs Transform: AWS::Serverless-2016-10-31 to be deployed to AWS"
    )
    assert application.require_valid() is application


@pytest.mark.parametrize(
    "transform",
    ["AWS::Serverless-2016-10-31", "[AWS::LanguageExtensions, AWS::Serverless-2016-10-31]"],
)
def test_the_transform_may_stand_in_a_list(transform):
    assert (
        check(
            f"Transform: {transform}\nResources: {{T: {{Type: AWS::Serverless::SimpleTable}}}}"
        ).problems
        == ()
    )


class TestFiles:
    def test_a_missing_file_is_a_problem(self, tmp_path):
        (problem,) = load_template(tmp_path / "none.yaml").problems

        assert problem.path == "$"
        assert (
            problem.message == f"{tmp_path / 'none.yaml'} can't be read: No such file or directory"
        )

    def test_a_directory_says_which_template_is_in_it(self, tmp_path):
        (tmp_path / "template.yml").write_text("Resources: {}")
        other = tmp_path / "other"
        other.mkdir()

        (problem,) = load_template(tmp_path).problems
        (without,) = load_template(other).problems

        assert problem.message == f"expected a template, {tmp_path} is a directory"
        assert problem.suggestion == f"there is {tmp_path / 'template.yml'}"
        assert without.suggestion == ""

    def test_a_device_is_not_read(self):
        (problem,) = load_template(Path("/dev/zero")).problems

        assert problem.message == "expected a template, /dev/zero is a device or a pipe"

    def test_a_name_that_no_file_can_have_is_a_problem(self, tmp_path):
        (problem,) = load_template(tmp_path / ("x" * 5000)).problems
        (nul,) = load_template(tmp_path / "a\0b").problems

        assert "can't be read" in problem.message
        assert "can't be read" in nul.message

    def test_text_that_is_not_utf8_is_told_with_its_line(self, tmp_path):
        path = tmp_path / "template.yaml"
        path.write_bytes(b"a: 1\nb: \xff\n")

        (problem,) = load_template(path).problems

        assert (problem.line, problem.message) == (2, "expected UTF-8 text")

    def test_a_byte_order_mark_is_no_part_of_the_text(self, tmp_path):
        path = tmp_path / "template.yaml"
        path.write_bytes(b"\xef\xbb\xbfResources: {}")

        assert load_template(path).problems == ()


class TestGlobals:
    def test_maps_are_merged_lists_joined_and_the_own_value_holds(self):
        application = check("""
            Transform: AWS::Serverless-2016-10-31
            Globals:
              Function:
                Runtime: python3.12
                Handler: index.handler
                Timeout: 5
                InlineCode: 'def handler(e, c): pass'
                Environment: {Variables: {ONE: shared, TWO: shared}}
            Resources:
              A: {Type: AWS::Serverless::Function}
              B:
                Type: AWS::Serverless::Function
                Properties:
                  Timeout: 7
                  Environment: {Variables: {TWO: own, THREE: own}}
        """)

        assert application.problems == ()
        assert application.functions["A"].timeout_seconds == 5
        assert application.functions["A"].environment == {"ONE": "shared", "TWO": "shared"}
        assert application.functions["B"].timeout_seconds == 7
        assert application.functions["B"].environment == {
            "ONE": "shared",
            "TWO": "own",
            "THREE": "own",
        }

    def test_what_is_wrong_in_globals_is_told_once_and_there(self):
        application = check("""
            Transform: AWS::Serverless-2016-10-31
            Globals:
              Function:
                Runtime: python3.12
                Handler: index.handler
                InlineCode: 'def handler(e, c): pass'
                Timeot: 5
                MemorySize: 5
                Environment: {Variables: {ONE: !Ref Nothing}}
            Resources:
              A: {Type: AWS::Serverless::Function}
              B: {Type: AWS::Serverless::Function}
        """)

        assert [(problem.path, problem.line) for problem in application.problems] == [
            ("$.Globals.Function.Timeot", 8),
            ("$.Globals.Function.MemorySize", 9),
            ("$.Globals.Function.Environment.Variables.ONE.Ref", 10),
        ]

    def test_a_function_around_a_value_is_not_merged_into(self):
        application = check("""
            Transform: AWS::Serverless-2016-10-31
            Conditions: {Always: !Equals [a, a]}
            Globals:
              Function:
                Runtime: python3.12
                Handler: index.handler
                InlineCode: 'def handler(e, c): pass'
                Environment: {Variables: {ONE: shared}}
                Timeout: 5
            Resources:
              A:
                Type: AWS::Serverless::Function
                Properties:
                  Environment: !If [Always, {Variables: {TWO: own}}, {}]
                  Timeout: !Ref AWS::NoValue
        """)

        assert application.problems == ()
        assert application.functions["A"].environment == {"TWO": "own"}
        assert application.functions["A"].timeout_seconds == 3

    @pytest.mark.parametrize(
        ("ignored", "timeout", "memory"),
        [("'*'", 3, 128), ("[Timeout]", 3, 256), ("[Nothing, {a: 1}]", 5, 256)],
    )
    def test_a_function_may_ignore_globals(self, ignored, timeout, memory):
        application = check(f"""
            Transform: AWS::Serverless-2016-10-31
            Globals: {{Function: {{Timeout: 5, MemorySize: 256}}}}
            Resources:
              A:
                Type: AWS::Serverless::Function
                IgnoreGlobals: {ignored}
                Properties: {{Runtime: python3.12, Handler: index.h, InlineCode: 'def h(e, c): pass'}}
        """)

        assert application.problems == ()
        assert application.functions["A"].timeout_seconds == timeout
        assert application.functions["A"].memory_mb == memory

    def test_a_name_can_not_be_shared(self):
        application = check("""
            Transform: AWS::Serverless-2016-10-31
            Globals: {Function: {FunctionName: x, Events: {}}, Api: {Name: x}}
            Resources: {}
        """)

        assert [(problem.path, problem.message) for problem in application.problems] == [
            ("$.Globals.Function.FunctionName", "can't be shared by functions"),
            ("$.Globals.Function.Events", "can't be shared by functions"),
        ]

    def test_globals_are_for_sams_functions(self):
        application = check("""
            Transform: AWS::Serverless-2016-10-31
            Globals: {Function: {Timeout: 5}}
            Resources:
              A:
                Type: AWS::Lambda::Function
                Properties: {Runtime: python3.12, Handler: index.h, Code: {ZipFile: 'def h(e, c): pass'}}
        """)

        assert application.functions["A"].timeout_seconds == 3
        assert application.problems == ()

    def test_lists_are_joined(self):
        application = check("""
            Transform: AWS::Serverless-2016-10-31
            Globals: {Function: {Layers: [a], Runtime: python3.12}}
            Resources:
              A:
                Type: AWS::Serverless::Function
                Properties: {Handler: index.h, InlineCode: 'def h(e, c): pass', Layers: [b]}
        """)

        assert application.problems == ()
