"""What a person sees of the demonstration."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from headrace.cli.demo_screen import JsonShow, LineShow, LiveShow, line, print_summary, screen
from headrace.demo.ledger import Latency
from headrace.demo.snapshot import MappingView, Snapshot
from headrace.demo.verdict import Check, Verdict


def view(mapping="ProcessOrdersOrder", **changes):
    values = {
        "mapping": mapping,
        "batch_size": 10,
        "batch_window_seconds": 1,
        "batches": 12_000,
        "records": 118_000,
        "size_max": 10,
        "latency": Latency(0.45, 4.2),
        "retries": 1_234,
        "running": 4,
        "running_max": 4,
        "waiting": 400,
        "in_flight": 40,
        "age_of_oldest_seconds": 16.0,
    }
    return MappingView(**{**values, **changes})


def snapshot(seconds=23.0, **changes):
    values = {
        "seconds": seconds,
        "pace": "business as usual",
        "sent": 1_000,
        "paid": 900,
        "dead": 20,
        "at_once": 3,
        "at_once_max": 4,
        "limit": 4,
        "mappings": (view(), view("PrintOrdersCopy", batch_size=100)),
    }
    return Snapshot(**{**values, **changes})


VERDICT = Verdict(
    checks=(Check("none missing", ok=True, text="none is missing"),),
    sent=1_000,
    paid=960,
    paid_after_failures=20,
    dead={"not JSON": 30, "no order_id": 10},
)


def drawn(seen, width):
    paper = io.StringIO()
    Console(file=paper, width=width, force_terminal=False).print(screen(seen, 60.0))
    return paper.getvalue()


def test_the_screen_shows_what_flows():
    text = drawn(snapshot(), width=80)

    for shown in (
        "1,000 sent",
        "900 paid",
        "20 dead letters",
        "80 on their way",
        "■■■□  3 at once",
    ):
        assert shown in text
    [row] = [each for each in text.splitlines() if "ProcessOrdersOrder" in each]
    assert row.split() == [
        "ProcessOrdersOrder",
        "12,000",
        "9.8/10",
        "450",
        "ms",
        "4.2",
        "s",
        "1,234",
        "440",
        "16",
        "s",
    ]


def test_the_screen_fits_a_narrow_terminal():
    assert "…" not in drawn(snapshot(), width=80)


def test_there_is_a_screen_before_there_is_anything_to_show():
    assert "0 sent" in drawn(snapshot(sent=0, paid=0, dead=0, at_once=0, mappings=()), width=80)


def test_a_line_says_the_same_in_short():
    assert line(snapshot()) == (
        " 23 s  business as usual: 1,000 orders sent, 900 paid, 20 dead letters, 80 on their way; "
        "12,000 batches of 9.8, waited 450 ms (95 %: 4.2 s), 1,234 retries, oldest 16 s; "
        "payments 3 of 4 at once"
    )


@pytest.mark.parametrize(("show", "every"), [(LineShow(), 5), (JsonShow(), 1)])
def test_lines_come_now_and_then(show, every, capsys):
    with show:
        for quarter in range(4 * 2 * every):
            show.look(snapshot(seconds=quarter / 4))

    assert len(capsys.readouterr().out.splitlines()) == 2


def test_json_ends_with_the_summary(capsys):
    JsonShow().end(VERDICT, snapshot())

    printed = json.loads(capsys.readouterr().out)
    assert printed["summary"]["ok"] is True
    assert printed["summary"]["dead_letters"] == {"not JSON": 30, "no order_id": 10}
    assert printed["last"]["on_their_way"] == 80


def test_the_live_screen_leaves_nothing_but_the_summary(capsys):
    paper = io.StringIO()
    show = LiveShow(60.0, Console(file=paper, width=80, force_terminal=True))
    with show:
        show.look(snapshot())
    show.end(VERDICT, snapshot())

    assert "900 paid" in paper.getvalue()
    assert "What became of 1,000 orders in 23 s" in capsys.readouterr().out


def test_the_summary_says_what_became_of_every_order(capsys):
    print_summary(VERDICT, snapshot())

    text = capsys.readouterr().out
    assert "960 paid, 20 of them after their payment had failed twice" in text
    assert "40 dead letters: 10 no order_id, 30 not JSON" in text
    assert "still in the queue" not in text
    assert text.rstrip().endswith("All as promised.")


def test_the_summary_says_what_failed(capsys):
    verdict = Verdict(
        checks=(Check("none missing", ok=False, text="2 orders are missing"),),
        sent=4,
        paid=1,
        paid_after_failures=0,
        left=1,
    )

    print_summary(verdict, snapshot())

    text = capsys.readouterr().out
    assert "FAILED  2 orders are missing" in text
    assert "1 still in the queue" in text
    assert text.rstrip().endswith("Not as promised: see what FAILED above.")
