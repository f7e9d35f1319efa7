"""Where a function's code is: a directory beside the template, or text in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from headrace.config.code_path import CodePathError, find_code
from headrace.config.nodes import Value, kind
from headrace.config.references import FUNCTION_TYPES
from headrace.config.resources import SAM_FUNCTION_TYPE
from headrace.config.scope import Resource, UnresolvedError
from headrace.errors import Problem

if TYPE_CHECKING:
    from headrace.config.intrinsics import Resolver

_ASSET = "aws:asset:path"
_IN_S3 = "code in S3 or in a container can't be run here: expected a path"
_KEEP_PATH = "keep the path in the template and let the deployment upload it"
CODE_KEYS = {
    SAM_FUNCTION_TYPE: frozenset({"CodeUri", "InlineCode", "ImageUri", "ImageConfig"}),
    **{each: frozenset({"Code", "ImageConfig"}) for each in FUNCTION_TYPES - {SAM_FUNCTION_TYPE}},
}
"""The properties that say where the code is, by type of function."""


class Code(NamedTuple):
    """A directory, and for inline code the text."""

    directory: Path
    inline: str | None = None


class ElsewhereError(Exception):
    """The code is right for AWS, and can't be run here: an object in S3, an archive."""

    def __init__(self, at: Value, suggestion: str, *, message: str = _IN_S3) -> None:
        super().__init__(message)
        self.problem = Problem(at.path, message, suggestion, at.line)


def read_code(resolver: Resolver, resource: Resource, directory: Path | None) -> Code:
    """Return where the code of *resource* is, or raise `UnresolvedError` or `ElsewhereError`.

    Paths are relative to *directory*, that of the template; where it is None nothing is looked for.
    """
    properties = resource.properties
    if resource.type != SAM_FUNCTION_TYPE:
        return _code(resolver, resource, directory)
    if (inline := properties.get("InlineCode")) is not None:
        return _inline(resolver, inline, directory)
    if (uri := properties.get("CodeUri")) is None:
        message = "expected CodeUri or InlineCode, got nothing"
        raise UnresolvedError(properties, message, "such as CodeUri: src/")
    uri = resolver.structure(uri)
    if uri.is_map:
        raise ElsewhereError(uri, _KEEP_PATH)
    return _path(resolver, uri, directory)


def _code(resolver: Resolver, resource: Resource, directory: Path | None) -> Code:
    code = resource.properties.get("Code")
    if code is None:
        raise UnresolvedError(
            resource.properties, "expected Code, got nothing", "such as Code: src/"
        )
    code = resolver.structure(code)
    if not code.is_map:
        return _path(resolver, code, directory)
    if (inline := code.get("ZipFile")) is not None:
        return _inline(resolver, inline, directory)
    if (asset := resource.value.at("Metadata").get(_ASSET)) is not None:
        return _path(resolver, asset, directory)
    raise ElsewhereError(code, f"name a path as Code, or under Metadata as {_ASSET}")


def _path(resolver: Resolver, value: Value, directory: Path | None) -> Code:
    text = resolver.strict(value).raw
    if not isinstance(text, str):
        raise UnresolvedError(value, f"expected a path, got {kind(text)}")
    if text.startswith(("s3://", "https://")):
        raise ElsewhereError(value, _KEEP_PATH)
    if directory is None:
        return Code(Path(text))
    try:
        return Code(find_code(text, directory))
    except CodePathError as error:
        if error.right_for_aws:
            raise ElsewhereError(value, error.suggestion, message=str(error)) from error
        raise UnresolvedError(value, str(error), error.suggestion) from error


def _inline(resolver: Resolver, value: Value, directory: Path | None) -> Code:
    return Code((directory or Path()).absolute(), resolver.text_of(value))
