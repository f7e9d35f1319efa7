"""CloudFormation's functions: a value as written in, the value that it stands for out.

A value is resolved only where somebody reads it, so what stands in ``Role`` or ``Policies`` is never asked
for. A function whose argument can't be told can't be told either; the reason is noted once.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.config.conditions import holds
from headrace.config.nodes import Marker, Node, Value, kind, shown
from headrace.config.parameters import as_text
from headrace.config.references import attribute, reference
from headrace.config.scope import Scope, UnresolvedError
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.config.nodes import Raw

# Neither $ nor a brace inside, and bounded: else a page full of "${" would be scanned again from each.
_VARIABLE = re.compile(r"\$\{([^{}$]{0,300})\}")
_DYNAMIC = re.compile(r"\{\{(resolve:[^{}]{1,2000})\}\}")
_LIST_ITEM_COST = 100
_DIGITS_MAX = 9


def function_of(node: Node) -> str | None:
    """The intrinsic function that *node* calls."""
    return next((n for n in node.entries if n == "Ref" or n.startswith("Fn::")), None)


class Resolver:
    """Resolves values in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def resolve(self, value: Value) -> Value:
        """Return *value* with every function in it worked out; what can't be told is noted and unknown."""
        if function_of(value.node) is None:
            if value.is_map:
                found = {k: self.resolve(v).node for k, v in value.entries.items()}
                return value.holding(_less_no_value(found))
            if isinstance(value.raw, list):
                items = [self.resolve(item).node for item in value.items]
                return value.holding([node for node in items if node.raw is not Marker.NO_VALUE])
        if value.raw is None:
            # AWS: CloudFormation's words.
            self.scope.findings.error(value, "null values are not allowed in templates")
            return value.holding(Marker.UNKNOWN)
        try:
            return self.strict(value)
        except UnresolvedError as error:
            self.note(error)
            return value.holding(Marker.UNKNOWN)

    def structure(self, value: Value) -> Value:
        """Return *value* without a function around it; what lies inside stays as it is written."""
        try:
            while function_of(value.node) == "Fn::If":
                branch = self._branch(self._argument(value, "Fn::If"))
                value = Value(branch.path, replace(branch.node, line=value.line))
            return value if function_of(value.node) is None else self.strict(value)
        except UnresolvedError as error:
            self.note(error)
            return value.holding(Marker.UNKNOWN)

    def note(self, error: UnresolvedError) -> None:
        """Note why a value can't be told, unless that is done."""
        if error.problem is not None:
            self.scope.findings.add(error.problem)

    def strict(self, value: Value) -> Value:
        """Return *value* with every function in it worked out, or raise `UnresolvedError`."""
        name = function_of(value.node)
        if name is not None:
            return value.holding(self._called(name, self._argument(value, name)))
        match value.raw:
            case Marker.UNKNOWN:
                raise UnresolvedError
            case dict():
                found = {k: self.strict(v).node for k, v in value.entries.items()}
                return value.holding(_less_no_value(found))
            case list():
                items = [self.strict(item).node for item in value.items]
                return value.holding([node for node in items if node.raw is not Marker.NO_VALUE])
            case str() as text:
                return value.holding(self.with_dynamic_references(text, value))
        return value

    def text_of(self, value: Value) -> str:
        """Return *value* worked out as a string, or raise `UnresolvedError`."""
        raw = self.strict(value).raw
        text = as_text(raw)
        if text is None:
            raise UnresolvedError(value, f"expected a string, got {_kind(raw)}")
        return text

    def list_of(self, value: Value) -> list[Value]:
        """Return *value* worked out as a list, or raise `UnresolvedError`."""
        resolved = self.strict(value)
        if not isinstance(resolved.raw, list):
            raise UnresolvedError(value, f"expected a list, got {_kind(resolved.raw)}")
        return resolved.items

    def outside(self, name: str, at: Value) -> str:
        """Return a value that is kept outside the template and was given by *name*."""
        text = self.scope.parameters.outside(name)
        if text is None:
            message = f"{shown(name)} is kept outside this template"
            suggestion = f"give its value with --parameter {name}=VALUE"
            raise UnresolvedError(at, message, suggestion, asked=True)
        self.scope.spend(len(text), at)
        return text

    def with_dynamic_references(self, text: str, at: Value) -> str:
        """Return *text* with each ``{{resolve:…}}`` replaced by what was given for it."""
        if "{{resolve:" not in text:
            return text
        return _DYNAMIC.sub(lambda match: self.outside(match[1], at), text)

    def chosen(self, argument: Value) -> Raw:
        """``Fn::If``: only the branch that holds is worked out."""
        return self.strict(self._branch(argument)).raw

    def _called(self, name: str, argument: Value) -> Raw:
        function = _FUNCTIONS.get(name)
        if function is None:
            suggestion = did_you_mean(name, _FUNCTIONS)
            raise UnresolvedError(argument, f"{shown(name)} can't be worked out here", suggestion)
        return function(self, argument)

    @staticmethod
    def _argument(value: Value, name: str) -> Value:
        if len(value.entries) > 1:
            names = ", ".join(value.entries)
            raise UnresolvedError(value, f"a function must stand alone, got {shown(names)}")
        return value.at(name)

    def _branch(self, argument: Value) -> Value:
        shape = "a condition, a value if true and a value if false"
        condition, if_true, if_false = arguments(argument, 3, shape)
        return if_true if holds(self, condition) else if_false


def arguments(value: Value, count: int, shape: str, *, optional: int = 0) -> list[Value]:
    """Return the items of a function's argument list, or raise `UnresolvedError`."""
    if not count <= len(value.items) <= count + optional:
        is_list = isinstance(value.raw, list)
        found = f"a list of {len(value.items)}" if is_list else kind(value.raw)
        raise UnresolvedError(value, f"expected a list of {shape}, got {found}")
    return value.items


