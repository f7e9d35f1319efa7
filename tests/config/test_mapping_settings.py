"""A queue mapping's settings: what AWS allows is honoured, what it refuses is refused, everything else has a name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.config.mapping_settings import queue_mapping_from_settings
from headrace.config.vocabulary import MAPPING_LATER, MAPPING_NOT_FOR_QUEUES
from headrace.model.mapping import MappingId, QueueMapping


def read(settings, **known):
    return queue_mapping_from_settings(
        settings, mapping_id="orders", function="process", source="queue", **known
    )


def told(written, **known):
    mapping, problems = read(written, **known)
    assert (mapping is None) == bool(problems)
    return [str(problem) for problem in problems]


def test_without_settings_a_mapping_has_awss_defaults():
    mapping, problems = read({})

    assert problems == []
    assert mapping == QueueMapping(
        mapping_id=MappingId("orders"),
        function="process",
        source="queue",
        batch_size=10,
        batch_window_seconds=0,
        maximum_concurrency=None,
        report_batch_item_failures=False,
        enabled=True,
        beyond_aws=False,
    )


def test_every_honoured_setting_arrives():
    mapping, problems = read(
        {
            "BatchSize": 10_000,
            "MaximumBatchingWindowInSeconds": 300,
            "Enabled": False,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 1000},
            "Tags": {"team": "shop"},
        },
        function_timeout=30,
        queue_visibility=30,
    )

    assert problems == []
    assert mapping == QueueMapping(
        mapping_id=MappingId("orders"),
        function="process",
        source="queue",
        batch_size=10_000,
        batch_window_seconds=300,
        maximum_concurrency=1000,
        report_batch_item_failures=True,
        enabled=False,
    )


@pytest.mark.parametrize(
    ("settings", "field", "expected"),
    [
        ({"BatchSize": "7"}, "batch_size", 7),
        ({"BatchSize": 7.0}, "batch_size", 7),
        ({"BatchSize": 1}, "batch_size", 1),
        ({"Enabled": "false"}, "enabled", False),
        ({"Enabled": "True"}, "enabled", True),
        ({"ScalingConfig": {}}, "maximum_concurrency", None),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "maximum_concurrency", 2),
        ({"FunctionResponseTypes": []}, "report_batch_item_failures", False),
        ({"FilterCriteria": {}}, "batch_size", 10),
        ({"FilterCriteria": {"Filters": []}}, "batch_size", 10),
        ({"ProvisionedPollerConfig": {}}, "batch_size", 10),
        ({"MetricsConfig": {"Metrics": []}}, "batch_size", 10),
        ({"KmsKeyArn": ""}, "batch_size", 10),
    ],
)
def test_what_cloudformation_takes_is_taken(settings, field, expected):
    mapping, problems = read(settings)

    assert problems == []
    assert getattr(mapping, field) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"BatchSize": 0}, "$.BatchSize: expected an integer from 1 to 10000, got 0"),
        ({"BatchSize": 10_001}, "$.BatchSize: expected an integer from 1 to 10000, got 10001"),
        ({"BatchSize": True}, "$.BatchSize: expected an integer from 1 to 10000, got true"),
        ({"BatchSize": "ten"}, '$.BatchSize: expected an integer from 1 to 10000, got "ten"'),
        ({"BatchSize": 1.5}, "$.BatchSize: expected an integer from 1 to 10000, got 1.5"),
        ({"BatchSize": [1]}, "$.BatchSize: expected an integer from 1 to 10000, got a list"),
        ({"BatchSize": None}, "$.BatchSize: expected an integer from 1 to 10000, got nothing"),
        (
            {"MaximumBatchingWindowInSeconds": 301},
            "$.MaximumBatchingWindowInSeconds: expected an integer from 0 to 300, got 301",
        ),
        ({"Enabled": "maybe"}, '$.Enabled: expected true or false, got "maybe"'),
        ({"Enabled": 1}, "$.Enabled: expected true or false, got 1"),
        (
            {"FunctionResponseTypes": "ReportBatchItemFailures"},
            "$.FunctionResponseTypes: expected a list that holds ReportBatchItemFailures or nothing, "
            'got "ReportBatchItemFailures"',
        ),
        (
            {"FunctionResponseTypes": ["ReportBatchItemFailure"]},
            '$.FunctionResponseTypes[0]: expected ReportBatchItemFailures, got "ReportBatchItemFailure" '
            "(did you mean ReportBatchItemFailures?)",
        ),
        (
            {"FunctionResponseTypes": ["ReportBatchItemFailures"] * 2},
            "$.FunctionResponseTypes: expected a list that holds ReportBatchItemFailures or nothing, got a list",
        ),
        ({"ScalingConfig": 5}, "$.ScalingConfig: expected a map, got 5"),
        (
            {"ScalingConfig": {"MaximumConcurrency": 1001}},
            "$.ScalingConfig.MaximumConcurrency: expected an integer from 2 to 1000, got 1001",
        ),
        (
            {"ScalingConfig": {"MaximumConcurrency": 1}},
            "$.ScalingConfig.MaximumConcurrency: expected an integer from 2 to 1000, got 1 (BeyondAws allows 1)",
        ),
        (
            {"ScalingConfig": {"MaxConcurrency": 5}},
            "$.ScalingConfig.MaxConcurrency: unknown setting (did you mean MaximumConcurrency?)",
        ),
        ({"BatchSzie": 5}, "$.BatchSzie: unknown setting (did you mean BatchSize?)"),
        ({"batch_size": 5}, "$.batch_size: unknown setting (did you mean BatchSize?)"),
        ({"FilterCritria": {}}, "$.FilterCritria: unknown setting (did you mean FilterCriteria?)"),
        (
            {"Zzz": 1},
            "$.Zzz: unknown setting (known: BatchSize, MaximumBatchingWindowInSeconds, Enabled, "
            "FunctionResponseTypes, ScalingConfig)",
        ),
        (
            {"BatchSize": 11},
            "$.BatchSize: Maximum batch window in seconds must be greater than 0 "
            "if maximum batch size is greater than 10 (set MaximumBatchingWindowInSeconds to 1 or more)",
        ),
        (
            {"Tags": {str(i): "x" for i in range(51)}},
            "$.Tags: Number of tags exceeds resource tag limit.",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
            "$.FilterCriteria: FilterCriteria is not supported yet by Headrace: filters come in a later version",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn"}}},
            "$.DestinationConfig: Unsupported DestinationConfig parameter for given event source mapping type. "
            "(a queue source has no such setting)",
        ),
        (
            {"Queues": ["q"]},
            "$.Queues: Unsupported 'queues' parameter for given event source mapping type. "
            "(a queue source has no such setting)",
        ),
    ],
)
def test_what_aws_refuses_is_refused(settings, expected):
    assert told(settings) == [expected]


@pytest.mark.parametrize("name", sorted(MAPPING_LATER))
def test_what_comes_later_is_refused_by_name(name):
    (problem,) = told({name: {"some": "thing"}})

    assert problem.startswith(f"$.{name}: {name} is not supported yet by Headrace")


@pytest.mark.parametrize("name", sorted(MAPPING_NOT_FOR_QUEUES))
def test_what_is_for_other_sources_is_refused_as_aws_does(name):
    (problem,) = told({name: "anything"})

    assert problem.startswith(f"$.{name}: Unsupported ")
    assert "parameter for given event source mapping type." in problem


@pytest.mark.parametrize(
    ("visibility", "timeout", "fits"), [(30, 30, True), (30, 31, False), (0, 1, False)]
)
def test_a_record_must_not_come_back_while_its_handler_may_still_run(visibility, timeout, fits):
    found = told({}, function_timeout=timeout, queue_visibility=visibility)

    message = f"$: Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
    suggestion = " (raise the queue's VisibilityTimeout to six times the function's Timeout)"
    assert found == ([] if fits else [message + suggestion])


@pytest.mark.parametrize("known", [{}, {"function_timeout": 60}, {"queue_visibility": 1}])
def test_what_is_not_known_is_not_compared(known):
    assert told({}, **known) == []


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({"BatchSize": 500}, {}),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, {}),
        ({}, {"function_timeout": 60, "queue_visibility": 30}),
    ],
)
def test_beyond_aws_allows_what_aws_refuses(settings, known):
    assert told(settings, **known) != []
    assert told(settings, beyond_aws=True, **known) == []


def test_every_problem_is_told_at_once():
    settings = {
        "BatchSize": "x",
        "MaximumBatchingWindowInSeconds": -1,
        "Enabled": 3,
        "ScalingConfig": {"MaximumConcurrency": 0},
        "StartingPosition": "LATEST",
        "FilterCriteria": {"Filters": [{}]},
        "Other": 1,
    }

    assert len(told(settings, function_timeout=2, queue_visibility=1)) == 8


def test_a_setting_that_is_wrong_is_not_compared_with_another():
    assert told({"BatchSize": 500, "MaximumBatchingWindowInSeconds": "x"}) == [
        '$.MaximumBatchingWindowInSeconds: expected an integer from 0 to 300, got "x"'
    ]


@given(st.integers(-5, 20_000), st.integers(-5, 400), st.booleans())
def test_a_batch_above_ten_needs_a_window(size, window, beyond):
    mapping, problems = read(
        {"BatchSize": size, "MaximumBatchingWindowInSeconds": window}, beyond_aws=beyond
    )

    in_range = 1 <= size <= 10_000 and 0 <= window <= 300
    assert (mapping is not None) == (in_range and (beyond or size <= 10 or window > 0))
    assert len(problems) == (not 1 <= size <= 10_000) + (not 0 <= window <= 300) or in_range


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(
    ["BatchSize", "Enabled", "ScalingConfig", "FunctionResponseTypes", "Tags", "Topics"]
)


@settings(max_examples=50)
@given(st.dictionaries(names | st.text(max_size=5), json_values, max_size=3))
def test_whatever_is_given_ends_in_a_mapping_or_a_problem(written):
    mapping, problems = read(written)

    assert (mapping is None) == bool(problems)
