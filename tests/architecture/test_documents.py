"""Documents lead somewhere, and decisions can be read in order."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import ROOT, files, name, text

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

BLOCK = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ +(.*?) *$", flags=re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_within_the_repository_leads_somewhere(document):
    broken = []
    for target, anchor in LINK.findall(QUOTED.sub("", BLOCK.sub("", text(document)))):
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(text(path))):
            broken.append(f"{target}#{anchor}" if anchor else target)

    assert broken == []


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(path.name.partition("-")[0]) for path in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=name)
def test_a_decision_says_why_what_and_what_follows(decision):
    content = text(decision)

    assert content.startswith(f"# {decision.name[:4]}: ")
    assert re.search(r"^Status: (accepted|superseded by \d{4})$", content, flags=re.MULTILINE)
    assert HEADING.findall(content)[1:4] == ["Context", "Decision", "Consequences"]


def anchors(markdown: str) -> set[str]:
    """Name a page's headings as a renderer does for links to them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(BLOCK.sub("", markdown))
    }
