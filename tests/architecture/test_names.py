"""A file is named for what is in it, and the public names are a list that somebody decided."""

from __future__ import annotations

import ast
import re

import headrace
from tests.architecture.tree import ROOT, files, modules, name, syntax

# Names that say where a thing was left, not what it is.
EMPTY_NAMES = re.compile(
    r"_?(utils?|helpers?|commons?|base|managers?|misc|stuff|tools|lib)(_.*)?|.*_(utils?|helpers?|manager)"
)


def test_no_file_has_a_name_that_says_nothing():
    python = [path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT)]

    vague = [
        name(path)
        for path in python
        if any(
            EMPTY_NAMES.fullmatch(part.removesuffix(".py").removeprefix("test_"))
            for part in path.relative_to(ROOT).parts
        )
    ]

    assert vague == [], "name the thing"


def test_every_module_says_what_it_is():
    silent = [name(path) for path in modules() if not ast.get_docstring(syntax(path))]

    assert silent == [], "a module begins with its docstring"


def test_every_public_name_is_there():
    """What `__all__` promises can be had, though it may be loaded only when asked for."""
    missing = [each for each in public_names() if not hasattr(headrace, each)]

    assert missing == []


def test_public_names_are_listed_in_order_and_once():
    listed = public_names()

    assert listed == sorted(set(listed))


def test_public_names_show_up_for_whoever_looks():
    unseen = [each for each in public_names() if each not in dir(headrace)]

    assert unseen == []


def public_names() -> list[str]:
    return list(getattr(headrace, "__all__", []))
