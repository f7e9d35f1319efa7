"""Which Python runs a function."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError, FunctionUnavailableError
from headrace.invokers import interpreter
from headrace.invokers.interpreter import Interpreter
from headrace.model.function import FunctionSettings
from tests.invokers.rig import bare_python


def settings(python=None, runtime="python3.12"):
    return FunctionSettings(
        logical_id="Orders",
        name="orders",
        handler="app.handler",
        runtime=runtime,
        code=Path("/code"),
        python=python,
    )


@pytest.fixture
def virtual(tmp_path):
    """A virtual environment, as far as its activation tells."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return python


def test_the_function_s_own_comes_first(virtual, tmp_path):
    named = bare_python(tmp_path)

    found = interpreter.find(settings(named), {"VIRTUAL_ENV": str(virtual.parents[1])})

    assert found == named


def test_a_name_is_looked_for_on_the_path(tmp_path):
    named = bare_python(tmp_path)

    assert interpreter.find(settings("bare-python"), {"PATH": str(tmp_path)}) == named


def test_then_the_active_virtual_environment_and_its_link_is_kept(virtual):
    """Resolved, the link would lead out of the environment."""
    environ = {"VIRTUAL_ENV": str(virtual.parents[1])}

    assert interpreter.find(settings(), environ) == str(virtual)


@pytest.mark.parametrize("environ", [{}, {"VIRTUAL_ENV": ""}, {"VIRTUAL_ENV": "/no/such/venv"}])
def test_then_the_one_that_runs_headrace(environ):
    assert interpreter.find(settings(), environ) == sys.executable


def test_a_python_that_does_not_know_itself_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")

    with pytest.raises(FunctionUnavailableError, match=r"Metadata\.Headrace\.Python"):
        interpreter.find(settings(), {})


@pytest.mark.parametrize("python", ["/no/such/python", "no-such-python", "/etc"])
def test_an_interpreter_that_is_not_there_is_told(python):
    with pytest.raises(FunctionUnavailableError, match=f"Orders: no interpreter '{python}'"):
        interpreter.find(settings(python), {"PATH": "/bin"})


@pytest.mark.parametrize("runtime", ["nodejs22.x", "java21", "provided.al2023", "dotnet8", ""])
def test_other_languages_are_refused_for_now(runtime):
    with pytest.raises(ConfigurationError) as refused:
        interpreter.find(settings(runtime=runtime), {})

    (problem,) = refused.value.problems
    assert problem.path == "$.Resources.Orders.Properties.Runtime"
    assert f"got {runtime!r}: only Python runtimes run here for now" in problem.message


def test_an_interpreter_says_what_it_is_and_has(tmp_path):
    ours = interpreter.probe(sys.executable)
    bare = interpreter.probe(bare_python(tmp_path))

    has_client = importlib.util.find_spec("awslambdaric") is not None
    assert ours == Interpreter(sys.executable, sys.version_info[:3], has_awslambdaric=has_client)
    assert bare.version == sys.version_info[:3]
    assert not bare.has_awslambdaric


def test_an_interpreter_is_asked_once_until_it_changes(tmp_path):
    count = tmp_path / "count"
    python = Path(bare_python(tmp_path))
    python.write_text(python.read_text().replace("exec", f"echo asked >> {count}\nexec"))

    interpreter.probe(str(python))
    interpreter.probe(str(python))
    once = count.read_text()
    changed = python.stat().st_mtime + 10
    os.utime(python, (changed, changed))
    interpreter.probe(str(python))

    assert once == "asked\n"
    assert count.read_text() == "asked\nasked\n"


@pytest.mark.parametrize("answer", ["", "echo []", "echo '[[2,7,18],false]'", "exit 1", "echo {}"])
def test_what_is_no_python_is_told(tmp_path, answer):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{answer}\n")
    python.chmod(0o700)

    with pytest.raises(FunctionUnavailableError, match=str(python)):
        interpreter.probe(str(python))


def test_what_is_gone_is_told(tmp_path):
    with pytest.raises(FunctionUnavailableError, match="no interpreter at"):
        interpreter.probe(str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("runtime", "warns"), [("python3.12", False), ("python3.11", True), ("python3.13", True)]
)
def test_another_minor_version_than_the_runtime_is_a_warning(runtime, warns):
    found = Interpreter("/usr/bin/python3", (3, 12, 4), has_awslambdaric=False)

    problems = interpreter.problems(settings(runtime=runtime), found)

    assert [(each.severity, each.path) for each in problems] == (
        [("warning", "$.Resources.Orders.Properties.Runtime")] if warns else []
    )
    for each in problems:
        assert "the interpreter here is Python 3.12 (/usr/bin/python3)" in each.message
