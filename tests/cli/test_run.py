"""``headrace run``: what it refuses before anything starts."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["template.yaml"], "run with --local"),
        (["template.yaml", "--local", "--only", "ProcesNew"], "did you mean ProcessNew?"),
        (["template.yaml", "--local", "--status", "here"], "expected HOST:PORT"),
        (["template.yaml", "--local", "--status", "192.0.2.1:0"], "can't listen"),
        (["template.yaml", "--local", "--timeout", "5"], "--until-idle"),
        (["template.yaml", "--local", "--until-idle", "--timeout", "soon"], "such as 90s"),
        (["template.yaml", "--local", "--max-workers", "0"], "--max-workers"),
        (["template.yaml", "--local", "--drain-seconds", "-1"], "--drain-seconds"),
        (["template.yaml", "--bind", "Orders"], "NAME=VALUE"),
        (
            ["template.yaml", "--local", "--bind", "Order=sqlite:///x.db?queue=y"],
            "did you mean Orders?",
        ),
        (["template.yaml", "--local", "--env-vars", "none.json"], "can't be read"),
        (["template.yaml", "--local", "--log-format", "xml"], "--log-format"),
        (["template.yaml", "--local", "--parameter", "Size=0"], "BatchSize"),
        (["none.yaml", "--local"], "none.yaml can't be read"),
        ([], "TEMPLATE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_refused_before_anything_starts(project, tmp_path, arguments, told):
    refused = project("run", *arguments)

    assert (refused.code, refused.out) == (2, "")
    assert told in refused.err
    assert not (tmp_path / "headrace.db").exists()


def test_a_store_that_is_damaged_is_refused_and_left_alone(project, tmp_path):
    (tmp_path / "headrace.db").write_bytes(b"my diary")

    refused = project("run", "template.yaml", "--local", "--until-idle")

    assert (refused.code, refused.out) == (2, "")
    assert "not an SQLite file" in refused.err
    assert (tmp_path / "headrace.db").read_bytes() == b"my diary"
