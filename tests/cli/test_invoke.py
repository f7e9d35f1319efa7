"""``headrace invoke``: one event in, one answer out."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (["template.yaml", "Proces", "--event", "-"], b"{}", "did you mean Process?"),
        (["template.yaml", "Process"], b"{}", "--event"),
        (["template.yaml", "Process", "--event", "none.json"], b"", "none.json can't be read"),
        (["template.yaml", "Process", "--event", "-"], b"{", "expected a JSON document"),
        (["template.yaml", "Process", "--event", "-"], b"", "expected a JSON document"),
        (["template.yaml", "Process", "--event", "-"], b"[" * 100_000, "expected a JSON document"),
        (
            ["template.yaml", "Process", "--event", "-"],
            b'"' + b"x" * 6_291_456,
            "at most 6,291,456 bytes",
        ),
        (["none.yaml", "Process", "--event", "-"], b"{}", "none.yaml can't be read"),
        (
            ["template.yaml", "Process", "--event", "-", "--env-vars", "none.json"],
            b"{}",
            "none.json",
        ),
    ],
    ids=range(9),
)
def test_wrong_input_is_refused_before_anything_starts(project, arguments, stdin, told):
    refused = project("invoke", *arguments, stdin=stdin)

    assert (refused.code, refused.out) == (2, "")
    assert told in refused.err


# --- with a worker ---


@pytest.mark.integration
@pytest.mark.slow
def test_the_payload_is_the_output_and_the_rest_is_log(project, tmp_path):
    (tmp_path / "event.json").write_text('{"a": "é"}')
    (tmp_path / "vars.json").write_text('{"Process": {"COLOUR": "blue"}}')

    invoked = project(
        *("invoke", "template.yaml", "Process", "--event", "event.json"),
        *("--env-vars", "vars.json"),
    )

    assert invoked.code == 0
    assert invoked.object == {"got": {"a": "é"}, "colour": "blue"}
    assert "saw 0" in invoked.err
    assert "START RequestId" in invoked.err
    assert "\x1b" not in invoked.err


@pytest.mark.integration
@pytest.mark.slow
def test_a_failure_is_its_error_document_and_exit_code_1(project):
    failed = project("invoke", "template.yaml", "Process", "--event", "-", stdin=b'{"fail": 1}')

    assert failed.code == 1
    assert failed.object["errorType"] == "ValueError"
    assert failed.err.splitlines()[-1] == "headrace: Process failed: as asked"


@pytest.mark.integration
@pytest.mark.slow
def test_as_json_the_answer_is_one_object(project):
    arguments = ("invoke", "template.yaml", "Process", "--event", "-", "--json")
    done = project(*arguments, "--log-format", "json", stdin=b"{}")
    failed = project(*arguments, "--log-level", "error", stdin=b'{"fail": 1}')

    assert done.object == {"outcome": "success", "payload": {"got": {}, "colour": None}}
    assert (failed.object["outcome"], failed.object["error"]["errorType"]) == (
        "error",
        "ValueError",
    )
    assert all(json.loads(line) for line in done.err.splitlines())
    assert len(failed.err.splitlines()) == 1
