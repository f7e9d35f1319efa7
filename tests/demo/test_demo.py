"""The demonstration as a person runs it: a command, from beginning to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile

import pytest

from tests.architecture.tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.integration]

DEMO = [sys.executable, "-m", "headrace", "demo"]
PATIENCE_SECONDS = 90


@pytest.fixture
def place(tmp_path):
    """An empty directory to stand in, and another for what is temporary."""
    (tmp_path / "here").mkdir()
    (tmp_path / "temporary").mkdir()
    return tmp_path


def environment(place, **more):
    return {**os.environ, "TMPDIR": str(place / "temporary"), **more}


def left_behind(place):
    return [each.name for part in ("here", "temporary") for each in (place / part).iterdir()]


def test_every_order_is_paid_or_a_dead_letter_and_nothing_is_left_behind(place):
    run = subprocess.run(
        [*DEMO, "--seconds", "5", "--json"],
        cwd=place / "here",
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    *lines, last = [json.loads(line) for line in run.stdout.splitlines()]
    summary = last["summary"]
    assert (summary["ok"], summary["left"]) == (True, 0)
    assert summary["paid"] + sum(summary["dead_letters"].values()) == summary["sent"]
    assert set(summary["dead_letters"]) == {"not JSON", "no order_id"}
    assert summary["paid_after_failures"] >= 1
    assert last["last"]["mappings"][0]["retries"] >= 4
    assert len(lines) >= 5
    assert left_behind(place) == []


def test_ctrl_c_ends_it_in_good_order_with_a_summary(place):
    """The signal goes to the whole group, as a terminal sends it."""
    with subprocess.Popen(
        [*DEMO, "--seconds", "60"],
        cwd=place / "here",
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()  # five seconds later: orders flow
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0, out + err
    assert "What became of" in out
    assert out.rstrip().endswith("All as promised.")
    assert err == ""
    assert left_behind(place) == []


def test_it_runs_from_a_wheel_in_an_empty_directory_and_keeps_what_it_is_told_to_keep(place):
    """The wheel is made from the source archive, as a release is."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", place, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "installed")
    with_wheel = environment(place, PYTHONPATH=str(place / "installed"))

    found = subprocess.run(
        [sys.executable, "-c", "import headrace; print(headrace.__file__)"],
        cwd=place / "here",
        env=with_wheel,
        capture_output=True,
        text=True,
        check=True,
    )
    run = subprocess.run(
        [*DEMO, "--seconds", "1", "--json", "--keep"],
        cwd=place / "here",
        env=with_wheel,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert found.stdout.startswith(str(place / "installed"))
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout.splitlines()[-1])["summary"]["ok"] is True
    [kept] = (place / "temporary").iterdir()
    assert f"kept: {kept}" in run.stderr
    names = {each.name for each in kept.iterdir()}
    assert {"shop", "shop.db", "sent.jsonl", "payments.jsonl", "functions.log"} <= names
