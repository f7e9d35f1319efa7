"""A SAM or CloudFormation template as an application: the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.config.application import Application
from headrace.config.documents import read_document, read_file
from headrace.config.findings import Findings
from headrace.config.functions import ReadFunction, read_functions
from headrace.config.intrinsics import Resolver
from headrace.config.limits import UnreadableError
from headrace.config.mappings import MappingsReader
from headrace.config.nodes import Place, Value, kind
from headrace.config.parameters import Parameters
from headrace.config.queues import read_queues
from headrace.config.references import FUNCTION_TYPES, QUEUE_TYPE
from headrace.config.resources import (
    MAPPING_TYPE,
    READ_TYPES,
    SAM_FUNCTION_TYPE,
    apply_conditions,
    read_resources,
)
from headrace.config.scope import Resource, Scope
from headrace.config.suggestions import did_you_mean
from headrace.config.vocabulary import (
    FUNCTION_WITHOUT_MEANING,
    MAPPING_WITHOUT_MEANING,
    QUEUE_WITHOUT_MEANING,
    TEMPLATE_KEYS,
)
from headrace.errors import Problem
from headrace.model.function import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SAM_TRANSFORM = "AWS::Serverless-2016-10-31"
"""The transform that a template with SAM resources names."""

_WITHOUT_MEANING = {
    **dict.fromkeys(FUNCTION_TYPES, FUNCTION_WITHOUT_MEANING),
    QUEUE_TYPE: QUEUE_WITHOUT_MEANING,
    MAPPING_TYPE: MAPPING_WITHOUT_MEANING,
}


def load_template(
    path: Path,
    *,
    parameters: Mapping[str, str] | None = None,
    region: str = REGION,
    stack_name: str = "headrace",
) -> Application:
    """Read the template *path*; whatever is wrong is in the application's ``problems``.

    *parameters* are values for the template's parameters, and for exports and dynamic references by name.
    Paths in the template are relative to its directory.
    """
    try:
        text = read_file(path)
    except UnreadableError as error:
        return Application(problems=(error.problem,))
    return check_text(
        text, directory=path.parent, parameters=parameters, region=region, stack_name=stack_name
    )


def check_text(
    text: str,
    *,
    directory: Path | None = None,
    parameters: Mapping[str, str] | None = None,
    region: str = REGION,
    stack_name: str = "headrace",
) -> Application:
    """Read the template *text*. Without a *directory* no file is looked for."""
    findings = Findings()
    try:
        root = Value("$", read_document(text, findings))
        _check_root(root, findings)
        scope = Scope(
            parameters=Parameters(root.at("Parameters"), parameters or {}, findings),
            findings=findings,
            maps=root.at("Mappings"),
            conditions=root.at("Conditions"),
            region=region,
            stack_name=stack_name,
            uses_sam=_uses_sam(root),
        )
        return _read(Resolver(scope), root, directory)
    except UnreadableError as error:
        return Application(problems=(*findings.problems(), error.problem))
    except RecursionError:
        problem = Problem(
            "$", "the template's functions and conditions lie too deep in one another"
        )
        return Application(problems=(*findings.problems(), problem))


def _check_root(root: Value, findings: Findings) -> None:
    if not root.is_map:
        raise UnreadableError(Place("$", root.line), f"expected a template, got {kind(root.raw)}")
    for key, value in root.entries.items():
        if key not in TEMPLATE_KEYS:
            findings.error(value, "unknown section", did_you_mean(key, TEMPLATE_KEYS))


def _uses_sam(root: Value) -> bool:
    transform = root.at("Transform")
    return SAM_TRANSFORM in [transform.raw, *(item.raw for item in transform.items)]


def _read(resolver: Resolver, root: Value, directory: Path | None) -> Application:
    scope = resolver.scope
    scope.resources = read_resources(resolver, root)
    scope.resources = apply_conditions(resolver, scope.resources)
    present = [each for each in scope.resources.values() if each.false_condition is None]
    _check_transform(scope, present)
    queues = read_queues(resolver, [each for each in present if each.type == QUEUE_TYPE])
    functions = read_functions(
        resolver, [each for each in present if each.type in FUNCTION_TYPES], directory
    )
    reader = MappingsReader(resolver, functions, queues)
    for resource in present:
        if resource.type == SAM_FUNCTION_TYPE:
            reader.read_events(resource)
        elif resource.type == MAPPING_TYPE:
            reader.read_mapping(resource)
    scope.parameters.note_unused()
    return Application(
        functions={
            key: each.settings for key, each in functions.items() if each.settings is not None
        },
        queues={key: each.settings for key, each in queues.items() if each.settings is not None},
        queue_fields={
            key: each.fields for key, each in queues.items() if each.settings is not None
        },
        mappings=tuple(reader.mappings),
        sources=reader.sources,
        passed_over=(*_passed_over(scope.resources, functions), *reader.passed_over),
        problems=scope.findings.problems(),
    )


def _check_transform(scope: Scope, resources: list[Resource]) -> None:
    if scope.uses_sam:
        return
    for resource in resources:
        if resource.type.startswith("AWS::Serverless::"):
            message = f"{resource.type} needs Transform: {SAM_TRANSFORM} to be deployed to AWS"
            scope.findings.warning(Place("$.Transform"), message, "add it at the top")
            return


def _passed_over(
    resources: Mapping[str, Resource], functions: Mapping[str, ReadFunction]
) -> Iterator[str]:
    """One line for each resource that is not run here, or not wholly."""
    for logical_id, resource in resources.items():
        if resource.type not in READ_TYPES:
            yield f"{logical_id}: {resource.type} is not run here"
            continue
        if resource.false_condition is not None:
            yield f"{logical_id}: not made, its condition {resource.false_condition} is false"
            continue
        without_meaning = sorted(
            resource.properties.entries.keys() & _WITHOUT_MEANING[resource.type]
        )
        if without_meaning:
            yield f"{logical_id}: without meaning here: {', '.join(without_meaning)}"
        if logical_id in functions and functions[logical_id].runs_elsewhere:
            yield f"{logical_id}: {functions[logical_id].obstacles[-1].message}"
