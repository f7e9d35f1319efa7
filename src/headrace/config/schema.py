"""The settings that are honoured: names, types, ranges, defaults and what each is for.

These declarations are the one source: values are checked against them, the JSON Schema for editors and the tables
of the documentation are made from them. Messages are our own (`headrace.config.validation`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headrace.config.setting_types import Boolean, Integer, Settings, Text


class ScalingConfig(Settings):
    """How far a mapping scales."""

    maximum_concurrency: Annotated[
        Integer | None,
        Field(
            alias="MaximumConcurrency",
            ge=1,
            le=1000,
            description="How many invocations of this mapping run at once at most. 1 needs BeyondAws.",
            json_schema_extra={"expects": "an integer from 2 to 1000"},
        ),
    ] = None


class QueueMappingSettings(Settings):
    """An event source mapping that reads a queue."""

    batch_size: Annotated[
        Integer,
        Field(
            alias="BatchSize",
            ge=1,
            le=10_000,
            description=(
                "The most records that one invocation is given. More than 10 needs MaximumBatchingWindowInSeconds."
            ),
        ),
    ] = 10
    batch_window_seconds: Annotated[
        Integer,
        Field(
            alias="MaximumBatchingWindowInSeconds",
            ge=0,
            le=300,
            description="How long a batch is held open for more records, counted from its first record.",
        ),
    ] = 0
    enabled: Annotated[
        Boolean,
        Field(
            alias="Enabled",
            description="Whether the mapping reads its queue. A disabled mapping is listed, not run.",
        ),
    ] = True
    function_response_types: Annotated[
        tuple[Literal["ReportBatchItemFailures"], ...],
        Field(
            alias="FunctionResponseTypes",
            max_length=1,
            description="With ReportBatchItemFailures a handler names the records that failed; the others are deleted.",
            json_schema_extra={"expects": "a list that holds ReportBatchItemFailures or nothing"},
        ),
    ] = ()
    scaling_config: Annotated[
        ScalingConfig,
        Field(
            alias="ScalingConfig",
            description="How far the mapping scales.",
            json_schema_extra={"expects": "a map"},
        ),
    ] = ScalingConfig()


class RedrivePolicySettings(Settings):
    """Where a queue sets aside what was received too often."""

    target_arn: Annotated[
        Text,
        Field(
            alias="deadLetterTargetArn",
            description="The dead-letter queue: GetAtt of a queue's Arn, or an ARN.",
            json_schema_extra={
                "expects": "the ARN of a queue, such as !GetAtt OrdersDeadLetters.Arn"
            },
        ),
    ]
    max_receive_count: Annotated[
        Integer,
        Field(
            alias="maxReceiveCount",
            ge=1,
            le=1000,
            description="How often a record is handed out before it goes to the dead-letter queue.",
        ),
    ]


class RedriveAllowPolicySettings(Settings):
    """Which queues may use a queue as their dead-letter queue."""

    permission: Annotated[
        Literal["allowAll", "denyAll", "byQueue"],
        Field(
            alias="redrivePermission",
            description="Which queues may name this one as their dead-letter queue.",
        ),
    ] = "allowAll"
    source_queue_arns: Annotated[
        tuple[Text, ...],
        Field(
            alias="sourceQueueArns",
            max_length=10,
            description="With byQueue: the queues that may.",
            json_schema_extra={"expects": "a list of at most 10 ARNs"},
        ),
    ] = ()


class QueueProperties(Settings):
    """A queue that a template declares."""

    name: Annotated[
        Text | None,
        Field(
            alias="QueueName",
            pattern=r"^[A-Za-z0-9_-]{1,80}$",
            description="The queue's name; the logical id where it is left out.",
            json_schema_extra={"expects": "1 to 80 letters, digits, hyphens and underscores"},
        ),
    ] = None
    visibility_timeout_seconds: Annotated[
        Integer,
        Field(
            alias="VisibilityTimeout",
            ge=0,
            le=43_200,
            description="For how long a received record is hidden, in seconds. At least the function's Timeout.",
        ),
    ] = 30
    delay_seconds: Annotated[
        Integer,
        Field(
            alias="DelaySeconds",
            ge=0,
            le=900,
            description="For how long a sent record is hidden at first.",
        ),
    ] = 0
    retention_seconds: Annotated[
        Integer,
        Field(
            alias="MessageRetentionPeriod",
            ge=60,
            le=1_209_600,
            description="For how long a record is kept, in seconds.",
        ),
    ] = 345_600
    message_bytes_max: Annotated[
        Integer,
        Field(
            alias="MaximumMessageSize",
            ge=1024,
            le=1_048_576,
            description="The largest body together with its attributes, in bytes.",
        ),
    ] = 1_048_576
    redrive_policy: Annotated[
        RedrivePolicySettings | None,
        Field(
            alias="RedrivePolicy",
            description="The dead-letter queue and after how many receives; a map, or the same as a JSON string.",
            json_schema_extra={"expects": "a map with deadLetterTargetArn and maxReceiveCount"},
        ),
    ] = None
    redrive_allow_policy: Annotated[
        RedriveAllowPolicySettings | None,
        Field(
            alias="RedriveAllowPolicy",
            description="Which queues may use this one as their dead-letter queue; checked within the template.",
            json_schema_extra={"expects": "a map with redrivePermission"},
        ),
    ] = None


class FunctionEnvironment(Settings):
    """A function's environment."""

    variables: Annotated[
        dict[str, Text] | None,
        Field(
            alias="Variables",
            description="Environment variables.",
            json_schema_extra={"expects": "a map of names and strings"},
        ),
    ] = None


