"""Print rows for people and for programs."""

from __future__ import annotations

import json
import platform
import statistics
from typing import TYPE_CHECKING

from bench.calibration import REFERENCE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.harness import Row

_COLUMNS = ("", "unit", "target", "median (min..max)", "calibration", "")


def print_table(name: str, rows: Sequence[Row]) -> None:
    """Print the rows of one bench as an aligned table."""
    lines = [_COLUMNS, *[_cells(row) for row in rows]]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_COLUMNS))]
    print(f"\n{name}")
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  " + "  ".join(cells).rstrip())


def print_json(name: str, rows: Sequence[Row]) -> None:
    """Print one object a row."""
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    for row in rows:
        print(json.dumps({"bench": name, **row.as_json(), **machine}), flush=True)


def print_legend(*, quick: bool) -> None:
    """Say how the figures are to be read."""
    print(
        f"\nFigures of CPU are scaled to a machine whose calibration loop takes {REFERENCE_MS:.0f} ms; ratios, sizes and waiting "
        "are not.\nCalibration is what the loop took beside the runs: median (min..max), in ms."
    )
    if quick:
        print(
            "These were quick runs: they show that the benches work, and their figures say little."
        )


def _cells(row: Row) -> tuple[str, ...]:
    bound = "at most" if row.at_most else "at least"
    loops = [figure.calibration_ms for figure in row.figures]
    verdict = {True: "pass", False: "MISS", None: ""}[row.passed]
    return (
        row.what,
        row.unit,
        "" if row.target is None else f"{bound} {_number(row.target)}",
        f"{_number(row.median)} ({_number(min(row.values))}..{_number(max(row.values))})",
        f"{statistics.median(loops):.0f} ({min(loops):.0f}..{max(loops):.0f})",
        "; ".join(part for part in (verdict, row.ratio) if part),
    )


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
