"""Options of a place: a variable comes before the file, and what nobody knows is told."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from headrace.config.options import OPTIONS, Options, load_options


def options(directory, text: str = "", **environ: str) -> Options:
    if text:
        (directory / "headrace.toml").write_text(text)
    return load_options(directory, environ)


def told(found: Options) -> list[str]:
    return [f"{problem.line} {problem.severity} {problem}" for problem in found.problems]


def test_without_a_file_and_variables_there_is_nothing(tmp_path):
    assert options(tmp_path) == Options()


def test_every_option_may_stand_in_the_file(tmp_path):
    found = options(
        tmp_path,
        """
        store = "shop.db"
        local = true
        max-workers = 4
        drain-seconds = 2.5
        timeout = "5m"
        until-idle = false
        status = "127.0.0.1:8080"
        env-vars = "/etc/env.json"
        aws = false
        region = "eu-west-1"
        log-format = "json"
        log-level = "debug"
        bind.Orders = "sqlite:///data/shop.db?queue=orders"

        [parameter]
        Stage = "prod"
        "Size" = 5
        Flag = true
        """,
    )

    assert found.problems == ()
    assert set(found.values) == {option.name for option in OPTIONS}
    assert found.values["store"] == str(tmp_path / "shop.db")
    assert found.values["env-vars"] == "/etc/env.json"
    assert (
        found.values["max-workers"],
        found.values["drain-seconds"],
        found.values["timeout"],
    ) == (4, 2.5, "5m")
    assert found.parameters == {"Stage": "prod", "Size": "5", "Flag": "true"}
    assert found.bindings == {"Orders": "sqlite:///data/shop.db?queue=orders"}
    assert found.origins["store"] == "headrace.toml:2"
    assert found.origins["bind.Orders"] == "headrace.toml:14"
    assert found.origins["parameter.Size"] == "headrace.toml:18"


def test_a_variable_comes_before_the_file(tmp_path):
    found = options(
        tmp_path,
        'store = "file.db"\nmax-workers = 1\n[parameter]\nStage = "file"\nSize = "1"',
        HEADRACE_STORE="variable.db",
        HEADRACE_PARAMETER_Stage="variable",
        HEADRACE_BIND_Orders="arn:x",
        HEADRACE_LOCAL="YES",
        HEADRACE_MAX_WORKERS="",
        OTHER="x",
    )

    assert found.problems == ()
    assert found.values == {"store": "variable.db", "max-workers": 1, "local": True}
    assert found.parameters == {"Stage": "variable", "Size": "1"}
    assert found.bindings == {"Orders": "arn:x"}
    assert found.origins["store"] == "HEADRACE_STORE"
    assert found.origins["parameter.Stage"] == "HEADRACE_PARAMETER_Stage"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('stor = "x"', "1 error headrace.toml:stor: unknown option (did you mean store?)"),
        (
            "\nmax_workers = 3",
            "2 error headrace.toml:max_workers: unknown option (did you mean max-workers?)",
        ),
        (
            "[paramter]\nA = 1",
            "1 error headrace.toml:paramter: unknown option (did you mean parameter?)",
        ),
        ('"odd name" = 1', "None error headrace.toml:odd name: unknown option"),
        ("zzz = 1", "1 error headrace.toml:zzz: unknown option"),
        ("store = 5", "1 error headrace.toml:store: expected a path, got 5"),
        ('store = ""', '1 error headrace.toml:store: expected a path, got ""'),
        ("local = 1", "1 error headrace.toml:local: expected true or false, got 1"),
        (
            "max-workers = 0",
            "1 error headrace.toml:max-workers: expected an integer of at least 1, got 0",
        ),
        (
            "max-workers = true",
            "1 error headrace.toml:max-workers: expected an integer of at least 1, got true",
        ),
        (
            "max-workers = 1.5",
            "1 error headrace.toml:max-workers: expected an integer of at least 1, got 1.5",
        ),
        (
            'timeout = "soon"',
            '1 error headrace.toml:timeout: expected a number of seconds, or such as "8s", got "soon"',
        ),
        (
            "timeout = -1",
            '1 error headrace.toml:timeout: expected a number of seconds, or such as "8s", got -1',
        ),
        (
            'log-format = "xml"',
            '1 error headrace.toml:log-format: expected text or json, got "xml"',
        ),
        (
            "parameter = 5",
            "1 error headrace.toml:parameter: expected a table, such as [parameter], got 5",
        ),
        (
            "[parameter]\n\nA = [1]",
            "3 error headrace.toml:parameter.A: expected a string, got a list",
        ),
    ],
)
def test_what_can_not_be_used_is_told_with_its_line(tmp_path, text, expected):
    assert told(options(tmp_path, text)) == [expected]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"store = ", "Invalid value"),
        (b"a = 1\na = 2", "Cannot overwrite a value"),
        (b"\xff", "can't decode byte"),
        (b"a = " + b"[" * 30_000, ""),
        (b"# " + b"x" * 70_000, "expected at most 65,536 bytes, it is larger"),
    ],
)
def test_a_file_that_can_not_be_read_is_one_problem(tmp_path, content, message):
    (tmp_path / "headrace.toml").write_bytes(content)

    (problem,) = load_options(tmp_path, {}).problems

    assert problem.path == "headrace.toml"
    assert message in problem.message


def test_a_file_that_may_not_be_read_is_a_problem(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "headrace.toml").touch()
    monkeypatch.setattr(type(tmp_path), "read_bytes", refuse)

    (problem,) = load_options(tmp_path, {}).problems

    assert problem.message == "Permission denied"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"HEADRACE_LOCAL": "maybe"},
            'None error HEADRACE_LOCAL: expected true or false, got "maybe"',
        ),
        (
            {"HEADRACE_MAX_WORKERS": "x"},
            'None error HEADRACE_MAX_WORKERS: expected an integer of at least 1, got "x"',
        ),
        (
            {"HEADRACE_MAX_WORKER": "3"},
            "None warning HEADRACE_MAX_WORKER: unknown variable (did you mean HEADRACE_MAX_WORKERS?)",
        ),
    ],
)
def test_a_variable_that_can_not_be_used_is_told(tmp_path, environ, expected):
    assert told(options(tmp_path, **environ)) == [expected]


@pytest.mark.parametrize(
    "name", ["HEADRACE_FAILPOINT", "HEADRACE_QUEUE_SEND_DELAY", "HEADRACE_TEST_SOMETHING"]
)
def test_a_variable_that_is_like_none_of_ours_is_left_alone(tmp_path, name):
    assert options(tmp_path, **{name: "x"}).problems == ()


def test_flag_before_variable_before_file_before_default(tmp_path):
    """What click makes of `default_map`, with the variables that it reads itself."""

    @click.group()
    def main():
        pass

    @main.command()
    @click.option("--max-workers", type=int, default=9, envvar="HEADRACE_MAX_WORKERS")
    @click.option("--drain-seconds", type=float, default=8.0)
    @click.option("--local", is_flag=True)
    @click.option("--parameter", multiple=True)
    def run(max_workers, drain_seconds, local, parameter):
        click.echo(f"{max_workers} {drain_seconds} {local} {','.join(parameter)}")

    found = options(
        tmp_path, 'max-workers = 3\nlocal = true\ndrain-seconds = 2\n[parameter]\nStage = "x"'
    )

    def outcome(*arguments, **environ):
        default_map = found.default_map(["run", "queue send"])
        return (
            CliRunner()
            .invoke(main, ["run", *arguments], default_map=default_map, env=environ)
            .output.strip()
        )

    assert outcome() == "3 2.0 True Stage=x"
    assert outcome(HEADRACE_MAX_WORKERS="4") == "4 2.0 True Stage=x"
    assert outcome("--max-workers", "5", HEADRACE_MAX_WORKERS="4") == "5 2.0 True Stage=x"


def test_the_map_of_one_command_or_of_several(tmp_path):
    found = options(tmp_path, "max-workers = 3")

    assert found.default_map() == {"max_workers": "3"}
    assert found.default_map(["run", "queue send", "queue list"]) == {
        "run": {"max_workers": "3"},
        "queue": {"send": {"max_workers": "3"}, "list": {"max_workers": "3"}},
    }


def test_options_and_addresses_load_nothing_slow():
    program = (
        "import sys; import headrace.config.options, headrace.config.addresses; "
        "sys.exit(bool({'pydantic', 'yaml', 'asyncio'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