def _less_no_value(entries: dict[str, Node]) -> dict[str, Node]:
    return {key: node for key, node in entries.items() if node.raw is not Marker.NO_VALUE}


def _kind(raw: object) -> str:
    return "AWS::NoValue" if raw is Marker.NO_VALUE else kind(raw)


def _ref(resolver: Resolver, argument: Value) -> Raw:
    name = argument.raw
    if not isinstance(name, str):
        raise UnresolvedError(argument, f"expected a name, got {kind(name)}")
    if name == "AWS::NoValue":
        return Marker.NO_VALUE
    if name == "AWS::NotificationARNs":
        return []
    raw = _named(resolver, name, argument)
    resolver.scope.spend(len(raw) if isinstance(raw, (str, list)) else 0, argument)
    return raw


def _named(resolver: Resolver, name: str, at: Value) -> Raw:
    pseudo = resolver.scope.pseudo_parameters()
    if name in pseudo:
        return pseudo[name]
    if name.startswith("AWS::"):
        message = f"there is no pseudo parameter {shown(name)}"
        raise UnresolvedError(at, message, did_you_mean(name, pseudo))
    if name in resolver.scope.parameters.names:
        raw = resolver.scope.parameters.value(name).raw
        if raw is Marker.UNKNOWN:
            raise UnresolvedError
        return raw
    return reference(resolver, name, at)


def _get_att(resolver: Resolver, argument: Value) -> Raw:
    if isinstance(argument.raw, str):
        name, _, key = argument.raw.partition(".")
    else:
        parts = arguments(argument, 2, "a resource and an attribute")
        name, key = (resolver.text_of(part) for part in parts)
    if not key:
        message = f"expected Resource.Attribute, got {shown(name)}"
        raise UnresolvedError(argument, message, "such as OrdersQueue.Arn")
    return attribute(resolver, name, key=key, at=argument)


def _sub(resolver: Resolver, argument: Value) -> Raw:
    template, own = argument, {}
    if isinstance(argument.raw, list):
        template, variables = arguments(argument, 2, "a text and a map of variables")
        own = {name: resolver.text_of(value) for name, value in variables.entries.items()}
    if not isinstance(template.raw, str):
        message = f"expected a text with ${{variables}}, got {kind(template.raw)}"
        raise UnresolvedError(template, message)

    def value(match: re.Match[str]) -> str:
        text = own[match[1]] if match[1] in own else _variable(resolver, match[1], template)
        resolver.scope.spend(len(text), template)
        return text

    resolver.scope.spend(len(template.raw), template)
    return resolver.with_dynamic_references(_VARIABLE.sub(value, template.raw), template)


def _variable(resolver: Resolver, name: str, at: Value) -> str:
    if name.startswith("!"):
        return f"${{{name[1:]}}}"
    resource, _, key = name.partition(".")
    if key and key not in {"Alias", "Version"}:
        return attribute(resolver, resource, key=key, at=at)
    text = as_text(_named(resolver, name, at))
    if text is None:
        message = f"{shown(name)} is a list and can't stand in a text"
        raise UnresolvedError(at, message, "use Fn::Join")
    return text


def _join(resolver: Resolver, argument: Value) -> Raw:
    separator, values = arguments(argument, 2, "a separator and a list")
    between = resolver.text_of(separator)
    parts = [resolver.text_of(value) for value in resolver.list_of(values)]
    resolver.scope.spend(sum(map(len, parts)) + len(between) * len(parts), argument)
    return between.join(parts)


def _split(resolver: Resolver, argument: Value) -> Raw:
    separator, text = arguments(argument, 2, "a separator and a text")
    between = resolver.text_of(separator)
    if not between:
        raise UnresolvedError(argument, "expected a separator, got an empty string")
    whole = resolver.text_of(text)
    resolver.scope.spend((whole.count(between) + 1) * _LIST_ITEM_COST, argument)
    return [Node(part, argument.line) for part in whole.split(between)]


def _select(resolver: Resolver, argument: Value) -> Raw:
    index, values = arguments(argument, 2, "an index and a list")
    text = resolver.text_of(index)
    items = resolver.list_of(values)
    if not (text.isdecimal() and len(text) <= _DIGITS_MAX and int(text) < len(items)):
        message = f"expected an index from 0 to {len(items) - 1}, got {shown(text)}"
        raise UnresolvedError(argument, message)
    return items[int(text)].raw


def _find_in_map(resolver: Resolver, argument: Value) -> Raw:
    shape = "a map's name and two keys"
    *keys, last = arguments(argument, 3, shape, optional=1)
    default = last.get("DefaultValue")
    if default is None:
        keys.append(last)
    found, names = resolver.scope.maps, []
    for key in keys[:3]:
        names.append(resolver.text_of(key))
        below = found.get(names[-1])
        if below is None:
            if default is not None:
                return resolver.strict(default).raw
            message = f"there is no {shown('.'.join(names))} in Mappings"
            raise UnresolvedError(key, message, did_you_mean(names[-1], found.entries))
        found = below
    return found.raw


def _import_value(resolver: Resolver, argument: Value) -> Raw:
    return resolver.outside(resolver.text_of(argument), argument)


def _base64(resolver: Resolver, argument: Value) -> Raw:
    text = resolver.text_of(argument)
    resolver.scope.spend(2 * len(text), argument)
    return base64.b64encode(text.encode()).decode()


_FUNCTIONS: dict[str, Callable[[Resolver, Value], Raw]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::If": Resolver.chosen,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
