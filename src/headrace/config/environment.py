"""A function's environment variables. Their values are secrets as often as not: no message shows one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.config.nodes import Marker, Value, kind
from headrace.config.parameters import as_text
from headrace.config.scope import UnresolvedError
from headrace.config.suggestions import did_you_mean
from headrace.config.vocabulary import RESERVED_VARIABLES

if TYPE_CHECKING:
    from headrace.config.findings import Findings
    from headrace.config.intrinsics import Resolver

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
_NAME_EXPECTED = (
    "expected a name of at least two letters, digits and underscores that begins with a letter"
)
_BYTES_MAX = 4096

# AWS: the answer of the service to a reserved name.
_RESERVED_MESSAGE = (
    "Lambda was unable to configure your environment variables because the environment variables you have "
    "provided contains reserved keys that are currently not supported for modification. "
    "Reserved keys used in this request: "
)


def read_environment(resolver: Resolver, value: Value) -> dict[str, str]:
    """Return the variables that the property ``Environment`` holds; what is wrong is noted and left out."""
    findings = resolver.scope.findings
    environment = resolver.structure(value)
    _check_map(environment, "a map with Variables", findings)
    for key, entry in environment.entries.items():
        if key != "Variables":
            findings.error(entry, "unknown setting", did_you_mean(key, ["Variables"]))
    variables = resolver.structure(environment.at("Variables"))
    _check_map(variables, "a map of names and strings", findings)
    found = {}
    for name, variable in variables.entries.items():
        text = _text(resolver, variable)
        if _NAME.fullmatch(name) is None:
            findings.error(variable, _NAME_EXPECTED)
        elif text is not None:
            found[name] = text
    _check_all(found, variables, findings)
    return found


def _check_map(value: Value, expected: str, findings: Findings) -> None:
    if not value.is_map and not value.is_absent:
        findings.error(value, f"expected {expected}, got {kind(value.raw)}")


def _check_all(found: dict[str, str], variables: Value, findings: Findings) -> None:
    reserved = sorted(found.keys() & RESERVED_VARIABLES)
    if reserved:
        findings.error(variables.at(reserved[0]), _RESERVED_MESSAGE + ", ".join(reserved))
    size = sum(len((name + text).encode(errors="replace")) for name, text in found.items())
    if size > _BYTES_MAX:
        message = f"the variables take {size:,} bytes, Lambda allows {_BYTES_MAX:,}"
        findings.error(variables, message)


def _text(resolver: Resolver, value: Value) -> str | None:
    findings = resolver.scope.findings
    try:
        raw = resolver.strict(value).raw
    except UnresolvedError as error:
        if error.asked and error.problem is not None:
            message = f"{error.problem.message}: the variable is left out"
            findings.warning(value, message, "give it with --env-vars FILE")
        else:
            resolver.note(error)
        return None
    text = as_text(raw)
    if raw is Marker.NO_VALUE:
        return None
    if text is None or "\0" in text:
        found = kind(raw) if text is None else "a string with a NUL"
        findings.error(value, f"expected a string, got {found}")
        return None
    return text
