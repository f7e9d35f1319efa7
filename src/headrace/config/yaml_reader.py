"""YAML templates into nodes, with CloudFormation's short tags, line numbers and bounds.

The composer is our own, on the events of PyYAML's safe loader (libyaml's where it is built in): it counts
before it makes, so a bomb ends at the bound and not in memory, and it knows the line of every key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from headrace.config.limits import Budget, TooMuchError, UnreadableError
from headrace.config.nodes import Marker, Node, Place, path_part
from headrace.config.scalars import is_unicode, plain_scalar
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.config.findings import Findings

_Written = ScalarEvent | SequenceStartEvent | MappingStartEvent

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_YAML = "tag:yaml.org,2002:"
_NEUTRAL_TAGS = frozenset(
    {f"{_YAML}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
)

_FUNCTIONS = (
    "And Base64 Cidr Equals FindInMap ForEach GetAZs GetAtt If ImportValue Join Length Not Or Select Split Sub "
    "ToJsonString Transform"
)
SHORT_TAGS = {
    "!Ref": "Ref",
    "!Condition": "Condition",
    **{f"!{name}": f"Fn::{name}" for name in _FUNCTIONS.split()},
}
"""CloudFormation's short forms and what they are short for."""


def read_yaml(text: str, findings: Findings) -> Node:
    """Return the document in *text*; raise `UnreadableError` where it can't be read to its end."""
    return _Composer(text, findings).document()


class _Anchor(NamedTuple):
    """An anchored node, how many nodes it stands for, and how many lie in one another below it."""

    node: Node
    nodes: int
    height: int


class _Composer:
    def __init__(self, text: str, findings: Findings) -> None:
        self._events: Iterator[Event] = iter(yaml.parse(text, Loader=_LOADER))
        self._findings = findings
        self._budget = Budget()
        self._path = ["$"]
        self._deepest = 0
        # None while the anchored node is being read.
        self._anchors: dict[str, _Anchor | None] = {}

    def document(self) -> Node:
        try:
            return self._document()
        except yaml.YAMLError as error:
            message = f"not valid YAML: {_reason(error)}"
            raise UnreadableError(Place("$", _line_of(error)), message) from error

    def _document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._unreadable(event, "expected one document, found another after ---")
                root = self._node(next(self._events), 1)
        if root is None:
            raise UnreadableError(Place("$", 1), "expected a template, the file is empty")
        return root

    def _unreadable(self, event: Event, message: str) -> UnreadableError:
        return UnreadableError(self._place(_line(event)), message)

    def _place(self, line: int) -> Place:
        return Place("".join(self._path), line)

    def _node(self, event: Event, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            return self._aliased(event, depth)
        self._enter(event, depth)
        assert isinstance(event, _Written)  # noqa: S101 - the parser gives no other event here
        if not event.anchor:
            return self._tagged(event, self._untagged(event, depth))
        return self._anchored(event, depth)

    def _enter(self, event: Event, depth: int) -> None:
        self._deepest = max(self._deepest, depth)
        if complaint := self._budget.enter(depth):
            raise TooMuchError(self._place(_line(event)), complaint)

    def _anchored(self, event: _Written, depth: int) -> Node:
        name = event.anchor or ""
        self._anchors[name] = None
        nodes, deepest, self._deepest = self._budget.nodes, self._deepest, depth
        node = self._tagged(event, self._untagged(event, depth))
        anchor = _Anchor(node, self._budget.nodes - nodes + 1, self._deepest - depth)
        self._anchors[name] = anchor
        self._deepest = max(deepest, self._deepest)
        return node

    def _aliased(self, event: AliasEvent, depth: int) -> Node:
        name = event.anchor or ""
        if name not in self._anchors:
            raise self._unreadable(event, f"alias *{name} has no anchor before it")
        anchor = self._anchors[name]
        if anchor is None:
            raise self._unreadable(event, f"alias *{name} stands inside its own anchor")
        if complaint := self._budget.expand(anchor.nodes):
            raise TooMuchError(self._place(_line(event)), complaint)
        self._enter(event, depth + anchor.height)
        self._budget.nodes += anchor.nodes
        return Node(anchor.node.raw, _line(event))

    def _untagged(self, event: _Written, depth: int) -> Node:
        if isinstance(event, MappingStartEvent):
            return Node(self._map(depth), _line(event))
        if isinstance(event, SequenceStartEvent):
            return Node(self._list(depth), _line(event))
        if not is_unicode(event.value):
            raise self._unreadable(event, "not valid YAML: half a character")
        is_plain = event.implicit[0] and event.tag != "!"
        return Node(plain_scalar(event.value) if is_plain else event.value, _line(event))

    def _tagged(self, event: _Written, node: Node) -> Node:
        tag = event.tag
        if tag is None or tag == "!" or tag in _NEUTRAL_TAGS:
            return node
        if tag in SHORT_TAGS:
            return Node({SHORT_TAGS[tag]: node}, node.line)
        name = tag.replace(_YAML, "!!")
        suggestion = did_you_mean(name, SHORT_TAGS)
        self._findings.error(self._place(node.line), f"unknown tag {name}", suggestion)
        return Node(Marker.UNKNOWN, node.line)

    def _list(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            self._path.append(f"[{len(items)}]")
            items.append(self._node(event, depth + 1))
            self._path.pop()
        return items

    def _map(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), MappingEndEvent):
            key, is_plain = self._key(event)
            line = _line(event)
            self._path.append(f".{path_part(key)}")
            node = self._node(next(self._events), depth + 1)
            if key == "<<" and is_plain:
                merged.extend(self._merged(node, line))
            elif key in entries:
                self._note_twice(key, entries[key].line, line)
            else:
                entries[key] = Node(node.raw, line)
            self._path.pop()
        for node in merged:
            for key, value in node.entries.items():
                entries.setdefault(key, value)
        return entries

    def _key(self, event: Event) -> tuple[str, bool]:
        """A key's word, and whether it stands without quotes."""
        # The word itself, whatever YAML would make of it: a key `on` or `1` is a name.
        if not isinstance(event, ScalarEvent) or event.tag not in {None, "!", f"{_YAML}str"}:
            raise self._unreadable(event, "expected a key that is a plain word")
        self._enter(event, 0)
        return event.value, event.implicit[0]

    def _note_twice(self, key: str, first: int, line: int) -> None:
        message = f"{path_part(key)} is written twice, on lines {first} and {line}"
        self._findings.error(self._place(line), message, "keep one")

    def _merged(self, node: Node, line: int) -> list[Node]:
        nodes = node.items or [node]
        if all(isinstance(each.raw, dict) for each in nodes):
            return nodes
        self._findings.error(self._place(line), "expected a map or a list of maps to merge")
        return []


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _line_of(error: yaml.YAMLError) -> int | None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark is not None else None


def _reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"{error.reason} (character {error.position:,})"
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    return ", ".join(part for part in parts if part)
