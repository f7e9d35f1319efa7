"""The generated part of ``docs/reference/metrics.md``: every metric, from a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.server.metrics import RunCollector
from tests.server.rig import board, mapping_runner

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


def families() -> list[Metric]:
    """Every family of metrics, with a sample at least."""
    runner = mapping_runner()
    runner.statistics.last_success_at = 1.0
    return list(RunCollector(board(runner)).collect())


def name_of(family: Metric) -> str:
    """The name under which a family is asked for: the first sample's, without a histogram's ending."""
    return family.samples[0].name.removesuffix("_bucket")


def table() -> str:
    """All metrics, a row each."""
    lines = ["| Metric | Kind | Labels | Means |", "| --- | --- | --- | --- |"]
    for family in families():
        labels = ", ".join(f"`{label}`" for label in family.samples[0].labels if label != "le")
        lines.append(f"| `{name_of(family)}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(lines)
