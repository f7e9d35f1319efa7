"""A template's conditions: whether one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.config.nodes import Marker, Value, kind, plain, shown
from headrace.config.parameters import as_text
from headrace.config.scope import UnresolvedError
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from headrace.config.intrinsics import Resolver

_FORMS = "Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition"
_OPERANDS_MAX = 10


def holds(resolver: Resolver, name: Value) -> bool:
    """Whether the condition of that *name* is true. Each is worked out once."""
    scope = resolver.scope
    if not isinstance(name.raw, str):
        raise UnresolvedError(name, f"expected a condition's name, got {kind(name.raw)}")
    if name.raw in scope.condition_values:
        return scope.condition_values[name.raw]
    condition = scope.conditions.get(name.raw)
    if condition is None:
        suggestion = did_you_mean(name.raw, scope.conditions.entries)
        raise UnresolvedError(name, f"there is no condition {shown(name.raw)}", suggestion)
    with scope.working_out(f"condition {name.raw}", condition):
        value = _evaluate(resolver, condition)
    scope.condition_values[name.raw] = value
    return value


def _evaluate(resolver: Resolver, value: Value) -> bool:
    if len(value.entries) != 1:
        raise UnresolvedError(value, f"expected one of {_FORMS}, got {kind(value.raw)}")
    name, argument = next(iter(value.entries.items()))
    match name:
        case "Condition":
            return holds(resolver, argument)
        case "Fn::Equals":
            left, right = _operands(argument, 2, 2)
            return _compared(resolver, left) == _compared(resolver, right)
        case "Fn::Not":
            (operand,) = _operands(argument, 1, 1)
            return not _evaluate(resolver, operand)
        case "Fn::And" | "Fn::Or":
            values = [_evaluate(resolver, each) for each in _operands(argument, 2, _OPERANDS_MAX)]
            return all(values) if name == "Fn::And" else any(values)
    raise UnresolvedError(value, f"expected one of {_FORMS}, got {shown(name)}")


def _operands(value: Value, least: int, most: int) -> list[Value]:
    if not least <= len(value.items) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        found = f"one of {len(value.items)}" if isinstance(value.raw, list) else kind(value.raw)
        raise UnresolvedError(value, f"expected a list of {count}, got {found}")
    return value.items


def _compared(resolver: Resolver, value: Value) -> object:
    """An operand of Equals. CloudFormation compares texts: true and "true" are the same."""
    raw = resolver.strict(value)
    if isinstance(raw.raw, (dict, list, Marker)):
        return plain(raw.node)
    return as_text(raw.raw)
