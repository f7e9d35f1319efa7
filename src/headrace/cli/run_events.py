"""``run --json``: one line of JSON for each invocation that ended, and a summary at the end."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.cli.durations import instant
from headrace.cli.line_writer import LineWriter
from headrace.cli.output import json_text, print_json
from headrace.cli.run_figures import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.engine.mapping_runner import MappingRunner
    from headrace.engine.statistics import BatchReport
    from headrace.server.board import Board


class Events:
    """Prints events to standard output, in a thread of its own; *gone* is called when nobody reads them any more."""

    def __init__(self, gone: Callable[[], object]) -> None:
        self.is_broken = False
        self._gone = gone
        self._writer = LineWriter(
            _print_lines, name="headrace events", dropped=_dropped, gone=self._broken
        )
        self._writer.start()

    def started(self, runners: Sequence[MappingRunner]) -> None:
        """Print what runs."""
        found = {
            "event": "started",
            "mappings": [
                {
                    "LogicalId": runner.mapping.mapping_id,
                    "FunctionName": runner.mapping.function,
                    "QueueName": runner.source.name,
                    "BatchSize": runner.mapping.batch_size,
                    "MaximumBatchingWindowInSeconds": runner.mapping.batch_window_seconds,
                    "Enabled": runner.mapping.enabled,
                }
                for runner in runners
            ],
        }
        self._writer.put(partial(_lines, found))

    def invoked(self, report: BatchReport) -> None:
        """Print one invocation. Bodies are left out."""
        found = {
            "event": "invocation",
            "mapping": report.mapping_id,
            "function": report.function,
            "requestId": report.request_id,
            "outcome": report.outcome.value,
            "records": len(report.records),
            "messageIds": [record.record_id for record in report.records],
            "receiveCounts": [record.receive_count for record in report.records],
            "failed": sorted(report.failed),
            "error": report.why or None,
            "closedBy": report.reason.value,
            "startedAt": report.started_at,
            "durationSeconds": round(report.ended_at - report.started_at, 6),
        }
        self._writer.put(partial(_invocation_lines, found))

    def end(self, board: Board, *, reason: str, message: str, seconds: float) -> None:
        """Print the summary, once everything before it is out."""
        self._writer.close()
        if self.is_broken:
            raise BrokenPipeError
        print_json(
            {
                "event": "summary",
                "reason": reason,
                "message": message,
                "durationSeconds": round(seconds, 3),
                "mappings": [each.as_json() for each in figures(board)],
            }
        )

    def _broken(self) -> None:
        self.is_broken = True
        self._gone()


def _lines(found: dict[str, Any]) -> list[str]:
    return [json_text(found)]


def _invocation_lines(found: dict[str, Any]) -> list[str]:
    return [json_text({**found, "startedAt": instant(found["startedAt"])})]


def _dropped(count: int) -> str:
    return json_text({"event": "dropped", "events": count})


def _print_lines(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
