"""A template's parameters: what is declared, what was given, and whether the one allows the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.config.nodes import Marker, Node, Place, Value, kind, shown
from headrace.config.patterns import NotMatchedError, matches
from headrace.config.scalars import is_unicode
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.config.findings import Findings

_TYPES = ("String", "Number", "CommaDelimitedList", "List<Number>", "List<String>")
_KEYS = (
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
)
_STORED = "AWS::SSM::Parameter::Value<"
_VALUE_LENGTH_MAX = 4096


def as_text(value: object) -> str | None:
    """Return a scalar as CloudFormation hands it on where a string is wanted; None for what is no scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    return None


@dataclass(frozen=True, slots=True)
class _Declaration:
    """One parameter as the template declares it."""

    name: str
    value: Value

    def text(self, key: str) -> str | None:
        found = self.value.get(key)
        return None if found is None else as_text(found.raw)

    @property
    def type(self) -> str:
        return self.text("Type") or "String"

    @property
    def is_stored(self) -> bool:
        """Whether the default is no value but the name of one in the SSM parameter store."""
        return self.type.startswith(_STORED)

    @property
    def is_list(self) -> bool:
        return "List<" in self.type or "CommaDelimitedList" in self.type

    @property
    def is_number(self) -> bool:
        return self.type in {"Number", "List<Number>"}

    def shown(self, value: str) -> str:
        """*value* as it can stand in a message: a secret can't."""
        return "a value that NoEcho hides" if self.text("NoEcho") == "true" else shown(value)


class Parameters:
    """The values of a template's parameters, each told to be missing or wrong once."""

    def __init__(self, section: Value, given: Mapping[str, str], findings: Findings) -> None:
        self._given = {name: text for name, text in given.items() if is_unicode(name + text)}
        for name in sorted(given.keys() - self._given.keys()):
            findings.error(Place("$.Parameters"), f"the value of {shown(name)} is not UTF-8 text")
        self._findings = findings
        self._asked: set[str] = set()
        if not section.is_map:
            findings.error(section, f"expected a map of parameters, got {kind(section.raw)}")
        self._declared = {
            name: _Declaration(name, value) for name, value in section.entries.items()
        }
        self._values: dict[str, Node] = {}
        for name, declaration in self._declared.items():
            self._check_declaration(declaration)
            text = self._text(declaration)
            if text is not None:
                self._values[name] = self._checked(declaration, text)

    @property
    def names(self) -> list[str]:
        """The names of the declared parameters."""
        return list(self._declared)

    def value(self, name: str) -> Node:
        """The value of the declared parameter *name*; unknown where it has none."""
        if name not in self._values:
            self._values[name] = self._missing(self._declared[name])
        return self._values[name]

    def outside(self, name: str) -> str | None:
        """The value given for something that lies outside the template: an export, a dynamic reference."""
        self._asked.add(name)
        return self._given.get(name)

    def note_unused(self) -> None:
        """Note the values that were given for nothing in the template."""
        known = self._declared.keys() | self._asked
        for name in self._given:
            if name not in known:
                message = f"the template has no parameter {shown(name)}"
                self._findings.error(Place("$.Parameters"), message, did_you_mean(name, known))

    def _check_declaration(self, declaration: _Declaration) -> None:
        value = declaration.value
        if not value.is_map:
            self._findings.error(value, f"expected a map with Type, got {kind(value.raw)}")
            return
        for key, entry in value.entries.items():
            if key not in _KEYS:
                self._findings.error(entry, "unknown key of a parameter", did_you_mean(key, _KEYS))
        if value.get("Type") is None:
            self._findings.error(value, "expected Type, such as String, got nothing")
        elif declaration.type not in _TYPES and "AWS::" not in declaration.type:
            message = f"expected a parameter type such as String, got {shown(declaration.type)}"
            suggestion = did_you_mean(declaration.type, _TYPES)
            self._findings.error(value.at("Type"), message, suggestion)

    def _text(self, declaration: _Declaration) -> str | None:
        given = self._given.get(declaration.name)
        if given is not None or declaration.is_stored:
            return given
        return declaration.text("Default")

    def _missing(self, declaration: _Declaration) -> Node:
        name = declaration.name
        message = f"parameter {name} needs a value"
        if declaration.is_stored:
            message += ": its default is a name in the SSM parameter store, which is not read here"
        suggestion = f"give one with --parameter {name}=VALUE"
        self._findings.error(declaration.value, message, suggestion)
        return Node(Marker.UNKNOWN, declaration.value.line)

    def _checked(self, declaration: _Declaration, text: str) -> Node:
        line = declaration.value.line
        parts = [part.strip() for part in text.split(",")] if declaration.is_list else [text]
        for part in parts:
            wrong = _wrong(declaration, part)
            if wrong:
                message = f"expected {wrong}, got {declaration.shown(part)}"
                suggestion = declaration.text("ConstraintDescription") or ""
                self._findings.error(declaration.value, message, suggestion)
                return Node(Marker.UNKNOWN, line)
        return Node([Node(part, line) for part in parts] if declaration.is_list else text, line)


def _wrong(declaration: _Declaration, text: str) -> str | None:
    """Return what was expected where *text* is not it."""
    if len(text) > _VALUE_LENGTH_MAX:
        return f"at most {_VALUE_LENGTH_MAX:,} characters"
    if declaration.is_number and _number(text) is None:
        return "a number"
    allowed = [as_text(item.raw) for item in declaration.value.at("AllowedValues").items]
    if allowed and text not in allowed:
        return "one of " + ", ".join(str(value) for value in allowed)
    pattern = declaration.text("AllowedPattern")
    if pattern is not None and not _matches(pattern, text):
        return f"what matches {shown(pattern)}"
    return _out_of_bounds(declaration, text)


def _out_of_bounds(declaration: _Declaration, text: str) -> str | None:
    bounds = (
        ("MinLength", len(text), -1, "characters"),
        ("MaxLength", len(text), 1, "characters"),
        ("MinValue", _number(text), -1, ""),
        ("MaxValue", _number(text), 1, ""),
    )
    for key, measure, sign, unit in bounds:
        bound = _number(declaration.text(key) or "")
        if bound is None or measure is None or (measure - bound) * sign <= 0:
            continue
        words = "at most" if sign > 0 else "at least"
        return f"{words} {declaration.text(key)} {unit}".rstrip()
    return None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*[-+]?\d{1,300}(\.\d{0,300})?\s*", text) else None


def _matches(pattern: str, text: str) -> bool:
    # CloudFormation's patterns are Java's. The few that are not matched here are left to CloudFormation.
    try:
        return matches(pattern, text)
    except NotMatchedError:
        return True
