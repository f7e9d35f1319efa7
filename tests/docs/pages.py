"""The documents as the tests see them: pages, their blocks of code, and what a page as a whole does.

A block is told by its first line: ``console`` holds commands (lines that begin with ``$ ``) and what they print;
``title="NAME"`` makes a block the content of a file. A comment before a block may say that it is not run, and why:
``<!-- not run: … -->``; that a command must fail: ``<!-- exits 1 -->``; or that it goes on while the page does:
``<!-- in another terminal -->``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.architecture.tree import ROOT, name

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<kind>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^```$",
    flags=re.MULTILINE | re.DOTALL,
)
OTHERS = ("docs/decisions/",)
RUN = (
    "README.md",
    "docs/tutorials/",
    "docs/how-to/",
    "src/headrace/examples/",
)
"""The pages whose examples are run, or the folders that hold them."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what kind of text, the file that it is, and what a comment says of it."""

    kind: str
    title: str
    mark: str
    text: str
    line: int

    @property
    def is_run(self) -> bool:
        """Whether its commands are executed."""
        return not self.mark.startswith("not run")

    @property
    def exit_code(self) -> int:
        """What its last command ends with."""
        return int(self.mark.removeprefix("exits ")) if self.mark.startswith("exits ") else 0

    @property
    def goes_on(self) -> bool:
        """Whether its command runs beside the rest of the page."""
        return self.mark == "in another terminal"

    def steps(self) -> list[Step]:
        """The commands of a console block, each with what it is said to print."""
        steps: list[Step] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:], []))
            elif steps:
                steps[-1].printed.append(line)
        return steps


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and lines that it prints in this order, among others; ``…`` stands for anything."""

    command: str
    printed: list[str]

    def missing(self, output: str) -> str | None:
        """The first line that should be in *output*, after those before it, and is not."""
        lines = iter(output.splitlines())
        for wanted in self.printed:
            pattern = re.compile(".*".join(map(re.escape, wanted.rstrip().split("…"))))
            if not any(pattern.fullmatch(line.rstrip()) for line in lines) and wanted.strip("… "):
                return wanted
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown document."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the root of the repository."""
        return name(self.path)

    @property
    def text(self) -> str:
        """What it says."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self) -> list[Block]:
        """Its fenced blocks, in order."""
        text = self.text
        return [
            Block(
                kind=found["kind"],
                title=found["title"] or "",
                mark=found["mark"] or "",
                text=found["text"],
                line=text.count("\n", 0, found.start()) + 1,
            )
            for found in _BLOCK.finditer(text)
        ]


@cache
def pages() -> tuple[Page, ...]:
    """Every page for users."""
    found = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    found += (ROOT / "src" / "headrace" / "examples").rglob("*.md")
    return tuple(Page(path) for path in sorted(found) if not name(path).startswith(OTHERS))


@cache
def pages_that_run() -> tuple[Page, ...]:
    """The pages that have commands to be run."""
    return tuple(
        page
        for page in pages()
        if page.name.startswith(RUN)
        and any(block.kind == "console" and block.is_run for block in page.blocks())
    )
