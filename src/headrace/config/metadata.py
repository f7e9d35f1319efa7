"""``Metadata.Headrace`` of a resource: settings that CloudFormation keeps and does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headrace.config.nodes import Value, kind
from headrace.config.properties import check_value
from headrace.config.setting_types import Settings

if TYPE_CHECKING:
    from headrace.config.intrinsics import Resolver
    from headrace.config.scope import Resource

S = TypeVar("S", bound=Settings)


def read_metadata(resolver: Resolver, resource: Resource, model: type[S]) -> S:
    """Return the settings of *model* that *resource* has; what is wrong is noted and left at its default."""
    value = headrace_metadata(resolver, resource)
    if value is None:
        return model()
    resolved = resolver.resolve(value)
    if not resolved.is_map and not resolved.is_unknown:
        resolver.scope.findings.error(value, f"expected a map, got {kind(value.raw)}")
    return check_value(model, resolved, resolver.scope.findings).settings or model()


def headrace_metadata(resolver: Resolver, resource: Resource) -> Value | None:
    """Return ``Metadata.Headrace`` of *resource* as it is written."""
    return resolver.structure(resource.value.at("Metadata")).get("Headrace")
