"""What ``headrace check --json`` prints."""

from __future__ import annotations

import json

from headrace.config.report import CheckReport
from headrace.config.template import load_template
from headrace.errors import Problem
from tests.config.checking import TEMPLATES, check, check_function


def test_a_report_holds_what_would_run():
    report = CheckReport(load_template(TEMPLATES / "shop" / "template.yaml"))

    found = json.loads(json.dumps(report.as_json()))

    assert not report.has_errors
    assert found["functions"] == [
        {
            "LogicalId": "ProcessOrders",
            "FunctionName": "ProcessOrders",
            "Handler": "orders.handler.process",
            "Runtime": "python3.12",
            "CodeUri": str(TEMPLATES / "shop" / "src"),
            "Timeout": 20,
            "MemorySize": 256,
            "Environment": ["INVOICES_URL", "LOG_LEVEL"],
            "ReservedConcurrentExecutions": 10,
        }
    ]
    assert found["queues"][0] == {
        "LogicalId": "Orders",
        "QueueName": "orders-dev",
        "VisibilityTimeout": 120,
        "DelaySeconds": 0,
        "MessageRetentionPeriod": 345_600,
        "MaximumMessageSize": 1_048_576,
        "RedrivePolicy": {"deadLetterQueue": "OrdersDeadLetters", "maxReceiveCount": 5},
    }
    assert "RedrivePolicy" not in found["queues"][1]
    assert found["mappings"] == [
        {
            "LogicalId": "ProcessOrdersNew",
            "FunctionName": "ProcessOrders",
            "EventSource": "Orders",
            "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders-dev",
            "BatchSize": 25,
            "MaximumBatchingWindowInSeconds": 2,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 5},
            "Enabled": True,
            "BeyondAws": False,
        }
    ]
    assert found["push"] == []
    assert "DeadLettersAlarm: AWS::CloudWatch::Alarm is not run here" in found["passed_over"]
    assert found["problems"] == []


def test_a_report_holds_every_problem():
    further = Problem("--store", "is a directory")

    report = CheckReport(load_template(TEMPLATES / "ten-mistakes.yaml"), (further,))

    problems = report.as_json()["problems"]
    assert len(problems) == 11
    assert problems[0] == {
        "path": "--store",
        "line": None,
        "severity": "error",
        "message": "is a directory",
        "suggestion": "",
    }
    assert problems[1] == {
        "path": "$.Parameters.Stage",
        "line": 3,
        "severity": "error",
        "message": "parameter Stage needs a value",
        "suggestion": "give one with --parameter Stage=VALUE",
    }
    assert report.has_errors


def test_a_mapping_may_read_an_address_for_a_function_that_can_not_run():
    report = CheckReport(
        check("""
            Resources:
              Process:
                Type: AWS::Lambda::Function
                Metadata: {Headrace: {Python: python3.12}}
                Properties: {Runtime: pyton, Handler: index.h, Code: {ZipFile: 'def h(e, c): pass'}}
              Mapping:
                Type: AWS::Lambda::EventSourceMapping
                Properties: {FunctionName: !Ref Process, EventSourceArn: 'sqlite:///a?queue=b'}
        """)
    )

    (mapping,) = report.as_json()["mappings"]

    assert report.has_errors
    assert (mapping["FunctionName"], mapping["EventSource"]) == ("Process", "sqlite:///a?queue=b")
    assert mapping["ScalingConfig"] == {}
    assert mapping["FunctionResponseTypes"] == []


def test_inline_code_and_an_interpreter_are_shown_and_values_are_not():
    application = check_function("Environment: {Variables: {SECRET: hunter2}}")

    (function,) = CheckReport(application).as_json()["functions"]

    assert function["CodeUri"] is None
    assert function["Environment"] == ["SECRET"]
    assert "hunter2" not in str(CheckReport(application).as_json())


def test_an_interpreter_is_shown():
    application = check("""
        Resources:
          Process:
            Type: AWS::Lambda::Function
            Metadata: {Headrace: {Python: python3.12}}
            Properties: {Runtime: python3.12, Handler: index.h, Code: {ZipFile: 'def h(e, c): pass'}}
    """)

    (function,) = CheckReport(application).as_json()["functions"]

    assert function["Python"] == "python3.12"
