"""The compatibility table is whole, and its evidence exists."""

from __future__ import annotations

import re

from headrace.config import vocabulary
from headrace.config.schema import FunctionProperties, QueueMappingSettings, QueueProperties
from headrace.config.validation import names_of
from tests.architecture.tree import ROOT

PAGE = (ROOT / "docs" / "reference" / "compatibility.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\|(.*)\|(.*)\|(.*)\|$", flags=re.MULTILINE)


def test_every_test_that_is_named_exists():
    written = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (ROOT / "tests", ROOT / "src" / "headrace" / "testing")
        for path in folder.rglob("*.py")
    )
    there = set(re.findall(r"def (test_\w+)", written))

    missing = sorted(set(re.findall(r"`(test_\w+)`", PAGE)) - there)

    assert missing == []


def test_what_is_the_same_is_shown_by_a_test():
    rows = [[cell.strip() for cell in row] for row in ROW.findall(PAGE)]

    unshown = [
        behaviour
        for behaviour, here, shown in rows
        if here.startswith("same") and "`test_" not in shown
    ]

    assert rows
    assert unshown == []


def test_every_behaviour_is_the_same_differs_or_is_not_there_yet():
    verdicts = {here.strip() for _, here, _ in ROW.findall(PAGE)} - {"Here", "---"}

    odd = [each for each in verdicts if not re.match(r"(same|differs: |not yet)", each)]

    assert odd == []


def test_every_setting_that_may_stand_in_a_template_has_its_row():
    names = {
        *names_of(QueueMappingSettings),
        *names_of(QueueProperties),
        *names_of(FunctionProperties),
        *vocabulary.MAPPING_LATER,
        *vocabulary.MAPPING_NOT_FOR_QUEUES,
        *vocabulary.MAPPING_WITHOUT_MEANING,
        *vocabulary.QUEUE_LATER,
        *vocabulary.QUEUE_WITHOUT_MEANING,
        *vocabulary.FUNCTION_LOST,
    }

    missing = sorted(name for name in names if f"`{name}`" not in PAGE)

    assert missing == []
