"""A template's file into nodes: YAML or JSON, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.config.findings import Findings
from headrace.config.json_reader import read_json
from headrace.config.limits import BYTES_MAX, TooMuchError, UnreadableError
from headrace.config.nodes import Node, Place
from headrace.config.scalars import is_unicode
from headrace.config.yaml_reader import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

_START = Place("$")
_NOT_TEXT = "expected UTF-8 text"
_USUAL_NAMES = ("template.yaml", "template.yml", "template.json")


def read_file(path: Path) -> str:
    """Return the text of the template *path*, or raise `UnreadableError`."""
    try:
        if path.is_dir():
            found = next((name for name in _USUAL_NAMES if (path / name).is_file()), None)
            suggestion = f"there is {path / found}" if found else ""
            raise UnreadableError(_START, f"expected a template, {path} is a directory", suggestion)
        if path.exists() and not path.is_file():
            raise UnreadableError(_START, f"expected a template, {path} is a device or a pipe")
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(_START, f"{path} can't be read: {reason}") from error
    return _decoded(content)


def _decoded(content: bytes) -> str:
    if len(content) > BYTES_MAX:
        raise TooMuchError(
            _START, f"expected a template of at most {BYTES_MAX:,} bytes, it is larger"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(Place("$", line), _NOT_TEXT) from error


def read_document(text: str, findings: Findings) -> Node:
    """Return the template in *text*, or raise `UnreadableError`. What begins with a brace is JSON, if it can be."""
    if len(text) > BYTES_MAX:
        raise TooMuchError(
            _START, f"expected a template of at most {BYTES_MAX:,} bytes, it is larger"
        )
    if not is_unicode(text):
        raise UnreadableError(_START, _NOT_TEXT)
    if not text.lstrip().startswith("{"):
        return read_yaml(text, findings)
    inner = Findings()
    try:
        node = read_json(text, inner)
    except TooMuchError:
        raise
    except UnreadableError as error:
        try:
            # YAML can be written with braces, too; where it is neither, it was meant to be JSON.
            return read_yaml(text, findings)
        except UnreadableError:
            raise error from None
    findings.extend(inner.problems())
    return node
