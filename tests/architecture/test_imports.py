"""Who may import whom, and what an import costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGE, ROOT, modules, name, syntax

# A library is known in one room (or the few that talk its protocol) and nowhere else.
ROOMS = {
    "click": {"cli"},
    "rich": {"cli"},
    "yaml": {"config"},
}

# What `import headrace` must not load, and what `headrace --help` must not.
HEAVY = {
    "headrace": {
        "apsw",
        "click",
        "httptools",
        "orjson",
        "prometheus_client",
        "pydantic",
        "rich",
        "sqlite3",
        "uvloop",
        "yaml",
    },
    "headrace.cli.main": {
        "apsw",
        "asyncio",
        "httptools",
        "prometheus_client",
        "pydantic",
        "sqlite3",
        "uvloop",
        "yaml",
    },
}

ENTRIES = [
    entry
    for entry in HEAVY
    if (ROOT / "src" / entry.replace(".", "/")).with_suffix(".py").exists()
    or (ROOT / "src" / entry.replace(".", "/") / "__init__.py").exists()
]


def test_the_layers_hold():
    """The contracts in pyproject.toml: layers, adapters known to assembly only, pure decisions."""
    linter = Path(sys.executable).parent / "lint-imports"

    run = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_import_loads_nothing_that_it_may_not_need(entry):
    """Starting is quick, and works where an optional library is missing."""
    program = f"import sys, json, {entry}; print(json.dumps(sorted(sys.modules)))"

    run = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {module.partition(".")[0] for module in json.loads(run.stdout)}

    assert loaded & HEAVY[entry] == set()


def test_each_library_is_known_in_its_room_only():
    strays = [
        f"{name(path)}: {library}"
        for path in modules()
        for library in imported_libraries(path)
        if library in ROOMS and path.relative_to(PACKAGE).parts[0] not in ROOMS[library]
    ]

    assert strays == []


def imported_libraries(path: Path) -> set[str]:
    """Name the top-level packages that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found
