"""JSON templates into nodes with line numbers and bounds; the standard library's reader has neither."""

from __future__ import annotations

import json
import math
import re

from headrace.config.findings import Findings
from headrace.config.limits import Budget, TooMuchError, UnreadableError
from headrace.config.nodes import Marker, Node, Place, Scalar, Value, path_part
from headrace.config.scalars import is_unicode

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<mark>[{}\[\],:])
      | (?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")
      | (?P<number>-?(?:0|[1-9][0-9]{0,17})(?P<real>(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?)(?![0-9.]))
      | (?P<word>true|false|null)\b
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "null": None}


def read_json(text: str, findings: Findings, *, line: int = 1) -> Node:
    """Return the document in *text*, which begins on *line*; raise `UnreadableError` where it is no JSON."""
    return _Reader(text, findings, line).document()


class _Reader:
    def __init__(self, text: str, findings: Findings, line: int) -> None:
        self._text = text
        self._findings = findings
        self._budget = Budget()
        self._path = ["$"]
        self._at = 0
        self._line = line

    def document(self) -> Node:
        node = self._node(1)
        if self._next() is not None:
            raise self._unreadable("expected the end of the document")
        return node

    def _place(self) -> Place:
        return Place("".join(self._path), self._line)

    def _unreadable(self, message: str) -> UnreadableError:
        return UnreadableError(self._place(), f"not valid JSON: {message}")

    def _next(self) -> re.Match[str] | None:
        """Take the next token; None at the end."""
        token = _TOKEN.match(self._text, self._at)
        end = token.end() if token else self._at
        if token is None:
            raise self._unreadable(f"can't read {self._text[self._at :].strip()[:20]!r}")
        self._line += self._text.count("\n", self._at, end)
        self._at = end
        return token if token["end"] is None else None

    def _mark(self) -> str:
        token = self._next()
        return (token["mark"] or "") if token else ""

    def _peek(self) -> str:
        token = _TOKEN.match(self._text, self._at)
        return (token["mark"] or "") if token else ""

    def _node(self, depth: int) -> Node:
        token = self._next()
        line = self._line
        self._enter(depth)
        if token is None:
            raise self._unreadable("the document ends too early")
        if token["mark"] == "{":
            return Node(self._map(depth), line)
        if token["mark"] == "[":
            return Node(self._list(depth), line)
        if token["mark"]:
            raise self._unreadable(f"expected a value, found {token['mark']}")
        return Node(self._scalar(token), line)

    def _enter(self, depth: int) -> None:
        if complaint := self._budget.enter(depth):
            raise TooMuchError(self._place(), complaint)

    def _scalar(self, token: re.Match[str]) -> Scalar:
        if token["string"] is not None:
            return self._string(token["string"])
        if token["word"] is not None:
            return _WORDS[token["word"]]
        if not token["real"]:
            return int(token["number"])
        number = float(token["number"])
        if not math.isfinite(number):
            raise self._unreadable(f"{token['number']} is out of range")
        return number

    def _string(self, quoted: str) -> str:
        try:
            text = str(json.loads(quoted))
        except json.JSONDecodeError as error:
            raise self._unreadable(error.msg) from error
        if not is_unicode(text):
            raise self._unreadable("half a character")
        return text

    def _list(self, depth: int) -> list[Node]:
        items: list[Node] = []
        if self._peek() == "]":
            self._next()
            return items
        while True:
            self._path.append(f"[{len(items)}]")
            items.append(self._node(depth + 1))
            self._path.pop()
            match self._mark():
                case "]":
                    return items
                case ",":
                    continue
            raise self._unreadable("expected , or ] in a list")

    def _map(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        if self._peek() == "}":
            self._next()
            return entries
        while True:
            self._entry(entries, depth)
            match self._mark():
                case "}":
                    return entries
                case ",":
                    continue
            raise self._unreadable("expected , or } in a map")

    def _entry(self, entries: dict[str, Node], depth: int) -> None:
        token = self._next()
        if token is None or token["string"] is None:
            raise self._unreadable("expected a key in double quotes")
        key, line = self._string(token["string"]), self._line
        self._enter(0)
        if self._mark() != ":":
            raise self._unreadable("expected : after a key")
        self._path.append(f".{path_part(key)}")
        node = self._node(depth + 1)
        if key in entries:
            place = Place("".join(self._path), line)
            message = f"{path_part(key)} is written twice, on lines {entries[key].line} and {line}"
            self._findings.error(place, message, "keep one")
        else:
            entries[key] = Node(node.raw, line)
        self._path.pop()


def read_embedded_json(text: str, at: Value, findings: Findings) -> Value:
    """Return the JSON that a template's string holds; what is wrong is noted at the string's place."""
    inner = Findings()
    try:
        # Between tokens a line break is a space; inside a string it would be an error all the same.
        node = read_json(text.replace("\n", " "), inner, line=at.line)
    except UnreadableError as error:
        findings.error(at, error.problem.message)
        return at.holding(Marker.UNKNOWN)
    for problem in inner.problems():
        findings.error(at, problem.message, problem.suggestion)
    return at.holding(node.raw)
