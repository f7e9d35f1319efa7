"""Whether a handler's module lies where its function says, and defines the handler."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import NamedTuple

from headrace.config.nodes import shown
from headrace.config.suggestions import did_you_mean

INLINE_MODULE = "index"
"""The module that inline code is."""

_SOURCE_BYTES_MAX = 1_048_576
_NAMES_MAX = 200


class Finding(NamedTuple):
    """What is wrong with a handler. A ``doubt`` may be no mistake: the module may lie elsewhere."""

    message: str
    suggestion: str
    doubt: bool = False


def check_handler(handler: str, code: Path) -> Finding | None:
    """Look for the module and the function that *handler* names below *code*."""
    try:
        return _check_module(handler, code)
    except OSError as error:
        return Finding(f"{shown(str(code), length_max=200)} can't be read: {error.strerror}", "")


def _check_module(handler: str, code: Path) -> Finding | None:
    module, _, name = handler.rpartition(".")
    if not (module and name):
        return Finding(
            f"expected module.function, got {shown(handler)}", "such as app.lambda_handler"
        )
    stem = Path(*filter(None, module.replace(".", "/").split("/")))
    for file in (code / stem.with_name(f"{stem.name}.py"), code / stem / "__init__.py"):
        if file.is_file():
            with file.open("rb") as source:
                return _check_name(name, module, source.read(_SOURCE_BYTES_MAX + 1))
    folder = (code / stem).parent
    if folder.is_dir() and any(each.name.startswith(f"{stem.name}.") for each in folder.iterdir()):
        return None
    modules = [each.stem for each in folder.glob("*.py")][:_NAMES_MAX] if folder.is_dir() else []
    suggestion = did_you_mean(stem.name, modules) or (
        f"there is {', '.join(sorted(modules)[:5])}" if modules else ""
    )
    return Finding(
        f"there is no module {shown(module)} in {shown(str(code), length_max=200)}", suggestion
    )


def check_inline_handler(handler: str, source: str) -> Finding | None:
    """Check a handler whose module is *source* itself."""
    module, _, name = handler.rpartition(".")
    if module != INLINE_MODULE:
        message = f"inline code is the module {INLINE_MODULE}, got {shown(handler)}"
        return Finding(message, f"write {INLINE_MODULE}.{name}")
    return _check_name(name, module, source.encode(errors="replace"))


def _check_name(name: str, module: str, source: bytes) -> Finding | None:
    """Look for *name* among what *source* defines; a doubt only, since a module can define names in many ways."""
    if len(source) > _SOURCE_BYTES_MAX:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        at = f" at line {line}" if line else ""
        return Finding(
            f"the module {shown(module)} can't be read{at}: {getattr(error, 'msg', error)}",
            "",
            doubt=True,
        )
    names = _names(tree)
    if name in names or "*" in names or "__getattr__" in names:
        return None
    return Finding(
        f"the module {shown(module)} defines no {shown(name)}",
        did_you_mean(name, names),
        doubt=True,
    )


def _names(tree: ast.Module) -> set[str]:
    """Every name that the module binds anywhere outside a function or class; too many rather than too few."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name):
            names.add(node.id)
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return names
