"""``AWS::SQS::Queue``: settings within SQS's limits, dead-letter queues that exist, FIFO refused by name."""

from __future__ import annotations

import pytest

from headrace.model.queue import QueueSettings, RedrivePolicy
from tests.config.checking import check, check_queue, messages, told

ORDERS_ARN = "arn:aws:sqs:us-east-1:000000000000:Orders"


def test_without_properties_a_queue_has_sqss_defaults():
    application = check("Resources: {Orders: {Type: AWS::SQS::Queue}}")

    assert application.problems == ()
    assert application.queues == {
        "Orders": QueueSettings("Orders", 30, 0, 345_600, 1_048_576, None)
    }
    assert application.queue_fields == {"Orders": frozenset()}


def test_every_honoured_property_arrives():
    application = check_queue(
        """
        QueueName: my-orders_1
        VisibilityTimeout: 43200
        DelaySeconds: '900'
        MessageRetentionPeriod: 60
        MaximumMessageSize: 1024
        RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: '1000'}
        """,
        resources="Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}",
    )

    assert application.problems == ()
    assert application.queues["Orders"] == QueueSettings(
        "my-orders_1", 43_200, 900, 60, 1_024, RedrivePolicy("dead", 1_000)
    )
    assert application.queue_fields["Orders"] == {
        "visibility_timeout_seconds",
        "delay_seconds",
        "retention_seconds",
        "message_bytes_max",
        "redrive_policy",
    }


def test_what_is_without_meaning_is_listed_and_never_worked_out():
    application = check_queue("""
        KmsMasterKeyId: !ImportValue key
        KmsDataKeyReusePeriodSeconds: 99
        ReceiveMessageWaitTimeSeconds: 20
        SqsManagedSseEnabled: true
        Tags: [!Ref Nothing]
        FifoQueue: false
    """)

    assert application.problems == ()
    assert application.passed_over == (
        "Orders: without meaning here: KmsDataKeyReusePeriodSeconds, KmsMasterKeyId, "
        "ReceiveMessageWaitTimeSeconds, SqsManagedSseEnabled, Tags",
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            "VisibilityTimeout: -1",
            "Orders.VisibilityTimeout: expected an integer from 0 to 43200, got -1",
        ),
        ("DelaySeconds: 901", "Orders.DelaySeconds: expected an integer from 0 to 900, got 901"),
        ("DelaySeconds:", "Orders.DelaySeconds: null values are not allowed in templates"),
        (
            "MessageRetentionPeriod: 59",
            "Orders.MessageRetentionPeriod: expected an integer from 60 to 1209600, got 59",
        ),
        (
            "MaximumMessageSize: 1048577",
            "Orders.MaximumMessageSize: expected an integer from 1024 to 1048576, got 1048577",
        ),
        (
            "QueueName: a b",
            'Orders.QueueName: expected 1 to 80 letters, digits, hyphens and underscores, got "a b"',
        ),
        (
            "QueueName: orders.fifo",
            'Orders.QueueName: expected 1 to 80 letters, digits, hyphens and underscores, got "orders.fifo"',
        ),
        (
            "VisibilityTimout: 5",
            "Orders.VisibilityTimout: unknown setting (did you mean VisibilityTimeout?)",
        ),
        ("Tag: 5", "Orders.Tag: unknown setting (did you mean Tags?)"),
        (
            "RedrivePolicy: {maxReceiveCount: 3}",
            "Orders.RedrivePolicy.deadLetterTargetArn: expected the ARN of a queue, "
            "such as !GetAtt OrdersDeadLetters.Arn, got nothing",
        ),
        (
            "RedrivePolicy: {deadLetterTargetArn: !GetAtt Orders.Arn, maxReceiveCount: 1001}",
            "Orders.RedrivePolicy.maxReceiveCount: expected an integer from 1 to 1000, got 1001",
        ),
        (
            "RedrivePolicy: [a]",
            "Orders.RedrivePolicy: expected a map with deadLetterTargetArn and maxReceiveCount, got a list",
        ),
        (
            "RedrivePolicy: '{'",
            "Orders.RedrivePolicy: not valid JSON: expected a key in double quotes",
        ),
        (
            'RedrivePolicy: \'{"maxReceiveCount": 1, "maxReceiveCount": 2, "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:Orders"}\'',
            "Orders.RedrivePolicy: maxReceiveCount is written twice, on lines 6 and 6 (keep one)",
        ),
        (
            "RedriveAllowPolicy: {redrivePermission: none}",
            'Orders.RedriveAllowPolicy.redrivePermission: expected allowAll or denyAll or byQueue, got "none"',
        ),
        ("FifoQueue: true", "Orders.FifoQueue: FIFO queues come in a later version of Headrace"),
        ("FifoQueue: 'true'", "Orders.FifoQueue: FIFO queues come in a later version of Headrace"),
        (
            "ContentBasedDeduplication: true",
            "Orders.ContentBasedDeduplication: FIFO queues come in a later version of Headrace",
        ),
    ],
)
def test_what_sqs_would_refuse_is_told(properties, expected):
    assert told(check_queue(properties)) == [expected]


