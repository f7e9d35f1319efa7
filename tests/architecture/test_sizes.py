"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TypeAlias

from tests.architecture.tree import PACKAGE, modules, name, syntax

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# A table of data may be longer than code: path below src/headrace, and why.
LONG_FILES: dict[str, str] = {}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> list[tuple[Path, Function]]:
    return [
        (path, node)
        for path in modules()
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_a_person_keeps_in_mind():
    long_files = {
        name(path): line_count(path)
        for path in modules()
        if line_count(path) > FILE_LINES_MAX
        and path.relative_to(PACKAGE).as_posix() not in LONG_FILES
    }

    assert long_files == {}, f"over {FILE_LINES_MAX} lines: find the seam"


def test_an_exemption_from_the_file_limit_is_still_needed():
    needless = [
        path
        for path in LONG_FILES
        if not (PACKAGE / path).exists() or line_count(PACKAGE / path) <= FILE_LINES_MAX
    ]

    assert needless == []


def test_no_function_is_longer_than_a_screen():
    long_functions = {
        f"{name(path)}::{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in functions()
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    }

    assert long_functions == {}, f"over {FUNCTION_LINES_MAX} lines"