class FunctionProperties(Settings):
    """A function that a template declares; where its code is comes from CodeUri, InlineCode or Code."""

    name: Annotated[
        Text | None,
        Field(
            alias="FunctionName",
            pattern=r"^[A-Za-z0-9_-]{1,64}$",
            description="The function's name; the logical id where it is left out.",
            json_schema_extra={"expects": "1 to 64 letters, digits, hyphens and underscores"},
        ),
    ] = None
    handler: Annotated[
        Text,
        Field(
            alias="Handler",
            pattern=r"^[^\s\x00]{1,128}$",
            description="The function to call, as `module.function`.",
            json_schema_extra={
                "expects": "a handler as module.function, such as app.lambda_handler"
            },
        ),
    ]
    runtime: Annotated[
        Text,
        Field(
            alias="Runtime",
            description="The language and its version, such as python3.12.",
            json_schema_extra={"expects": "a runtime such as python3.12"},
        ),
    ]
    timeout_seconds: Annotated[
        Integer,
        Field(
            alias="Timeout",
            ge=1,
            le=900,
            description="How long an invocation may take, in seconds.",
        ),
    ] = 3
    memory_mb: Annotated[
        Integer,
        Field(
            alias="MemorySize",
            ge=128,
            le=10_240,
            description="How much memory a worker may use, in MB.",
        ),
    ] = 128
    environment: Annotated[
        FunctionEnvironment,
        Field(
            alias="Environment",
            description="The environment variables of the handler, under Variables.",
            json_schema_extra={"expects": "a map with Variables"},
        ),
    ] = FunctionEnvironment()
    reserved_concurrency: Annotated[
        Integer | None,
        Field(
            alias="ReservedConcurrentExecutions",
            ge=0,
            le=1_000_000,
            description="How many invocations may run at once; 0 stops the function.",
            json_schema_extra={"expects": "an integer of at least 0"},
        ),
    ] = None
    package_type: Annotated[
        Literal["Zip"],
        Field(
            alias="PackageType",
            description="How the code is packed. Container images can't be run yet.",
            json_schema_extra={"expects": "Zip: container images can't be run yet"},
        ),
    ] = "Zip"


class FunctionMetadata(Settings):
    """Headrace's own settings of a function, under `Metadata.Headrace`."""

    python: Annotated[
        Text | None,
        Field(
            alias="Python",
            description="The Python interpreter that runs the handler; relative to the template.",
            json_schema_extra={"expects": "the path of a Python interpreter"},
        ),
    ] = None
    beyond_aws: Annotated[
        Boolean,
        Field(
            alias="BeyondAws", description="Allow for this function's SAM events what AWS refuses."
        ),
    ] = False


class QueueMetadata(Settings):
    """Headrace's own settings of a queue, under `Metadata.Headrace`: none yet."""


class MappingMetadata(Settings):
    """Headrace's own settings of a mapping, under `Metadata.Headrace`."""

    beyond_aws: Annotated[
        Boolean,
        Field(
            alias="BeyondAws",
            description="Allow what AWS refuses, such as a MaximumConcurrency of 1.",
        ),
    ] = False


DECLARATIONS: dict[str, type[Settings]] = {
    "QueueMapping": QueueMappingSettings,
    "MappingMetadata": MappingMetadata,
    "Function": FunctionProperties,
    "FunctionMetadata": FunctionMetadata,
    "Queue": QueueProperties,
    "QueueMetadata": QueueMetadata,
}
"""Every kind of settings by the name that it has in the JSON Schema."""


_KEYWORDS = {"ge": "minimum", "le": "maximum"}
"""What pydantic leaves as it is where a value is converted before it is checked, and its name in JSON Schema."""


def settings_schema(model: type[Settings]) -> dict[str, Any]:
    """Return the JSON Schema of *model*; ``expects`` says in words what some settings hold."""
    schema: dict[str, Any] = _tidied(model.model_json_schema(by_alias=True))
    return schema


def _tidied(schema: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(schema, list):
        return [_tidied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {_KEYWORDS.get(key, key): _tidied(value) for key, value in schema.items()}
    # What may be left out may not be written as nothing.
    for each in found.pop("anyOf", []):
        if each != {"type": "null"}:
            found = {**each, **found}
    if found.get("default", "") is None or "$ref" in found:
        found.pop("default", None)
    return found


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of all settings, each kind under ``$defs``, for editors.

    The root describes the settings of a queue mapping.
    """
    definitions: dict[str, Any] = {}
    for name, model in DECLARATIONS.items():
        schema = settings_schema(model)
        definitions.update(schema.pop("$defs", {}))
        definitions[name] = schema
    for definition in definitions.values():
        for declared in definition["properties"].values():
            declared.pop("expects", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headrace settings",
        "$ref": "#/$defs/QueueMapping",
        "$defs": definitions,
    }
