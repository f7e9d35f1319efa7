"""The reference pages hold what the declarations say."""

from __future__ import annotations

import re

import pytest
from cogapp import Cog  # type: ignore[import-untyped]

from headrace.config import vocabulary
from headrace.config.options import NAMED, OPTIONS
from headrace.config.reference import settings_table
from headrace.config.schema import DECLARATIONS
from headrace.config.template import check_text
from tests.architecture.tree import ROOT

PAGES = [ROOT / "docs" / "reference" / name for name in ("settings.md", "template.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_its_declarations_make(page, capsys):
    outcome = Cog().main(["cog", "--check", str(page)])

    assert outcome == 0, f"run: cog -r {page.relative_to(ROOT)}\n{capsys.readouterr().out}"


@pytest.mark.parametrize("kind", DECLARATIONS)
def test_every_kind_of_settings_has_its_table(kind):
    assert settings_table(kind) in PAGES[0].read_text() or not DECLARATIONS[kind].model_fields


def test_every_name_that_may_stand_in_a_template_is_documented():
    text = "".join(page.read_text() for page in PAGES)
    names = {name for key, value in vars(vocabulary).items() if key.isupper() for name in value}

    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_every_option_is_documented():
    text = PAGES[0].read_text()

    assert all(f"`{option.name}`" in text and f"`{option.variable}`" in text for option in OPTIONS)
    assert all(f"`[{name}]`" in text for name in NAMED)


@pytest.mark.parametrize(
    "block",
    re.findall(
        r"^```yaml\n(.*?)^```",
        "".join(page.read_text() for page in PAGES),
        re.MULTILINE | re.DOTALL,
    ),
)
def test_every_example_is_read(block):
    assert [
        str(problem) for problem in check_text(block).problems if problem.severity == "error"
    ] == []
