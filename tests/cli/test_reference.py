"""The reference of the command line and of the metrics says what there is, all of it, and nothing else."""

from __future__ import annotations

import re

import click
import pytest
from cogapp import Cog  # type: ignore[import-untyped]

from headrace.config.options import NAMED, OPTIONS
from tests.architecture.tree import ROOT
from tests.cli.reference import EVERYWHERE, commands
from tests.server.reference import families, name_of

PAGES = [ROOT / "docs" / "reference" / name for name in ("cli.md", "metrics.md")]
CLI, METRICS = (page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_generated_parts_are_what_would_be_generated_now(page, capsys):
    """Renew them with ``.venv/bin/cog -r -I . docs/reference/*.md``."""
    code = Cog().main(["cog", "-I", str(ROOT), "--check", "--diff", str(page)])

    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "command"),
    list(commands()),
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_command_and_option_is_there(words, command):
    section = CLI.partition(f"## headrace {' '.join(words)}\n")[2].partition("\n## ")[0]

    assert section
    for option in command.params:
        if isinstance(option, click.Option):
            for name in option.opts:
                assert f"`{name}" in (CLI if option.name in EVERYWHERE else section)


def test_every_option_of_the_file_is_an_option_of_a_command():
    known = {
        option.opts[-1].removeprefix("--") for _, command in commands() for option in command.params
    }

    assert {*NAMED, *(option.name for option in OPTIONS)} <= known


def test_a_variable_in_the_reference_is_one_that_works():
    for option in OPTIONS:
        assert f"| `{option.variable}` |" in CLI


@pytest.mark.parametrize("family", families(), ids=name_of)
def test_every_metric_is_there(family):
    assert f"| `{name_of(family)}` | {family.type} |" in METRICS


def test_every_metric_that_is_named_exists():
    known = {name_of(family) for family in families()}

    assert set(re.findall(r"`(headrace_[a-z_]+)`", METRICS)) == known
