"""The JSON Schema for editors says what the checks say."""

from __future__ import annotations

import json

import pytest

from headrace.config.schema import DECLARATIONS, json_schema, settings_schema
from headrace.config.validation import check, expectation, names_of


def test_the_schema_is_json_and_every_reference_in_it_leads_somewhere():
    text = json.dumps(json_schema())
    schema = json.loads(text)

    references = {part.partition('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}

    assert references <= set(schema["$defs"])
    assert set(DECLARATIONS) <= set(schema["$defs"])
    assert schema["$ref"] == "#/$defs/QueueMapping"
    assert '"expects"' not in text
    assert '"anyOf"' not in text
    assert "null" not in text


@pytest.mark.parametrize("name", DECLARATIONS)
def test_every_setting_says_what_it_is_for(name):
    schema = json_schema()["$defs"][name]

    assert schema["additionalProperties"] is False
    assert all(declared["description"].endswith(".") for declared in schema["properties"].values())


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (kind, setting)
        for kind, model in DECLARATIONS.items()
        for setting, declared in settings_schema(model)["properties"].items()
        if declared.get("type") == "integer"
    ],
)
def test_the_range_in_the_schema_is_the_range_that_is_checked(kind, setting):
    model = DECLARATIONS[kind]
    declared = settings_schema(model)["properties"][setting]
    low, high = declared["minimum"], declared["maximum"]

    for value, fits in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        checked = check(model, {setting: value})
        assert (setting not in checked.wrong) is fits


def test_every_setting_says_in_words_what_it_holds():
    for model in DECLARATIONS.values():
        schema = settings_schema(model)
        for declared in schema["properties"].values():
            assert expectation(declared)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "a string"),
        ({"type": "object"}, "a map"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "integer", "minimum": 1, "maximum": 2}, "an integer from 1 to 2"),
        ({"enum": ["a", "b"]}, "a or b"),
        ({"const": "a", "type": "string"}, "a"),
        ({"expects": "such a thing", "type": "string"}, "such a thing"),
    ],
)
def test_words_for_what_a_setting_holds(schema, words):
    assert expectation(schema) == words


def test_names_are_those_that_people_write():
    assert names_of(DECLARATIONS["QueueMapping"]) == [
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "Enabled",
        "FunctionResponseTypes",
        "ScalingConfig",
    ]
