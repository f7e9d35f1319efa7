"""The live status of a run on a terminal, with log lines passing above it.

A thread draws, a few times a second, from counters that the engine's loop writes: the engine never waits for a terminal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headrace.cli.durations import shown_seconds
from headrace.cli.output import safe, shortened
from headrace.cli.run_figures import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import TextIO

    from headrace.cli.run_figures import MappingFigures
    from headrace.model.queue import QueueAttributes
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
        self._console = Console(file=stream, highlight=False, markup=False)
        self._live = Live(
            get_renderable=self.drawn,
            console=self._console,
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
        self._console.print(Text("\n".join(lines)), soft_wrap=True)
        time.sleep(LINES_TOGETHER_SECONDS)

    def drawn(self) -> Group:
        """The status as it is now."""
        found = figures(self._board)
        seconds = shown_seconds(round(time.monotonic() - self._began))
        head = Text(f"{self._title}: {self._board.phase.value}, {seconds}", style="bold")
        return Group(head, _table(found, self._console.width), *_problems(found))


class _Column(NamedTuple):
    """One column: its title, what it shows of a mapping, and the colour of what is more than nothing."""

    title: str
    cell: Callable[[MappingFigures], str]
    style: str = ""


_COLUMNS = (
    _Column("state", lambda each: each.state),
    _Column("backlog", lambda each: f"{each.backlog.total:,}"),
    _Column("oldest", lambda each: _oldest(each.backlog)),
    _Column("in flight", lambda each: f"{each.concurrent:,}"),
    _Column("batches", lambda each: f"{each.batches:,}"),
    _Column("ok", lambda each: f"{each.success:,}", "green"),
    _Column("partial", lambda each: f"{each.partial:,}", "yellow"),
    _Column("failed", lambda each: f"{each.failed:,}", "red"),
    _Column("retried", lambda each: f"{each.retried:,}"),
    _Column("dead", lambda each: f"{each.dead_lettered:,}", "red"),
    _Column("p50", lambda each: _duration(each.duration_p50)),
    _Column("p99", lambda each: _duration(each.duration_p99)),
)
_DROPPED_FIRST = ["state", "retried", "p50", "partial", "ok", "p99", "batches", "dead", "oldest"]
"""Columns that a narrow terminal does without, the least missed first."""
_GAP = 2
_NAME_LENGTH_MIN = 12


def _table(found: Sequence[MappingFigures], width: int) -> Table:
    columns, name_length = _fitting(found, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    table.add_column("mapping", no_wrap=True)
    for column in columns:
        table.add_column(column.title, justify="right", no_wrap=True)
    for each in found:
        cells = [Text(shortened(each.mapping, name_length))]
        for column in columns:
            text = column.cell(each)
            cells.append(Text(text, column.style if text != "0" else ""))
        table.add_row(*cells)
    return table


def _fitting(found: Sequence[MappingFigures], width: int) -> tuple[list[_Column], int]:
    """The columns that fit beside the mappings' names, and how long a name may be."""
    widths = {
        column.title: _GAP + max(len(column.title), *(len(column.cell(each)) for each in found), 0)
        for column in _COLUMNS
    }
    longest = max((len(safe(each.mapping)) for each in found), default=0)
    for title in _DROPPED_FIRST:
        if min(longest, _NAME_LENGTH_MIN) + sum(widths.values()) <= width:
            break
        del widths[title]
    columns = [column for column in _COLUMNS if column.title in widths]
    return columns, max(_NAME_LENGTH_MIN, width - sum(widths.values()))


def _oldest(backlog: QueueAttributes) -> str:
    return shown_seconds(backlog.age_of_oldest_seconds) if backlog.total else "-"


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
