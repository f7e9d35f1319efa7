"""Mappings: SAM events and ``AWS::Lambda::EventSourceMapping`` give the same, and say the same when they can't."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.config.addresses import QueueArn, StoreQueue
from headrace.config.vocabulary import EVENTS_LATER, EVENTS_PASSED_OVER
from tests.config.checking import check, check_event, check_function, messages, told

QUEUE = "Orders: {Type: AWS::SQS::Queue}"


def check_mapping(
    properties: str, *, resources: str = QUEUE, metadata: str = "{}", function: str = ""
):
    """Check a template with a function ``Process`` and a mapping resource ``Mapping``."""
    mapping = f"Mapping: {{Type: AWS::Lambda::EventSourceMapping, Metadata: {metadata}, Properties: {properties}}}"
    return check_function(function, resources=f"{resources}\n{mapping}")


def test_an_event_and_a_resource_give_the_same_mapping():
    event = check_event("BatchSize: 5\nEnabled: false").mappings[0]
    resource = check_mapping(
        "{FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn, BatchSize: 5, Enabled: false}"
    ).mappings[0]

    assert (event.mapping_id, resource.mapping_id) == ("ProcessNew", "Mapping")
    assert (event.function, event.source, event.batch_size, event.enabled) == (
        "Process",
        "Orders",
        5,
        False,
    )
    assert (resource.function, resource.source, resource.batch_size, resource.enabled) == (
        "Process",
        "Orders",
        5,
        False,
    )


@pytest.mark.parametrize(
    "name",
    [
        "!Ref Process",
        "!GetAtt Process.Arn",
        "!Sub '${Process}'",
        "!Sub '${Process.Arn}:live'",
        "Process",
        "'Process:live'",
        "!Ref Process.Alias",
        "arn:aws:lambda:us-east-1:000000000000:function:Process",
        "'arn:aws:lambda:eu-west-1:123456789012:function:Process:7'",
        "'000000000000:function:Process'",
    ],
)
def test_a_function_may_be_named_in_every_way_that_aws_knows(name):
    application = check_mapping(f"{{FunctionName: {name}, EventSourceArn: !GetAtt Orders.Arn}}")

    assert application.problems == ()
    assert application.mappings[0].function == "Process"


def test_a_function_is_found_by_its_name_not_by_its_logical_id():
    properties = "{FunctionName: process-orders, EventSourceArn: !GetAtt Orders.Arn}"

    application = check_mapping(properties, function="FunctionName: process-orders")
    wrong = check_mapping(
        properties.replace("process-orders", "Process"), function="FunctionName: process-orders"
    )

    assert application.mappings[0].function == "Process"
    assert messages(wrong) == ['Function does not exist, got "Process"']


@pytest.mark.parametrize(
    ("name", "message", "suggestion"),
    [
        ("Proces", 'Function does not exist, got "Proces"', "did you mean Process?"),
        ("[a]", "Function does not exist, got a list", ""),
        ("''", 'Function does not exist, got ""', ""),
    ],
)
def test_a_function_that_does_not_exist_is_told_as_aws_does(name, message, suggestion):
    (problem,) = check_mapping(
        f"{{FunctionName: {name}, EventSourceArn: !GetAtt Orders.Arn}}"
    ).problems

    assert (problem.message, problem.suggestion) == (message, suggestion)
    assert problem.path == "$.Resources.Mapping.Properties.FunctionName"


def test_a_mapping_needs_a_function_and_a_source():
    assert told(check_mapping("{}")) == [
        "Mapping: Unrecognized event source. (name one as EventSourceArn)",
        "Mapping.FunctionName: expected FunctionName, got nothing (such as FunctionName: !Ref Process)",
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "arn:aws:sqs:eu-west-1:123456789012:orders",
            QueueArn(
                "arn:aws:sqs:eu-west-1:123456789012:orders",
                "aws",
                "eu-west-1",
                "123456789012",
                "orders",
            ),
        ),
        (
            "sqlite:///data/shop.db?queue=orders",
            StoreQueue("sqlite:///data/shop.db?queue=orders", Path("/data/shop.db"), "orders"),
        ),
    ],
)
def test_a_source_that_is_no_resource_is_an_address(source, expected):
    application = check_mapping(f"{{FunctionName: !Ref Process, EventSourceArn: '{source}'}}")

    assert application.problems == ()
    assert application.mappings[0].source == source
    assert application.sources == {"Mapping": expected}


@pytest.mark.parametrize(
    "source",
    [
        "!GetAtt Orders.Arn",
        "!Sub '${Orders.Arn}'",
        "!Sub 'arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:Orders'",
        "!Join [':', [arn, aws, sqs, !Ref AWS::Region, !Ref AWS::AccountId, !GetAtt Orders.QueueName]]",
    ],
)
def test_the_arn_of_a_declared_queue_leads_to_it_however_it_is_made(source):
    application = check_mapping(f"{{FunctionName: !Ref Process, EventSourceArn: {source}}}")

    assert application.problems == ()
    assert application.mappings[0].source == "Orders"


@pytest.mark.parametrize(
    ("source", "message", "suggestion"),
    [
        (
            "!Ref Orders",
            'expected the Arn of a queue, got "https://sqs.us-east-1.amazonaws.com/000000000000/Orders"',
            "write !GetAtt Orders.Arn",
        ),
        ("Orders", 'expected the Arn of a queue, got "Orders"', "write !GetAtt Orders.Arn"),
        ("[a]", "expected the Arn of a queue, got a list", ""),
        (
            "nowhere",
            'expected an ARN or an address, got "nowhere"',
            "such as sqlite:///absolute/path/shop.db?queue=orders",
        ),
        (
            "!GetAtt Clicks.Arn",
            "Kinesis streams as a source come in a later version of Headrace, "
            'got "arn:aws:kinesis:us-east-1:000000000000:stream/Clicks"',
            "",
        ),
        (
            "!GetAtt Shop.StreamArn",
            "DynamoDB streams as a source come in a later version of Headrace, "
            'got "arn:aws:dynamodb:us-east-1:000000000000:table/Shop/stream/…',
            "",
        ),
    ],
)
def test_a_source_that_can_not_be_read_is_told(source, message, suggestion):
    resources = (
        f"{QUEUE}\nClicks: {{Type: AWS::Kinesis::Stream}}\nShop: {{Type: AWS::DynamoDB::Table}}"
    )

    application = check_mapping(
        f"{{FunctionName: !Ref Process, EventSourceArn: {source}}}", resources=resources
    )

    (problem,) = application.problems
    assert (problem.message, problem.suggestion) == (message, suggestion)
    assert problem.path == "$.Resources.Mapping.Properties.EventSourceArn"
    assert application.mappings == ()


def test_self_managed_kafka_is_refused_by_name():
    application = check_mapping(
        "{FunctionName: !Ref Process, Topics: [t], "
        "SelfManagedEventSource: {Endpoints: {KafkaBootstrapServers: ['h:1']}}}"
    )

    assert told(application) == [
        "Mapping.SelfManagedEventSource: self-managed Kafka is not supported yet by Headrace"
    ]


@pytest.mark.parametrize("event_type", sorted(EVENTS_LATER))
def test_an_event_that_comes_later_is_refused_by_name(event_type):
    application = check_function(
        f"Events: {{New: {{Type: {event_type}, Properties: {{Stream: !Ref Nothing}}}}}}"
    )

    (problem,) = application.problems
    assert problem.path == "$.Resources.Process.Properties.Events.New.Type"
    assert problem.message == f"events of type {event_type} are not supported yet by Headrace"


@pytest.mark.parametrize("event_type", sorted(EVENTS_PASSED_OVER))
def test_an_event_that_is_no_mapping_is_passed_over_with_one_line(event_type):
    application = check_function(
        f"Events: {{New: {{Type: {event_type}, Properties: {{Path: !Ref Nothing}}}}}}"
    )

    assert application.problems == ()
    assert application.passed_over == (
        f"Process.New: events of type {event_type} are not run here",
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("[a]", "Process.Events: expected a map of events, got a list"),
        (
            "{New: SQS}",
            "Process.Events.New: expected a map of an event's Type and Properties, got a string",
        ),
        ("{New: {}}", 'Process.Events.New.Type: expected a type of event such as SQS, got ""'),
        (
            "{New: {Type: Sqs}}",
            'Process.Events.New.Type: expected a type of event such as SQS, got "Sqs" (did you mean SQS?)',
        ),
        (
            "{New: {Type: Schedul}}",
            'Process.Events.New.Type: expected a type of event such as SQS, got "Schedul" (did you mean Schedule?)',
        ),
        (
            "{New: {Type: Schedule, Property: 1}}",
            "Process.Events.New.Property: unknown key of an event (did you mean Properties?)",
        ),
        (
            "{New: {Type: SQS}}",
            "Process.Events.New.Queue: expected the Arn of a queue, got nothing "
            "(such as Queue: !GetAtt OrdersQueue.Arn)",
        ),
        (
            "{New: {Type: SQS, Properties: [a]}}",
            "Process.Events.New: expected a map of properties, got a list",
        ),
        ("!If [Nowhere, {}, {}]", 'Process.Events.Fn::If[0]: there is no condition "Nowhere"'),
        (
            "{New: !Ref Nothing}",
            'Process.Events.New.Ref: there is no parameter or resource "Nothing"',
        ),
    ],
)
def test_an_event_that_can_not_be_read_is_told(events, expected):
    found = told(check_function(f"Events: {events}", resources=QUEUE))

    assert found[0] == expected


def test_events_may_depend_on_a_condition():
    application = check_function(
        "Events: {New: !If [Always, {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn}}, !Ref AWS::NoValue]}",
        sections="Conditions: {Always: !Equals [a, a], Never: !Equals [a, b]}",
        resources=QUEUE,
    )

    assert application.problems == ()
    assert [mapping.mapping_id for mapping in application.mappings] == ["ProcessNew"]


def test_an_event_that_a_condition_takes_away_is_no_event():
    application = check_function(
        "Events: {New: !If [Never, {Type: SQS}, !Ref AWS::NoValue]}",
        sections="Conditions: {Never: !Equals [a, b]}",
    )

    assert application.problems == ()
    assert application.mappings == ()


def test_settings_of_an_event_are_checked_as_those_of_every_mapping():
    application = check_event(
        "BatchSize: 500\nScalingConfig: {MaximumConcurrency: 0}\nParallelizationFactor: 2"
    )

    assert [
        (p.path.rpartition("Events.New.Properties.")[2], p.line) for p in application.problems
    ] == [
        ("BatchSize", 17),
        ("ScalingConfig.MaximumConcurrency", 18),
        ("ParallelizationFactor", 19),
    ]


def test_an_item_of_a_list_is_told_where_it_stands():
    application = check_event("""
        FunctionResponseTypes:
          - !Ref AWS::NoValue
          - ReportBatchItemFailure
    """)

    (problem,) = application.problems
    assert problem.path.endswith("Events.New.Properties.FunctionResponseTypes[0]")
    assert problem.line == 20


def test_a_setting_whose_value_can_not_be_told_is_one_problem():
    application = check_event(
        "BatchSize: !Ref Nothing\nMaximumBatchingWindowInSeconds: !Ref Nothing"
    )

    assert len(application.problems) == 2
    assert set(messages(application)) == {'there is no parameter or resource "Nothing"'}


@pytest.mark.parametrize(
    ("queue", "timeout", "fits"),
    [
        ("{}", 30, True),
        ("{}", 31, False),
        ("{VisibilityTimeout: 60}", 31, True),
        ("{VisibilityTimeout: x}", 900, None),
    ],
)
def test_the_queues_visibility_is_compared_with_the_functions_timeout(queue, timeout, fits):
    application = check_mapping(
        "{FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn}",
        resources=f"Orders: {{Type: AWS::SQS::Queue, Properties: {queue}}}",
        function=f"Timeout: {timeout}",
    )

    message = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
    assert (message in messages(application)) is (fits is False)
    assert len(application.problems) == (not fits)


def test_beyond_aws_is_a_mappings_own_metadata():
    properties = "{FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn, BatchSize: 50}"

    beyond = check_mapping(properties, metadata="{Headrace: {BeyondAws: true}}")

    assert beyond.problems == ()
    assert beyond.mappings[0].beyond_aws
    assert len(check_mapping(properties).problems) == 1


def test_beyond_aws_of_a_function_holds_for_its_events():
    application = check("""
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Orders: {Type: AWS::SQS::Queue}
          Process:
            Type: AWS::Serverless::Function
            Metadata: {Headrace: {BeyondAws: true}}
            Properties:
              Runtime: python3.12
              Handler: index.handler
              InlineCode: 'def handler(e, c): pass'
              Events:
                New:
                  Type: SQS
                  Properties: {Queue: !GetAtt Orders.Arn, ScalingConfig: {MaximumConcurrency: 1}}
    """)

    assert application.problems == ()
    assert application.mappings[0].maximum_concurrency == 1


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            "{Headrace: {BeyondAWS: true}}",
            "Mapping.Metadata.Headrace.BeyondAWS: unknown setting (did you mean BeyondAws?)",
        ),
        (
            "{Headrace: {BeyondAws: maybe}}",
            'Mapping.Metadata.Headrace.BeyondAws: expected true or false, got "maybe"',
        ),
        ("{Headrace: [a]}", "Mapping.Metadata.Headrace: expected a map, got a list"),
        (
            "{Headrace: !Ref Nothing}",
            'Mapping.Metadata.Headrace.Ref: there is no parameter or resource "Nothing"',
        ),
    ],
)
def test_metadata_that_can_not_be_read_is_told(metadata, expected):
    application = check_mapping(
        "{FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn}", metadata=metadata
    )

    assert told(application) == [expected]


def test_the_same_queue_and_function_twice_is_refused_as_aws_does():
    application = check_event(
        resources="""
            Second:
              Type: AWS::Lambda::EventSourceMapping
              Properties: {FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn}
        """
    )

    (problem,) = application.problems
    assert problem.path == "$.Resources.Second.Properties"
    assert problem.message == (
        'An event source mapping with SQS arn (" arn:aws:sqs:us-east-1:000000000000:Orders ") and function '
        '(" Process ") already exists. Please update or delete the existing mapping with UUID ProcessNew'
    )
    assert [mapping.mapping_id for mapping in application.mappings] == ["ProcessNew"]


def test_a_function_and_its_alias_are_two_functions_to_a_queue():
    application = check_event(
        resources="""
            Second:
              Type: AWS::Lambda::EventSourceMapping
              Properties: {FunctionName: 'Process:live', EventSourceArn: !GetAtt Orders.Arn}
        """
    )

    assert application.problems == ()
    assert len(application.mappings) == 2


def test_two_mappings_can_not_have_one_name():
    application = check_event(
        resources="""
            ProcessNew:
              Type: AWS::Lambda::EventSourceMapping
              Properties: {FunctionName: !Ref Process, EventSourceArn: !GetAtt Other.Arn}
            Other: {Type: AWS::SQS::Queue}
        """
    )

    assert messages(application) == ["there is another mapping ProcessNew"]


def test_one_queue_may_feed_two_functions():
    application = check_event(
        resources="""
            Second:
              Type: AWS::Serverless::Function
              Properties:
                Runtime: python3.12
                Handler: index.handler
                InlineCode: 'def handler(e, c): pass'
                Events: {New: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn}}}
        """
    )

    assert application.problems == ()
    assert [mapping.mapping_id for mapping in application.mappings] == ["ProcessNew", "SecondNew"]


def test_a_mapping_of_a_fifo_queue_is_told_once():
    application = check_mapping(
        "{FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn}",
        resources="Orders: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, QueueName: orders.fifo}}",
    )

    assert messages(application) == ["FIFO queues come in a later version of Headrace"]


def test_what_only_aws_can_run_is_an_error_once_a_mapping_needs_it():
    node = "Type: AWS::Serverless::Function, Properties: {Runtime: nodejs22.x, Handler: index.h, CodeUri: x, Layers: [a]"
    event = ", Events: {New: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn}}}"
    template = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Orders: {Type: AWS::SQS::Queue}\n  Api: {%s}"

    alone = check(template % f"{node}}}")
    mapped = check(template % f"{node}{event}}}")

    assert alone.problems == ()
    assert alone.functions == {}
    assert [(p.severity, p.path.rpartition(".")[2]) for p in mapped.problems] == [
        ("error", "Runtime"),
        ("warning", "Layers"),
    ] or [(p.severity, p.path.rpartition(".")[2]) for p in mapped.problems] == [
        ("warning", "Layers"),
        ("error", "Runtime"),
    ]


def test_a_function_without_a_name_has_no_events():
    application = check_function("FunctionName: [a]\nEvents: {New: {Type: SQS}}")

    assert messages(application) == ["expected a name, got a list"]


def test_more_than_fifty_tags_are_refused_as_aws_does():
    tags = "[" + ", ".join(f"{{Key: k{i}, Value: v}}" for i in range(51)) + "]"

    application = check_mapping(
        f"{{FunctionName: !Ref Process, EventSourceArn: !GetAtt Orders.Arn, Tags: {tags}}}"
    )

    assert messages(application) == ["Number of tags exceeds resource tag limit."]
