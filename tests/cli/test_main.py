"""How a command begins and ends, whatever it does."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from headrace import errors
from headrace.cli import main, queue
from headrace.cli.command import Session
from headrace.cli.failures import show
from headrace.errors import ConfigurationError, Problem


def leaves(group, path=()):
    """Every command that runs something, with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(leaves(main.cli))


def test_help_names_every_command(headrace):
    shown = headrace("--help")

    assert shown.code == 0
    for name, lazy in main.COMMANDS.items():
        assert f"  {name} " in shown.out
        assert lazy.help in shown.out


def test_no_arguments_are_a_question_for_help(headrace):
    assert headrace().code == 2
    assert "Usage: headrace" in headrace().err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(headrace, words):
    shown = headrace(*words, "--help")

    assert shown.code == 0
    assert f"Usage: headrace {' '.join(words)}" in shown.out
    for parameter in COMMANDS[words].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in shown.out
            assert parameter.help


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_can_print_json_and_tell_more(words):
    options = {option for parameter in COMMANDS[words].params for option in parameter.opts}

    assert {"--json", "--verbose"} <= options


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_refuses_an_option_that_it_does_not_know(headrace, words):
    refused = headrace(*words, "--nonsense")

    assert (refused.code, refused.out) == (2, "")
    assert "--nonsense" in refused.err


def test_a_misspelt_command_is_told_with_the_one_that_was_meant(headrace):
    for words, meant in ((["rnu"], "run"), (["queue", "lsit"], "list"), (["chek"], "check")):
        refused = headrace(*words)
        assert refused.code == 2
        assert f"did you mean {meant}?" in refused.err


def test_a_command_like_no_other_is_told_with_all(headrace):
    assert "there are demo, run, check" in headrace("xyzzy").err


def test_the_version_is_the_packages(headrace):
    assert headrace("--version").out == f"headrace {version('headrace')}\n"


def test_help_in_the_table_is_what_the_command_says():
    """One line each: short enough not to wrap on a narrow terminal."""
    for table in (main.COMMANDS, queue.COMMANDS):
        for lazy in table.values():
            assert lazy.help.endswith(".")
            assert len(lazy.help) < 60


@pytest.mark.integration
def test_help_loads_click_and_next_to_nothing_of_ours():
    """So that it costs what click costs: under twelve times an empty Python, by a wide margin."""
    program = (
        "import sys\nfrom headrace.cli.main import execute\nexecute(sys.argv[1:])\n"
        "print(*sorted(each for each in sys.modules if each.startswith('headrace')), file=sys.stderr)"
    )

    for arguments in ([], ["--help"], ["--version"]):
        run = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert run.stderr.splitlines()[-1].split() == [
            *("headrace", "headrace.cli", "headrace.cli.command", "headrace.cli.lazy_group"),
            *("headrace.cli.main", "headrace.errors"),
        ]


# --- the boundary ---


def ended_with(monkeypatch, headrace, error, *arguments):
    """Run a command that raises *error*."""

    def raising(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("headrace.store.writer.Store.open", raising)
    return headrace("queue", "list", *arguments)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StoreUnavailableError("the disk is full"), 1),
        (errors.StoreRefusedError("it is damaged"), 2),
        (errors.QueueNotFoundError("no queue"), 2),
        (errors.FunctionUnavailableError("no interpreter"), 2),
        (errors.MissingExtraError("headrace[kafka]"), 2),
        (errors.NotIdleError("stuck"), 1),
        (ConfigurationError([Problem("--bind x", "wrong")]), 2),
        (ExceptionGroup("several", [errors.StoreUnavailableError("full")]), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_person_can_mend_is_told_without_a_traceback(monkeypatch, headrace, error, code):
    ended = ended_with(monkeypatch, headrace, error)

    assert (ended.code, ended.out) == (code, "")
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) == 1


def test_with_verbose_the_traceback_is_shown_as_well(monkeypatch, headrace):
    ended = ended_with(monkeypatch, headrace, errors.StoreError("broken"), "--verbose")

    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1] == "headrace: broken"


def test_a_mistake_of_ours_is_shown_whole(monkeypatch, headrace):
    ended = ended_with(monkeypatch, headrace, ZeroDivisionError("oh"))

    assert ended.code == 1
    assert "ZeroDivisionError: oh" in ended.err
    assert "this is a mistake in Headrace" in ended.err


def test_notes_on_an_error_are_told(monkeypatch, headrace):
    error = errors.StoreError("broken")
    error.add_note("3 messages sent before that")

    assert "headrace: 3 messages sent before that" in ended_with(monkeypatch, headrace, error).err


def test_an_error_cannot_reach_the_terminal(monkeypatch, headrace):
    ended = ended_with(monkeypatch, headrace, errors.StoreError("\x1b[2J\u202e\nsecond"))

    assert ended.err == "headrace: \\x1b[2J\\u202e\\x0asecond\n"


def test_ctrl_c_ends_a_command_quietly(monkeypatch, headrace):
    ended = ended_with(monkeypatch, headrace, KeyboardInterrupt())

    assert (ended.code, ended.out) == (130, "")
    assert ended.err.split() == ["headrace:", "interrupted"]


def test_problems_of_a_template_have_file_line_path_and_suggestion(capsys):
    problems = [
        Problem("$.Resources.A", "expected a map", "write one", 3),
        Problem("$", "is empty"),
        Problem("--only B", "no such mapping", "did you mean A?"),
    ]

    show(ConfigurationError(problems), Session(template="t.yaml"))

    assert capsys.readouterr().err.splitlines() == [
        "t.yaml:3: $.Resources.A: expected a map",
        "    write one",
        "t.yaml: is empty",
        "--only B: no such mapping",
        "    did you mean A?",
    ]


# --- whole processes ---


def in_process(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "headrace", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **settings,
    )


@pytest.mark.integration
def test_python_dash_m_is_the_command():
    run = in_process("--version")

    assert (run.returncode, run.stdout) == (0, f"headrace {version('headrace')}\n")


@pytest.mark.integration
def test_an_output_that_does_not_take_unicode_gets_escapes(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    in_process("queue", "create", "orders", cwd=tmp_path)
    in_process("queue", "send", "orders", '{"é": "日"}', cwd=tmp_path)

    text = in_process("queue", "peek", "orders", cwd=tmp_path, env=environment)
    as_json = in_process("queue", "peek", "orders", "--json", cwd=tmp_path, env=environment)

    assert (text.returncode, as_json.returncode) == (0, 0)
    assert r'{"\xe9": "\u65e5"}' in text.stdout
    assert r"\u00e9" in as_json.stdout


@pytest.mark.integration
def test_a_closed_output_is_no_traceback(tmp_path):
    in_process("queue", "create", "orders", cwd=tmp_path)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        run = subprocess.run(
            [sys.executable, "-m", "headrace", "queue", "list"],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
            cwd=tmp_path,
            timeout=60,
        )

    assert (run.returncode, run.stderr) == (1, b"")


@pytest.mark.integration
def test_shell_completion_knows_the_commands():
    environment = {
        **os.environ,
        "_HEADRACE_COMPLETE": "bash_complete",
        "COMP_WORDS": "headrace qu",
        "COMP_CWORD": "1",
    }

    run = subprocess.run(
        [sys.executable, "-c", "from headrace.cli.main import main; main()"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (run.returncode, run.stdout) == (0, "plain,queue\n")
