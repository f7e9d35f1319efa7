"""What a template's resources are called, and what ``Ref`` and ``GetAtt`` of them give.

A resource has the name that its template gives it, or else its logical id. Its ARN is made of that name, the
region, and an account of zeros: the same text wherever it is asked for, so it leads back to the resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.config.nodes import Marker, Value, shown
from headrace.config.parameters import as_text
from headrace.config.scope import Resource, UnresolvedError
from headrace.config.suggestions import did_you_mean
from headrace.model.function import ACCOUNT_ID

if TYPE_CHECKING:
    from headrace.config.intrinsics import Resolver

FUNCTION_TYPES = frozenset({"AWS::Serverless::Function", "AWS::Lambda::Function"})
QUEUE_TYPE = "AWS::SQS::Queue"
ALIAS_TYPE = "AWS::Lambda::Alias"
VERSION_TYPE = "AWS::Lambda::Version"


class _Naming(NamedTuple):
    """How one type of resource is named: the property, and the ARN's service and resource part."""

    name_property: str
    service: str = ""
    resource: str = "{name}"
    arn_attributes: tuple[str, ...] = ("Arn",)
    ref_is_arn: bool = False


_NAMINGS = {
    "AWS::Serverless::Function": _Naming("FunctionName", "lambda", "function:{name}"),
    "AWS::Lambda::Function": _Naming("FunctionName", "lambda", "function:{name}"),
    "AWS::SQS::Queue": _Naming("QueueName", "sqs"),
    "AWS::SNS::Topic": _Naming("TopicName", "sns", arn_attributes=("TopicArn",), ref_is_arn=True),
    "AWS::Kinesis::Stream": _Naming("Name", "kinesis", "stream/{name}"),
    "AWS::DynamoDB::Table": _Naming("TableName", "dynamodb", "table/{name}"),
    "AWS::Serverless::SimpleTable": _Naming("TableName", "dynamodb", "table/{name}"),
    "AWS::S3::Bucket": _Naming("BucketName", "s3"),
    "AWS::Events::EventBus": _Naming("Name", "events", "event-bus/{name}"),
    "AWS::Logs::LogGroup": _Naming("LogGroupName", "logs", "log-group:{name}:*"),
    "AWS::IAM::Role": _Naming("RoleName", "iam", "role/{name}"),
    "AWS::SSM::Parameter": _Naming("Name"),
}
_UNNAMED = _Naming("Name")
_WITHOUT_REGION = frozenset({"iam", "s3"})
_QUEUE_ATTRIBUTES = ("Arn", "QueueName", "QueueUrl")
_STREAM_LABEL = "2000-01-01T00:00:00.000"


def physical_name(resolver: Resolver, resource: Resource) -> str:
    """The name of *resource*: what its template says, or else its logical id."""
    value = resource.properties.get(_naming(resource).name_property)
    if value is None:
        return resource.logical_id
    with resolver.scope.working_out(resource.logical_id, value):
        raw = resolver.strict(value).raw
    if raw is Marker.NO_VALUE:
        return resource.logical_id
    text = as_text(raw)
    if text is None:
        raise UnresolvedError(value, f"expected a name, got {shown(raw)}")
    return text


def arn(resolver: Resolver, resource: Resource) -> str:
    """The ARN of *resource*, which is of a type whose ARNs are known here."""
    naming = _naming(resource)
    region = "" if naming.service in _WITHOUT_REGION else resolver.scope.region
    account = "" if naming.service == "s3" else ACCOUNT_ID
    name = naming.resource.format(name=physical_name(resolver, resource))
    return f"arn:aws:{naming.service}:{region}:{account}:{name}"


def queue_url(resolver: Resolver, resource: Resource) -> str:
    """The URL that the queue *resource* would have."""
    name = physical_name(resolver, resource)
    return f"https://sqs.{resolver.scope.region}.amazonaws.com/{ACCOUNT_ID}/{name}"


