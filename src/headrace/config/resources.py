"""The entries of ``Resources``, with SAM's ``Globals`` merged into functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.config.conditions import holds
from headrace.config.intrinsics import function_of
from headrace.config.nodes import Marker, Node, Place, Value, kind, shown
from headrace.config.references import FUNCTION_TYPES, QUEUE_TYPE
from headrace.config.scope import Resource, UnresolvedError
from headrace.config.suggestions import did_you_mean, nearest
from headrace.config.vocabulary import RESOURCE_KEYS

if TYPE_CHECKING:
    from headrace.config.findings import Findings
    from headrace.config.intrinsics import Resolver

MAPPING_TYPE = "AWS::Lambda::EventSourceMapping"
SAM_FUNCTION_TYPE = "AWS::Serverless::Function"
READ_TYPES = frozenset({*FUNCTION_TYPES, QUEUE_TYPE, MAPPING_TYPE})
"""The types of resources that are read; all others are passed over."""

_NOT_IN_GLOBALS = frozenset({"Events", "FunctionName"})
_LIKENESS = 0.9


def read_resources(resolver: Resolver, root: Value) -> dict[str, Resource]:
    """Return every resource by its logical id."""
    section, findings = root.get("Resources"), resolver.scope.findings
    if section is None or not section.is_map:
        found = "nothing" if section is None else kind(section.raw)
        findings.error(section or Place("$.Resources"), f"expected a map of resources, got {found}")
        return {}
    shared = _globals(root, findings)
    resources = {}
    for logical_id, value in section.entries.items():
        if _is_resource(logical_id, value, findings):
            resources[logical_id] = _resource(resolver, logical_id, value, shared=shared)
    return resources


def _is_resource(logical_id: str, value: Value, findings: Findings) -> bool:
    if logical_id.startswith("Fn::"):
        message = "a function makes resources only in a deployment to AWS"
        findings.error(value, message, "write them out")
        return False
    if not value.is_map:
        if not value.is_unknown:
            findings.error(value, f"expected a resource, got {kind(value.raw)}")
        return False
    resource_type = value.at("Type")
    if not isinstance(resource_type.raw, str):
        message = "expected Type, such as AWS::Serverless::Function"
        findings.error(resource_type, message)
        return False
    return True


def _resource(resolver: Resolver, logical_id: str, value: Value, *, shared: Node) -> Resource:
    resource_type = str(value.at("Type").raw)
    properties = value.at("Properties")
    if resource_type not in READ_TYPES:
        _check_type(resource_type, value.at("Type"), resolver.scope.findings)
        return Resource(logical_id, resource_type, value, properties)
    for key, entry in value.entries.items():
        if key not in RESOURCE_KEYS:
            suggestion = did_you_mean(key, RESOURCE_KEYS)
            resolver.scope.findings.error(entry, "unknown key of a resource", suggestion)
    properties = resolver.structure(properties)
    if not properties.is_map and not properties.is_absent:
        message = f"expected a map of properties, got {kind(properties.raw)}"
        resolver.scope.findings.error(properties, message)
    node = properties.node
    if resource_type == SAM_FUNCTION_TYPE:
        node = merged(_wanted(shared, value.get("IgnoreGlobals")), node)
    return Resource(logical_id, resource_type, value, Value(properties.path, node))


def _check_type(resource_type: str, at: Value, findings: Findings) -> None:
    """Note a type that is almost one of those that are read: passed over, it would be missed."""
    meant = nearest(resource_type, READ_TYPES, likeness=_LIKENESS)
    if meant:
        message = f"unknown resource type {shown(resource_type)}"
        findings.error(at, message, f"did you mean {meant}?")


def _wanted(shared: Node, ignored: Value | None) -> Node:
    """What of ``Globals`` a function takes that says in ``IgnoreGlobals`` what it doesn't."""
    if ignored is None:
        return shared
    names = {item.raw for item in ignored.items if isinstance(item.raw, str)}
    if ignored.raw == "*":
        names = set(shared.entries)
    return replace(shared, raw={k: v for k, v in shared.entries.items() if k not in names})


def apply_conditions(resolver: Resolver, resources: dict[str, Resource]) -> dict[str, Resource]:
    """Return *resources*, each that is read marked if its condition is false."""
    return {
        logical_id: replace(resource, false_condition=_false_condition(resolver, resource))
        for logical_id, resource in resources.items()
    }


def _false_condition(resolver: Resolver, resource: Resource) -> str | None:
    name = resource.value.get("Condition")
    if name is None or resource.type not in READ_TYPES:
        return None
    try:
        return None if holds(resolver, name) else str(name.raw)
    except UnresolvedError as error:
        resolver.note(error)
        return None


def _globals(root: Value, findings: Findings) -> Node:
    function = root.at("Globals").at("Function")
    kept = {}
    for key, value in function.entries.items():
        if key in _NOT_IN_GLOBALS:
            findings.error(value, "can't be shared by functions", "write it in each function")
        else:
            kept[key] = _with_origin(value)
    return replace(function.node, raw=kept)


def _with_origin(value: Value) -> Node:
    """The node of *value*, with its own path in it wherever it is merged to."""
    raw = value.raw
    if value.is_map:
        raw = {key: _with_origin(entry) for key, entry in value.entries.items()}
    elif isinstance(raw, list):
        raw = [_with_origin(item) for item in value.items]
    return Node(raw, value.line, value.path)


def merged(shared: Node, own: Node) -> Node:
    """Merge as SAM merges ``Globals``: maps key by key, lists one after the other, else the own value holds."""
    if function_of(shared) or function_of(own) or isinstance(own.raw, Marker):
        return own
    if isinstance(shared.raw, dict) and isinstance(own.raw, dict):
        both = dict(shared.entries)
        for key, node in own.entries.items():
            both[key] = merged(both[key], node) if key in both else node
        return replace(own, raw=both)
    if isinstance(shared.raw, list) and isinstance(own.raw, list):
        return replace(own, raw=[*shared.items, *own.items])
    return own
