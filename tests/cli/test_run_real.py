"""``headrace run`` for real: from queue to function, until idle, stopped or stuck."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

COMMAND = [sys.executable, "-m", "headrace"]
pytestmark = [pytest.mark.integration, pytest.mark.slow]


@contextmanager
def running(tmp_path, *arguments):
    """A run in a process of its own; its errors are read line by line."""
    command = [*COMMAND, "run", "template.yaml", "--local", *arguments]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process, pattern):
    """Read standard error until a line has *pattern*."""
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"no {pattern}")


def test_until_idle_every_record_is_done_or_a_dead_letter(project):
    project("queue", "create", "Orders")
    project("queue", "send", "Orders", "-", stdin=b"ok\n" * 24 + b"bad\n")

    ran = project("run", "template.yaml", "--local", "--until-idle", "--timeout", "30")

    assert ran.code == 0
    assert ran.out.splitlines()[1].split()[:2] == ["ProcessNew", "24"]
    assert ran.out.splitlines()[-1].startswith("idle: every mapped source is empty, after ")
    assert "passed over: Api: AWS::ApiGateway::RestApi is not run here" in ran.err
    assert "mapping ProcessNew: Orders → Process, batches of 10" in ran.err
    assert [each["body"] for each in project("queue", "peek", "Dead", "--json").objects] == ["bad"]


def test_as_json_standard_output_is_one_object_a_line(project):
    project("queue", "create", "Orders")
    project("queue", "send", "Orders", "ok", "ok")

    ran = project(
        "run", "template.yaml", "--local", "--until-idle", "--json", "--log-format", "json"
    )

    assert [each["event"] for each in ran.objects] == ["started", "invocation", "summary"]
    assert ran.objects[1]["outcome"] == "success"
    assert ran.objects[2]["mappings"][0]["DeletedEventCount"] == 2
    assert all(json.loads(line)["time"] for line in ran.err.splitlines())


def test_a_run_that_is_stuck_names_mapping_record_and_error(project):
    project("queue", "create", "Orders", "--visibility-timeout", "30")
    message = project("queue", "send", "Orders", "bad", "--json").object["messageId"]

    stuck = project(
        *("run", "template.yaml", "--local", "--until-idle", "--timeout", "1"),
        *("--log-level", "error"),
    )

    assert stuck.code == 1
    for part in ("ProcessNew", message, "batchItemFailures"):
        assert part in stuck.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_good_order(project, tmp_path, number):
    with running(tmp_path) as process:
        wait_for(process, "mapping ProcessNew")
        assert project("queue", "list").code == 0
        process.send_signal(number)
        wait_for(process, "stopping: what runs is finished")
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert out.splitlines()[-1].startswith("stopped, after")


def test_a_second_ctrl_c_gives_up(project, tmp_path):
    (tmp_path / "shop.py").write_text(
        "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(60)\n"
    )
    template = (tmp_path / "template.yaml").read_text()
    template = template.replace("Handler:", "Timeout: 25\n      Handler:")
    (tmp_path / "template.yaml").write_text(
        template.replace("VisibilityTimeout: 3", "VisibilityTimeout: 30")
    )
    project("queue", "create", "Orders")
    project("queue", "send", "Orders", "x")

    with running(tmp_path, "--drain-seconds", "60") as process:
        wait_for(process, "begun")
        process.send_signal(signal.SIGINT)
        wait_for(process, "stopping")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert process.returncode == 130
    assert project("queue", "peek", "Orders", "--json").object["state"] == "visible"


def test_the_status_is_served_while_it_runs(project, tmp_path):
    with running(tmp_path, "--status", "0") as process:
        url = wait_for(process, r"status: (http://127\.0\.0\.1:\d+)/metrics")[1]
        text = _page(f"{url}/metrics")
        health = json.loads(_page(f"{url}/healthz"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert (
        'headrace_mapping_info{function="Process",mapping="ProcessNew",queue="Orders"} 1.0' in text
    )
    assert health["mappings"] == {"ProcessNew": "Enabled"}


def test_a_status_for_other_machines_is_warned_about(project, tmp_path):
    with running(tmp_path, "--status", "0.0.0.0:0") as process:
        wait_for(process, "warning: the status at .* can be read by other machines")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def test_a_reader_that_has_seen_enough_stops_the_run(project, tmp_path):
    with running(tmp_path, "--json") as process:
        assert json.loads(process.stdout.readline())["event"] == "started"
        process.stdout.close()
        project("queue", "send", "Orders", "a")
        errors = process.stderr.read()
        process.wait(timeout=20)

    assert process.returncode == 1
    assert "Traceback" not in errors


def test_only_the_mapping_that_was_named_runs(project, tmp_path):
    template = (tmp_path / "template.yaml").read_text()
    second = (
        "        Second:\n          Type: SQS\n          Properties: {Queue: !GetAtt Dead.Arn}\n"
    )
    (tmp_path / "template.yaml").write_text(template + second)

    ran = project(
        *("run", "template.yaml", "--local", "--until-idle", "--json"),
        *("--only", "ProcessSecond"),
    )

    assert [each["LogicalId"] for each in ran.objects[-1]["mappings"]] == ["ProcessSecond"]


def _page(url):
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
        return answer.read().decode()


def test_on_a_terminal_the_status_is_live(project, tmp_path):
    """A terminal of 100 columns sees the table move, log lines above it, and the summary at the end."""
    pty = pytest.importorskip("pty")
    project("queue", "create", "Orders")
    project("queue", "send", "Orders", *["ok"] * 30)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    command = [*COMMAND, "run", "template.yaml", "--local", "--until-idle", "--timeout", "20"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = _all_of(ours)
        code = process.wait(timeout=20)

    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen)
    assert code == 0
    assert "headrace run template.yaml: starting" in plain
    assert "backlog" in plain
    assert "saw 10 \\x1b[31mred" in plain
    assert plain.rstrip().splitlines()[-1].startswith("idle: every mapped source is empty")


def _all_of(descriptor):
    """What is written to a terminal until its last user is gone."""
    seen = b""
    while True:
        try:
            data = os.read(descriptor, 65_536)
        except OSError:  # Linux: the other side is closed
            data = b""
        if not data:
            os.close(descriptor)
            return seen.decode()
        seen += data
