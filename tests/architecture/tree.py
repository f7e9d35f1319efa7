"""The repository as the architecture tests see it: its folders, files and syntax trees."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "headrace"

# Handlers as people write them for Lambda: examples, not code of ours.
EXAMPLES = PACKAGE / "examples"

# Made by tools and by runs, known to .gitignore; no part of the project.
FOLDERS_NOT_OURS = frozenset(
    {
        ".git",
        ".hypothesis",
        ".lock-venv",
        ".nox",
        ".venv",
        "__pycache__",
        "build",
        "dist",
        "htmlcov",
    }
)
FILES_NOT_OURS = re.compile(r"\.coverage(\..*)?|.*\.db(-.*)?")


def name(path: Path) -> str:
    """Name a file as a person would: from the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def modules() -> tuple[Path, ...]:
    """Find every Python file of the package, the examples left out."""
    return tuple(
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if "__pycache__" not in path.parts and not path.is_relative_to(EXAMPLES)
    )


@cache
def syntax(path: Path) -> ast.Module:
    """Parse a file once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def files() -> tuple[Path, ...]:
    """Find every file of the project, whatever its kind."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            each for each in folders if each not in FOLDERS_NOT_OURS and not each.endswith("_cache")
        )
        found += [
            Path(folder, each) for each in sorted(names) if not FILES_NOT_OURS.fullmatch(each)
        ]
    return tuple(found)


def text(path: Path) -> str:
    """Read a text file; one that is no text, or is gone by now, has none."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
