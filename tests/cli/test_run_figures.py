"""The figures of a run, and how they are shown: live, in lines, as JSON."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest
from rich.console import Console

from headrace.aio.virtual_time import run_virtual
from headrace.cli import run_events, run_lines
from headrace.cli.run_events import Events
from headrace.cli.run_figures import figures, quantile
from headrace.cli.run_live import LiveStatus
from headrace.engine.statistics import BatchReport, Failure, Histogram
from headrace.model.outcome import Outcome
from headrace.model.record import Record, RecordId
from headrace.policy.batching import FlushReason
from headrace.server.board import Phase
from tests.server.rig import board, mapping_runner

EVIL = "oh \x1b[2J\u202eno"


def busy_runner(name="ProcessNew"):
    runner = mapping_runner(name)
    statistics = runner.statistics
    statistics.deleted, statistics.retried, statistics.dead_lettered = 1_234, 7, 2
    statistics.outcomes.update({Outcome.SUCCESS: 5, Outcome.PARTIAL: 2, Outcome.ERROR: 1})
    statistics.outcomes[Outcome.TIMED_OUT] += 1
    for seconds in (0.003, 0.003, 0.2):
        statistics.durations.add(seconds)
    statistics.last_failure = Failure(("id-1",), EVIL, 1_700_000_000)
    return runner


# --- quantiles ---


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, None),
        ([0.5], 0.5, 0.5),
        ([0.5] * 10, 0.5, 0.5),
        ([1, 2, 3, 4], 0.5, 2),
        ([1] * 99 + [4], 0.99, 1),
        ([1] * 9 + [4], 0.99, 3.8),
        ([100], 0.5, 4),
    ],
)
def test_a_quantile_lies_within_the_bounds_of_its_bucket(values, share, found):
    histogram = Histogram((1.0, 2.0, 4.0))
    for value in values:
        histogram.add(value)

    assert quantile(histogram, share) == (None if found is None else pytest.approx(found))


# --- JSON ---


def test_figures_have_awss_names():
    found = figures(board(busy_runner()))[0].as_json()

    assert found["LogicalId"] == "ProcessNew"
    assert found["DeletedEventCount"] == 1_234
    assert found["outcomes"] == {"success": 5, "partial": 2, "failed": 2, "throttled": 0}
    assert found["ApproximateNumberOfMessagesNotVisible"] == 2
    assert found["lastProblem"] == EVIL


def test_before_anything_has_happened_there_is_no_duration():
    found = figures(board())[0].as_json()

    assert found["durationSeconds"] == {"p50": None, "p99": None}
    assert (found["lastSuccessAt"], found["lastProblem"]) == (None, None)


def report(**changes):
    record = Record(RecordId("id-1"), b'{"body": "canary"}', None, 2)
    found = BatchReport(
        mapping_id=mapping_runner().mapping.mapping_id,
        function="Process",
        request_id="request-1",
        event=b"canary",
        records=(record,),
        reason=FlushReason.SIZE,
        started_at=1_700_000_000.0,
        ended_at=1_700_000_000.25,
        outcome=Outcome.ERROR,
        payload=b"canary",
        failed=frozenset({"id-1"}),
        why=EVIL,
    )
    return found._replace(**changes)


def test_each_invocation_is_an_event_and_the_summary_is_the_last(capsys):
    events = Events(gone=lambda: None)
    shown = board(busy_runner())
    events.started(shown.runners)
    events.invoked(report())
    events.end(shown, reason="idle", message="all done", seconds=1.5)

    out = capsys.readouterr().out
    started, invocation, summary = [json.loads(line) for line in out.splitlines()]

    assert started["mappings"][0]["LogicalId"] == "ProcessNew"
    assert invocation == {
        "event": "invocation",
        "mapping": "ProcessNew",
        "function": "Process",
        "requestId": "request-1",
        "outcome": "error",
        "records": 1,
        "messageIds": ["id-1"],
        "receiveCounts": [2],
        "failed": ["id-1"],
        "error": EVIL,
        "closedBy": "size",
        "startedAt": "2023-11-14T22:13:20.000Z",
        "durationSeconds": 0.25,
    }
    assert (summary["event"], summary["reason"], summary["durationSeconds"]) == (
        "summary",
        "idle",
        1.5,
    )
    assert "canary" not in out
    assert not set(out) & set("\x1b\u202e")


def test_a_reader_that_is_gone_stops_the_run(monkeypatch):
    stops = []

    def broken(_lines):
        raise BrokenPipeError

    monkeypatch.setattr(run_events, "_print_lines", broken)
    events = Events(gone=lambda: stops.append("stop"))
    events.started(board().runners)

    with pytest.raises(BrokenPipeError):
        events.end(board(), reason="stopped", message="", seconds=0)
    assert stops == ["stop"]


# --- lines ---


def test_what_was_found_is_told(caplog):
    with caplog.at_level(logging.INFO, "headrace"):
        run_lines.tell_found(board().runners)

    assert caplog.messages == ["mapping ProcessNew: orders → Process, batches of 10"]


def test_lines_come_when_something_has_changed_and_not_too_often(caplog):
    runner = busy_runner()
    shown = board(runner)

    async def main():
        async with asyncio.TaskGroup() as group:
            teller = group.create_task(run_lines.tell_changes(shown))
            await asyncio.sleep(60)
            runner.statistics.deleted += 1
            await asyncio.sleep(60)
            teller.cancel()

    with caplog.at_level(logging.INFO, "headrace"):
        run_virtual(main())

    assert len(caplog.messages) == 2
    assert caplog.messages[1] == (
        "ProcessNew: 1,235 records done in 3 batches (5 ok, 2 partial, 2 failed), 7 retried, "
        "2 dead letters; backlog 8, oldest 12 s"
    )


def test_a_mapping_that_has_nothing_to_do_says_nothing(caplog):
    shown = board()
    shown.backlog = {}

    async def main():
        async with asyncio.TaskGroup() as group:
            teller = group.create_task(run_lines.tell_changes(shown))
            await asyncio.sleep(60)
            teller.cancel()

    with caplog.at_level(logging.INFO, "headrace"):
        run_virtual(main())

    assert caplog.messages == []


def test_the_summary_has_a_line_for_each_mapping(capsys):
    run_lines.print_summary(
        board(busy_runner(), mapping_runner("Other")), message="idle", seconds=65
    )

    lines = capsys.readouterr().out.splitlines()

    assert lines[1].split()[:7] == ["ProcessNew", "1,234", "3", "5", "2", "2", "7"]
    assert lines[2].split()[:2] == ["Other", "0"]
    assert lines[3] == r"last problem of ProcessNew: oh \x1b[2J\u202eno"
    assert lines[4] == "idle, after 1 m 5 s"


# --- live ---


def drawn(shown, width=140):
    stream = io.StringIO()
    live = LiveStatus(shown, "run t.yaml", stream)
    live._console.width = width
    Console(file=stream, width=width).print(live.drawn())
    return stream.getvalue().splitlines()


def test_the_live_status_shows_every_mapping():
    head, titles, first, problem = drawn(board(busy_runner(), phase=Phase.STOPPING))[:4]

    assert head == "run t.yaml: stopping, 0 s"
    assert titles.split()[:3] == ["mapping", "state", "backlog"]
    assert first.split()[:2] == ["ProcessNew", "Enabled"]
    assert problem == r"ProcessNew: oh \x1b[2J\u202eno"


@pytest.mark.parametrize("width", [140, 100, 80, 60, 40])
def test_a_narrow_terminal_shows_fewer_columns_but_each_whole(width):
    shown = board(busy_runner("ProcessOrdersNewOrder"), busy_runner())

    lines = drawn(shown, width)

    assert max(map(len, lines)) <= width
    assert "…" not in lines[1]
    assert "backlog" in lines[1]
    assert lines[3].startswith("ProcessNew")


def test_many_problems_do_not_fill_the_screen():
    runners = [busy_runner(f"Mapping{number}") for number in range(30)]

    assert len(drawn(board(*runners))) <= 2 + 30 + 5
