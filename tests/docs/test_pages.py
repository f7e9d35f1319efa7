"""Every page says what it is, and no example in it is broken, run or not."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache

import click
import pytest

from headrace.cli.main import cli
from headrace.config.template import check_text
from tests.architecture.tree import ROOT
from tests.docs.pages import pages

KINDS = {
    "docs/tutorials/": "*This page is a lesson",
    "docs/how-to/": "*This page is a recipe",
    "docs/reference/": "*This page is reference",
    "docs/explanation/": "*This page is explanation",
}
PAGES = pages()
IDS = [page.name for page in PAGES]
BLOCKS = [(page, block) for page in PAGES for block in page.blocks()]
COMMAND = re.compile(r"(?:^|[;&|=/ ])headrace +(\S.*)$")


def of_kind(*kinds):
    found = [(page, block) for page, block in BLOCKS if block.kind in kinds]
    ids = [f"{page.name}:{block.line}" for page, block in found]
    return pytest.mark.parametrize(("page", "block"), found, ids=ids)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_page_says_what_kind_it_is(page):
    for folder, words in KINDS.items():
        if page.name.startswith(folder):
            assert words in "\n".join(page.text.splitlines()[:4])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_page_begins_with_its_title_and_has_one(page):
    prose = re.sub(r"^```.*?^```", "", page.text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^# .*", prose, flags=re.MULTILINE)

    assert titles == [page.text.splitlines()[0]]


@of_kind("python")
def test_python_compiles(page, block):
    ast.parse(block.text)


@of_kind("yaml")
def test_a_template_is_without_a_mistake(page, block):
    """A whole one; of a fragment, that it is YAML as templates are written."""
    if "Resources:" not in block.text:
        application = check_text(f"Metadata:\n  Here:\n{indented(block.text)}\nResources: {{}}\n")
    else:
        application = check_text(block.text)

    assert [str(problem) for problem in application.problems] == []


def indented(text):
    return "".join(f"    {line}\n" for line in text.splitlines())


def commands():
    """Every command line of ours in the pages, whether it is run or not."""
    for page, block in BLOCKS:
        if block.kind in {"console", "ini"}:
            text = block.text.replace("\\\n", " ")
            for line in text.splitlines():
                if (line.startswith("$ ") or block.kind == "ini") and (
                    found := COMMAND.search(line)
                ):
                    yield pytest.param(found[1], id=f"{page.name}:{block.line}: {found[1][:60]}")


@pytest.mark.parametrize("line", list(commands()))
def test_a_command_has_the_options_that_it_is_given(line):
    words = shlex.split(re.split(r" [|&;>] ?| 2>", line)[0], comments=True)
    command: click.Command = cli
    context = click.Context(command)
    while words and isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        if found is None:
            break
        command = found
        words = words[1:]
    known = {option for each in command.params for option in each.opts} | {"-h", "--help"}

    given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}

    assert given <= known
    assert not isinstance(command, click.Group) or given, "a group is no command"


@cache
def metric_names():
    from headrace.engine.statistics import MappingStatistics  # noqa: F401, PLC0415
    from headrace.server import metrics  # noqa: PLC0415

    source = (ROOT / "src" / "headrace" / "server" / "metrics.py").read_text(encoding="utf-8")
    assert metrics.COUNTERS
    return set(re.findall(r'"(headrace_[a-z_]+)"', source))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_metric_that_is_named_exists(page):
    named = set(re.findall(r"\bheadrace_[a-z_]+\b", page.text))
    endings = ("", "_total", "_bucket", "_sum", "_count", "_info")

    unknown = [
        name
        for name in sorted(named)
        if not any(name.removesuffix(ending) in metric_names() for ending in endings)
    ]

    assert unknown == []


def test_every_how_to_and_tutorial_is_found_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    hidden = [
        page.name
        for page in PAGES
        if page.name.startswith(("docs/tutorials/", "docs/how-to/"))
        and f"({page.name})" not in readme
    ]

    assert hidden == []


def test_a_file_of_the_package_that_architecture_names_exists():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "headrace"

    named = set(re.findall(r"`([a-z_/]+\.py)`", page))

    assert named
    assert [path for path in sorted(named) if not (package / path).exists()] == []
