"""A document as it was written: plain values, each with the line where it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None


class Marker(Enum):
    """What stands in the place of a value that isn't there."""

    UNKNOWN = "unknown"
    """The value can't be told, and the problem that says why has been noted."""

    NO_VALUE = "no value"
    """``AWS::NoValue``: as if the key had not been written."""


Raw: TypeAlias = "Scalar | Marker | list[Node] | dict[str, Node]"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document.

    ``line`` counts from 1; for the value of a key it is the key's line. ``origin`` is the path of the
    place from which the value was merged in, where that is another than the one it is found at.
    """

    raw: Raw
    line: int
    origin: str | None = None

    @property
    def entries(self) -> dict[str, Node]:
        """The entries of a map; of anything else none."""
        return self.raw if isinstance(self.raw, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The items of a list; of anything else none."""
        return self.raw if isinstance(self.raw, list) else []


class Place(NamedTuple):
    """Where something stands, or should: the JSON path that people see, and the line."""

    path: str
    line: int | None = None


_PATH_PART_MAX = 80


def path_part(key: str) -> str:
    """*key* as it can stand in a path: escaped and cut."""
    cut = key if len(key) <= _PATH_PART_MAX else f"{key[: _PATH_PART_MAX - 1]}…"
    return cut if cut.isprintable() else json.dumps(cut)


def plain(node: Node) -> object:
    """The value without lines; what is unknown or has no value is left out of maps and lists."""
    match node.raw:
        case dict() as entries:
            return {k: plain(v) for k, v in entries.items() if not isinstance(v.raw, Marker)}
        case list() as items:
            return [plain(item) for item in items if not isinstance(item.raw, Marker)]
        case Marker():
            return None
        case scalar:
            return scalar


@dataclass(frozen=True, slots=True)
class Value:
    """A node together with its path: what the readers of a template pass around."""

    path: str
    node: Node

    @property
    def raw(self) -> Raw:
        """The node's value."""
        return self.node.raw

    @property
    def line(self) -> int:
        """The node's line."""
        return self.node.line

    @property
    def entries(self) -> dict[str, Value]:
        """The entries of a map; of anything else none."""
        raw = self.raw
        return (
            {key: self._child(key, node) for key, node in raw.items()}
            if isinstance(raw, dict)
            else {}
        )

    @property
    def items(self) -> list[Value]:
        """The items of a list; of anything else none."""
        raw = self.raw
        if not isinstance(raw, list):
            return []
        return [Value(node.origin or f"{self.path}[{i}]", node) for i, node in enumerate(raw)]

    @property
    def is_map(self) -> bool:
        """Whether the value is a map."""
        return isinstance(self.raw, dict)

    @property
    def is_unknown(self) -> bool:
        """Whether the value can't be told, for a reason that has been noted."""
        return self.raw is Marker.UNKNOWN

    @property
    def is_absent(self) -> bool:
        """Whether the value can't be told, or ``AWS::NoValue`` has taken it away."""
        return isinstance(self.raw, Marker)

    def get(self, key: str) -> Value | None:
        """The value of *key* in a map."""
        node = self.raw.get(key) if isinstance(self.raw, dict) else None
        return None if node is None else self._child(key, node)

    def at(self, key: str) -> Value:
        """The value of *key* in a map, or an empty map where it would stand."""
        return self.get(key) or self._child(key, Node({}, self.line))

    def holding(self, raw: Raw) -> Value:
        """The same place with another value."""
        return Value(self.path, Node(raw, self.line, self.node.origin))

    def _child(self, key: str, node: Node) -> Value:
        return Value(node.origin or f"{self.path}.{path_part(key)}", node)


_KINDS = {
    dict: "a map",
    list: "a list",
    bool: "true or false",
    str: "a string",
    type(None): "nothing",
}


def kind(value: object) -> str:
    """What *value* is, in a word that a person uses; says nothing of its content."""
    return _KINDS.get(type(value), "a number")


def shown(value: object, *, length_max: int = 60) -> str:
    """*value* as it can stand in a message: as JSON, escaped and cut."""
    if isinstance(value, (dict, list)) and value:
        return kind(value)
    if value is None:
        return "nothing"
    if isinstance(value, str):
        value = value[: length_max + 1]
    text = json.dumps(value, default=lambda other: type(other).__name__, ensure_ascii=False)
    text = text if text.isprintable() else json.dumps(value)
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