def reference(resolver: Resolver, name: str, at: Value) -> str:
    """What ``Ref`` of the resource *name* gives."""
    function, _, part = name.partition(".")
    if part in {"Alias", "Version"} and function in resolver.scope.resources:
        return _made_by_sam(resolver, resolver.scope.resources[function], part)
    resource = _existing(resolver, name, at)
    if resource.type == QUEUE_TYPE:
        return queue_url(resolver, resource)
    if resource.type in {ALIAS_TYPE, VERSION_TYPE}:
        return _qualified(resolver, resource)
    if _naming(resource).ref_is_arn:
        return arn(resolver, resource)
    return physical_name(resolver, resource)


def attribute(resolver: Resolver, name: str, *, key: str, at: Value) -> str:
    """What ``GetAtt`` of the attribute *key* of the resource *name* gives."""
    resource = _existing(resolver, name, at)
    naming = _naming(resource)
    if key in naming.arn_attributes and naming.service:
        return arn(resolver, resource)
    if key == naming.name_property:
        return physical_name(resolver, resource)
    if key == "StreamArn" and naming.service == "dynamodb":
        return f"{arn(resolver, resource)}/stream/{_STREAM_LABEL}"
    if resource.type == QUEUE_TYPE:
        if key == "QueueUrl":
            return queue_url(resolver, resource)
        suggestion = (
            did_you_mean(key, _QUEUE_ATTRIBUTES) or f"it has {', '.join(_QUEUE_ATTRIBUTES)}"
        )
        raise UnresolvedError(at, f"a queue has no attribute {shown(key)}", suggestion)
    message = f"{shown(f'{name}.{key}')} is known only after a deployment to AWS"
    raise UnresolvedError(at, message, "write the value", asked=True)


def _naming(resource: Resource) -> _Naming:
    return _NAMINGS.get(resource.type, _UNNAMED)


def _existing(resolver: Resolver, name: str, at: Value) -> Resource:
    scope = resolver.scope
    resource = scope.resources.get(name)
    if resource is None and scope.uses_sam and _is_made_by_sam(name, scope.resources):
        message = f"{shown(name)} is made by SAM and known only after a deployment to AWS"
        raise UnresolvedError(at, message, "write the value", asked=True)
    if resource is None:
        names = [*scope.parameters.names, *scope.resources]
        message = f"there is no parameter or resource {shown(name)}"
        raise UnresolvedError(at, message, did_you_mean(name, names))
    if resource.false_condition:
        condition = resource.false_condition
        raise UnresolvedError(at, f"{name} is not made, since its condition {condition} is false")
    return resource


def _is_made_by_sam(name: str, resources: dict[str, Resource]) -> bool:
    """Whether *name* looks like a resource that SAM adds: a role, an implicit API."""
    owners = [r.logical_id for r in resources.values() if r.type.startswith("AWS::Serverless::")]
    return name.startswith(("ServerlessRestApi", "ServerlessHttpApi", *owners))


def _made_by_sam(resolver: Resolver, function: Resource, part: str) -> str:
    """The ARN of the alias or version that SAM makes for ``AutoPublishAlias``."""
    alias = function.properties.get("AutoPublishAlias")
    qualifier = "1" if part == "Version" or alias is None else resolver.text_of(alias)
    return f"{arn(resolver, function)}:{qualifier}"


def _qualified(resolver: Resolver, resource: Resource) -> str:
    """The ARN of an alias or a version: its function's, with a qualifier."""
    value = resource.properties.get("FunctionName")
    if value is None:
        raise UnresolvedError(resource.properties, "expected FunctionName, got nothing")
    function = resolver.text_of(value)
    name = resource.properties.get("Name")
    qualifier = "1" if name is None else resolver.text_of(name)
    if not function.startswith("arn:"):
        function = f"arn:aws:lambda:{resolver.scope.region}:{ACCOUNT_ID}:function:{function}"
    return f"{function}:{qualifier}"
