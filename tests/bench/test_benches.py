"""The benches work: what they measure is for `make bench`, whether they run is for here."""

from __future__ import annotations

import importlib
import json
import math
import shutil
import subprocess
import sys

import pytest

from bench import processes, report
from bench.calibration import REFERENCE_MS, calibrate
from bench.catalogue import BENCHES
from bench.harness import Figure, Options, Row, in_turn, ratios
from bench.places import ROOT
from bench.rivals import has_rivals

NAMES = [bench.name for bench in BENCHES]


def a_row(**settings) -> Row:
    row = Row("what", "unit", **settings)
    for value, calibration in ((10, 70), (30, 140), (20, 35)):
        row.add(value, calibration)
    return row


def test_every_bench_can_be_imported():
    for bench in BENCHES:
        assert callable(importlib.import_module(f"bench.{bench.module}").measure)


@pytest.mark.slow
@pytest.mark.parametrize("bench", BENCHES, ids=NAMES)
def test_a_tiny_run_gives_a_figure_for_each_line(bench):
    if bench.name == "rivals" and not (shutil.which("redis-server") and has_rivals()):
        pytest.skip("what Headrace is compared with is not here; `python -m bench rivals` gets it")
    if bench.name == "idle" and not processes.can_look():
        pytest.skip("the processor time of other processes is not to be had here")

    rows = bench.measure(Options(quick=True, install=False, note=lambda _: None))

    assert rows
    for row in rows:
        assert row.figures
        assert math.isfinite(row.median)
        assert row.median > 0


@pytest.mark.slow
def test_the_command_prints_a_line_of_json_for_each_figure():
    done = subprocess.run(
        [sys.executable, "-m", "bench", "help", "--quick", "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert {"help"} == {line["bench"] for line in lines}
    assert [line["target"] == 12 for line in lines if line["target"] is not None] == [True]


def test_a_rate_counts_for_more_where_the_yardstick_is_slow_and_a_cost_for_less():
    assert a_row(scaling="rate").values == [10, 60, 10]
    assert a_row(scaling="cost").values == [10, 15, 40]
    assert a_row().values == [10, 30, 20]


def test_a_target_is_met_by_the_median():
    assert a_row(target=20).passed is True
    assert a_row(target=21).passed is False
    assert a_row(target=20, at_most=True).passed is True
    assert a_row(target=19, at_most=True).passed is False
    assert a_row().passed is None


def test_runs_take_turns():
    order = []

    def run(name):
        order.append(name)
        return {"value": 1.0, "calibration_ms": 70.0}

    options = Options(rounds=2, note=lambda _: None)
    in_turn(options, {"a": lambda: run("a"), "b": lambda: run("b")})

    assert order == ["a", "b", "a", "b"]


def test_a_ratio_is_taken_round_by_round():
    above = [{"cpu": 4.0, "calibration_ms": 70.0}, {"cpu": 9.0, "calibration_ms": 100.0}]
    below = [{"cpu": 2.0, "calibration_ms": 70.0}, {"cpu": 3.0, "calibration_ms": 100.0}]

    assert ratios(above, below, "cpu").values == [2.0, 3.0]


def test_a_line_of_the_table_says_target_spread_and_verdict(capsys):
    report.print_table("bench", [a_row(target=25, scaling="none")])

    assert "at least 25  20 (10..30)" in capsys.readouterr().out


def test_the_yardstick_is_of_the_order_of_its_reference():
    assert REFERENCE_MS / 10 < calibrate() < REFERENCE_MS * 10


def test_figures_keep_what_was_measured():
    assert [Figure(10, 70), Figure(30, 140), Figure(20, 35)] == a_row(scaling="rate").figures
