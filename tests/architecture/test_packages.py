"""A package's `__init__` introduces it and does nothing."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import PACKAGE, modules, name, syntax

DOCSTRING_LINES_MAX = 10

# Packages whose names are for users, loaded when they are first asked for (PEP 562).
WITH_LAZY_NAMES = {PACKAGE, PACKAGE / "filters", PACKAGE / "testing"}
LAZY_FUNCTIONS = {"__dir__", "__getattr__"}

INITS = [path for path in modules() if path.name == "__init__.py"]


@pytest.mark.parametrize("init", INITS, ids=name)
def test_a_package_introduces_itself_briefly(init):
    docstring = ast.get_docstring(syntax(init))

    assert docstring, "say what lives here, what must not, where to start"
    assert len(docstring.splitlines()) <= DOCSTRING_LINES_MAX


@pytest.mark.parametrize("init", INITS, ids=name)
def test_a_package_holds_no_code_of_its_own(init):
    statements = syntax(init).body[1:]
    if init.parent in WITH_LAZY_NAMES:
        statements = [node for node in statements if not is_lazy_export(node)]

    assert [f"line {node.lineno}: {ast.unparse(node)}" for node in statements] == []


def test_every_folder_of_modules_is_a_package():
    homeless = [name(path) for path in modules() if not (path.parent / "__init__.py").exists()]

    assert homeless == [], "its folder has no __init__.py"


def is_lazy_export(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef(name=function):
            return function in LAZY_FUNCTIONS
        case ast.Assign() | ast.AnnAssign():
            # A table of names; nothing that would run anything.
            return not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
        case ast.ImportFrom(module="__future__" | "typing" | "importlib"):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case _:
            return False
