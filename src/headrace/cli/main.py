"""The command ``headrace``: its commands by name, and the one place where an error ends a command.

Theory of operation. Nothing is imported here but click: a command's module is imported when that command is asked for. This is one
of the three places that catch every exception. What a person can mend is told in plain lines without a traceback (with one
under ``--verbose``); anything else is a bug of ours and shown whole.

Exit codes: 0 done, 1 failed while running, 2 wrong input or usage, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from headrace.cli.command import FAILED, INTERRUPTED, Session
from headrace.cli.lazy_group import LazyCommand, LazyGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "demo": LazyCommand("headrace.cli.demo:demo", "Show the whole story in a minute."),
    "run": LazyCommand("headrace.cli.run:run", "Run a template's event source mappings."),
    "check": LazyCommand("headrace.cli.check:check", "Find every mistake in a template."),
    "queue": LazyCommand("headrace.cli.queue:queue", "Make, fill, watch and empty queues."),
    "invoke": LazyCommand("headrace.cli.invoke:invoke", "Invoke one function once."),
    "doctor": LazyCommand("headrace.cli.doctor:doctor", "Tell what this machine has."),
}


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        from importlib.metadata import version

        click.echo(f"headrace {version('headrace')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={
        "auto_envvar_prefix": "HEADRACE",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog="Results go to standard output, everything else to standard error. Exit code 0: done, "
    "1: failed while running, 2: wrong input or usage, 130: interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def cli() -> None:
    """Headrace runs event source mappings anywhere: source to function, by AWS Lambda's rules.

    Begin with `headrace demo`, or with `headrace check template.yaml`.
    """


def main() -> None:
    """Run the command that this process was started with, and exit."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Nothing is raised."""
    session = Session()
    try:
        code = _execute(arguments, session)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough. The interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: told to a person there
        return _end_with(error, session)
    return code


def _execute(arguments: Sequence[str], session: Session) -> int:
    try:
        code = cli.main(
            args=list(arguments), prog_name="headrace", standalone_mode=False, obj=session
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit as end:  # click has met a broken pipe, or was asked for shell completion
        return end.code if isinstance(end.code, int) else FAILED
    return code if isinstance(code, int) else 0


def _end_with(error: Exception, session: Session) -> int:
    from headrace.cli import failures

    return failures.show(error, session)


def _tell(text: str) -> None:
    sys.stderr.write(f"headrace: {text}\n")