def test_a_fifo_queue_is_one_problem_however_it_is_set_up():
    application = check_queue("""
        QueueName: orders.fifo
        FifoQueue: true
        ContentBasedDeduplication: true
        DeduplicationScope: messageGroup
    """)

    assert messages(application) == ["FIFO queues come in a later version of Headrace"]
    assert application.queues == {}


def test_a_redrive_policy_may_be_a_json_string():
    policy = '{"deadLetterTargetArn": "${Dead.Arn}", "maxReceiveCount": 4}'

    application = check_queue(
        f"RedrivePolicy: !Sub '{policy}'", resources="Dead: {Type: AWS::SQS::Queue}"
    )

    assert application.problems == ()
    assert application.queues["Orders"].redrive_policy == RedrivePolicy("Dead", 4)


def test_queues_may_set_aside_for_each_other_and_for_themselves():
    application = check("""
        Resources:
          A: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt B.Arn, maxReceiveCount: 1}}}
          B: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt A.Arn, maxReceiveCount: 1}}}
          C: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt C.Arn, maxReceiveCount: 1}}}
    """)

    assert application.problems == ()
    assert [
        q.redrive_policy and q.redrive_policy.dead_letter_queue for q in application.queues.values()
    ] == [
        "B",
        "A",
        "C",
    ]


@pytest.mark.parametrize(
    ("target", "severity", "message", "suggestion"),
    [
        (
            "arn:aws:sqs:eu-west-1:123456789012:dead",
            "warning",
            "the dead-letter queue dead is not declared in this template",
            "make sure that it exists",
        ),
        (
            "!Ref Dead",
            "error",
            'expected the ARN of a queue, got "https://sqs.us-east-1.amazonaws.com/000000000000/dead-ones"',
            "write !GetAtt Dead.Arn",
        ),
        (
            "dead-ones",
            "error",
            'expected the ARN of a queue, got "dead-ones"',
            "write !GetAtt Dead.Arn",
        ),
        ("Dead", "error", 'expected the ARN of a queue, got "Dead"', "write !GetAtt Dead.Arn"),
        (
            "nowhere",
            "error",
            'expected an ARN or an address, got "nowhere"',
            "such as sqlite:///absolute/path/shop.db?queue=orders",
        ),
        (
            "sqlite:///a?queue=b",
            "error",
            'expected the ARN of a queue, got "sqlite:///a?queue=b"',
            "",
        ),
    ],
)
def test_a_dead_letter_queue_that_the_template_does_not_declare_is_told(
    target, severity, message, suggestion
):
    application = check_queue(
        f"RedrivePolicy: {{deadLetterTargetArn: {target}, maxReceiveCount: 3}}",
        resources="Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead-ones}}",
    )

    (problem,) = application.problems
    assert (problem.severity, problem.message, problem.suggestion) == (
        severity,
        message,
        suggestion,
    )
    assert problem.path == "$.Resources.Orders.Properties.RedrivePolicy.deadLetterTargetArn"
    policy = application.queues["Orders"].redrive_policy
    assert policy == (RedrivePolicy("dead", 3) if severity == "warning" else None)


@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        ("{redrivePermission: allowAll}", True),
        ("{}", True),
        ("{redrivePermission: denyAll}", False),
        ("{redrivePermission: byQueue}", False),
        (f"{{redrivePermission: byQueue, sourceQueueArns: ['{ORDERS_ARN}']}}", True),
        (f'\'{{"redrivePermission": "byQueue", "sourceQueueArns": ["{ORDERS_ARN}"]}}\'', True),
    ],
)
def test_a_dead_letter_queue_may_say_whom_it_serves(allow, allowed):
    application = check_queue(
        "RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}",
        resources=f"Dead: {{Type: AWS::SQS::Queue, Properties: {{RedriveAllowPolicy: {allow}}}}}",
    )

    expected = ["the RedriveAllowPolicy of Dead does not allow Orders"]
    assert messages(application) == ([] if allowed else expected)


def test_two_queues_can_not_have_one_name():
    application = check_queue(
        "QueueName: orders",
        resources="Other: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}",
    )

    (problem,) = application.problems
    assert problem.path == "$.Resources.Other.Properties"
    assert problem.message == 'Orders is a queue of the same name, "orders"'


def test_headrace_has_no_settings_of_a_queue_yet():
    application = check("""
        Resources:
          Orders:
            Type: AWS::SQS::Queue
            Metadata: {Headrace: {Store: x}, Other: {any: thing}}
    """)

    (problem,) = application.problems
    assert problem.path == "$.Resources.Orders.Metadata.Headrace.Store"
    assert problem.message == "unknown setting"


def test_a_queue_that_has_problems_is_reported_as_far_as_it_can_be_read():
    application = check_queue("VisibilityTimeout: x\nDelaySeconds: 5\nQueueName: a b")

    assert len(application.problems) == 2
    assert application.queues["Orders"].delay_seconds == 5
