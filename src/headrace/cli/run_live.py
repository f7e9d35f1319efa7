"""The live status of a run on a terminal, with log lines passing above it.

A thread draws, a few times a second, from counters that the engine's loop writes: the engine never waits for a terminal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headrace.cli.durations import shown_seconds
from headrace.cli.output import safe, shortened
from headrace.cli.run_figures import figures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import TextIO

    from headrace.cli.run_figures import MappingFigures
    from headrace.server.board import Board

REFRESHES_PER_SECOND = 4
LINES_TOGETHER_SECONDS = 0.05
PROBLEM_LENGTH = 200
PROBLEMS_MAX = 5


class LiveStatus:
    """Draws a board on *stream*, a terminal, while entered."""

    def __init__(self, board: Board, title: str, stream: TextIO) -> None:
        self._board = board
        self._title = safe(title)
        self._began = time.monotonic()
        self._live = Live(
            get_renderable=self.drawn,
            console=Console(file=stream, highlight=False, markup=False),
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def write(self, lines: Sequence[str]) -> None:
        """Print *lines*, which are safe, above the status. Each call redraws, so lines come together."""
        self._live.console.print(Text("\n".join(lines)), soft_wrap=True)
        time.sleep(LINES_TOGETHER_SECONDS)

    def drawn(self) -> Group:
        """The status as it is now."""
        found = figures(self._board)
        seconds = shown_seconds(round(time.monotonic() - self._began))
        head = Text(f"{self._title}: {self._board.phase.value}, {seconds}", style="bold")
        return Group(head, _table(found), *_problems(found))


def _table(found: Sequence[MappingFigures]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("mapping", no_wrap=True, min_width=8)
    for name in ("state", "backlog", "oldest", "in flight", "batches", "ok", "partial", "failed"):
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    for name in ("retried", "dead", "p50", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        table.add_row(*(Text(cell, style) for cell, style in _cells(each)))
    return table


def _cells(each: MappingFigures) -> list[tuple[str, str]]:
    backlog = each.backlog
    return [
        (safe(each.mapping), ""),
        (each.state, ""),
        (f"{backlog.total:,}", ""),
        (shown_seconds(backlog.age_of_oldest_seconds) if backlog.total else "-", ""),
        (f"{each.concurrent:,}", ""),
        (f"{each.batches:,}", ""),
        (f"{each.success:,}", "green" if each.success else ""),
        (f"{each.partial:,}", "yellow" if each.partial else ""),
        (f"{each.failed:,}", "red" if each.failed else ""),
        (f"{each.retried:,}", ""),
        (f"{each.dead_lettered:,}", "red" if each.dead_lettered else ""),
        (_duration(each.duration_p50), ""),
        (_duration(each.duration_p99), ""),
    ]


def _problems(found: Sequence[MappingFigures]) -> list[Text]:
    """The last problem of the mappings that have one, a line each."""
    told = [
        f"{safe(each.mapping)}: {shortened(each.last_problem, PROBLEM_LENGTH)}"
        for each in found
        if each.last_problem
    ]
    return [
        Text(line, style="yellow", no_wrap=True, overflow="ellipsis")
        for line in told[:PROBLEMS_MAX]
    ]


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else shown_seconds(seconds)
