"""What a run tells in plain lines: what it found, now and then what has changed, and the summary."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from headrace.cli.durations import shown_seconds
from headrace.cli.output import amount, print_line, print_table, safe, shortened
from headrace.cli.run_figures import figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headrace.cli.run_figures import MappingFigures
    from headrace.engine.mapping_runner import MappingRunner
    from headrace.server.board import Board

LINES_EVERY_SECONDS = 5.0
PROBLEM_LENGTH = 300
_logger = logging.getLogger("headrace.run")


def tell_found(runners: Sequence[MappingRunner]) -> None:
    """Say which mappings run, a line each."""
    for runner in runners:
        mapping = runner.mapping
        parts = [f"batches of {mapping.batch_size}"]
        if mapping.batch_window_seconds:
            parts.append(f"a window of {shown_seconds(mapping.batch_window_seconds)}")
        if mapping.maximum_concurrency is not None:
            parts.append(f"at most {mapping.maximum_concurrency} at once")
        if not mapping.enabled:
            parts.append("disabled")
        _logger.info(
            "mapping %s: %s → %s, %s",
            mapping.mapping_id,
            runner.source.name,
            mapping.function,
            ", ".join(parts),
        )


async def tell_changes(board: Board) -> None:
    """Log a line for each mapping whose figures have changed, every few seconds, until cancelled."""
    told: dict[str, str] = {}
    while True:
        await asyncio.sleep(LINES_EVERY_SECONDS)
        for each in figures(board):
            line = _line(each)
            if told.get(each.mapping) != line and each.batches + each.backlog.total:
                told[each.mapping] = line
                _logger.info("%s: %s%s", each.mapping, line, _age(each))


def _line(each: MappingFigures) -> str:
    return (
        f"{amount(each.deleted, 'record')} done in {amount(each.batches, 'batch', 'batches')} "
        f"({each.success:,} ok, {each.partial:,} partial, {each.failed:,} failed), "
        f"{each.retried:,} retried, {amount(each.dead_lettered, 'dead letter')}; backlog {each.backlog.total:,}"
    )


def _age(each: MappingFigures) -> str:
    if not each.backlog.total:
        return ""
    return f", oldest {shown_seconds(each.backlog.age_of_oldest_seconds)}"


def print_summary(board: Board, *, message: str, seconds: float) -> None:
    """Print what each mapping has done, and how the run ended, to standard output."""
    found = figures(board)
    print_table(
        (
            *("MAPPING", "DONE", "BATCHES", "OK", "PARTIAL", "FAILED"),
            *("RETRIED", "DEAD", "LEFT", "p50", "p99"),
        ),
        [list(_cells(each)) for each in found],
    )
    for each in found:
        if each.last_problem:
            problem = shortened(each.last_problem, PROBLEM_LENGTH)
            print_line(f"last problem of {safe(each.mapping)}: {problem}")
    print_line(f"{safe(message)}, after {shown_seconds(seconds)}")


def _cells(each: MappingFigures) -> Iterator[str]:
    yield each.mapping
    for number in (
        *(each.deleted, each.batches, each.success, each.partial, each.failed),
        *(each.retried, each.dead_lettered, each.backlog.total),
    ):
        yield f"{number:,}"
    for seconds in (each.duration_p50, each.duration_p99):
        yield "-" if seconds is None else shown_seconds(seconds)
