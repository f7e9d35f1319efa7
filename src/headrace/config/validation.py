"""Plain values against their declaration, with our own messages: every finding at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from headrace.config.nodes import path_part, shown
from headrace.config.schema import settings_schema
from headrace.config.setting_types import Settings
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=Settings)

Location = tuple[str | int, ...]


class Issue(NamedTuple):
    """One finding, at a place inside the settings that were checked."""

    location: Location
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Checked(Generic[S]):
    """What a check gave: the settings as far as they can be used, and what is wrong.

    A setting that is ``wrong`` has its default in ``settings``; where it is required there are none.
    """

    settings: S | None
    issues: list[Issue]
    wrong: frozenset[str]


def check(
    model: type[S], values: Mapping[str, object], *, other_names: Iterable[str] = ()
) -> Checked[S]:
    """Check *values* against *model*. *other_names* are names that a person may have meant, too."""
    try:
        return Checked(model.model_validate(values), [], frozenset())
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
    issues = list(dict.fromkeys(_issue(model, detail, other_names) for detail in details))
    wrong = frozenset(str(detail["loc"][0]) for detail in details)
    return Checked(_without(model, values, wrong), issues, wrong)


def _without(model: type[S], values: Mapping[str, object], wrong: frozenset[str]) -> S | None:
    try:
        return model.model_validate(
            {key: value for key, value in values.items() if key not in wrong}
        )
    except ValidationError:
        return None


def path_of(location: Location, root: str = "$") -> str:
    """Return *location* as a JSON path below *root*."""
    return root + "".join(f"[{p}]" if isinstance(p, int) else f".{path_part(p)}" for p in location)


def names_of(model: type[Settings]) -> list[str]:
    """The names of the settings of *model*, as people write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _issue(model: type[Settings], detail: ErrorDetails, other_names: Iterable[str]) -> Issue:
    location = detail["loc"]
    schema = _declaration(model, location[:-1])
    if detail["type"] == "extra_forbidden":
        own = list(schema["properties"])
        names = [*own, *other_names] if len(location) == 1 else own
        suggestion = did_you_mean(str(location[-1]), names) or f"known: {', '.join(own)}"
        return Issue(location, "unknown setting", suggestion if own else "")
    expected = expectation(_declaration(model, location))
    if detail["type"] == "missing":
        return Issue(location, f"expected {expected}, got nothing")
    found = detail["input"]
    allowed = _declaration(model, location).get("enum") or [
        _declaration(model, location).get("const")
    ]
    suggestion = did_you_mean(found, filter(None, allowed)) if isinstance(found, str) else ""
    return Issue(location, f"expected {expected}, got {shown(found)}", suggestion)


def expectation(schema: Mapping[str, Any]) -> str:
    """Say what a declared setting may hold, from its part of the JSON Schema."""
    if "expects" in schema:
        return str(schema["expects"])
    match schema.get("type"):
        case "integer":
            return f"an integer from {schema['minimum']} to {schema['maximum']}"
        case "boolean":
            return "true or false"
        case "object":
            return "a map"
    allowed = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return " or ".join(map(str, allowed)) or "a string"


@cache
def _schema(model: type[Settings]) -> dict[str, Any]:
    return settings_schema(model)


def schema_of(model: type[Settings]) -> Callable[[str], dict[str, Any]]:
    """Return a function from a setting's name to its part of the JSON Schema."""
    return lambda name: _declaration(model, (name,))


def _declaration(model: type[Settings], location: Location) -> dict[str, Any]:
    """The part of the JSON Schema that declares *location*."""
    root = _schema(model)
    schema = root
    for part in location:
        if isinstance(part, int):
            schema = schema.get("items", {})
        else:
            schema = (
                schema.get("properties", {}).get(part) or schema.get("additionalProperties") or {}
            )
        schema = _resolved(root, schema)
    return schema


def _resolved(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """*schema* with a reference followed."""
    if "$ref" in schema:
        definition = root["$defs"][schema["$ref"].rpartition("/")[2]]
        schema = {**definition, **schema}
    return schema
