"""What all commands share: their class, the options that several have, and how they end.

Theory of operation. An option's value is what the command line says, else its environment variable, else the line in
``headrace.toml`` beside the template (or, without one, in the working directory), else its default. The variable of
``--drain-seconds`` is ``HEADRACE_DRAIN_SECONDS``; a command in a group has the group's and its own name in it
(``HEADRACE_QUEUE_SEND_DELAY``), save for what `headrace.config.options` lists, which is the same everywhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

STORE_DEFAULT = "headrace.db"
FAILED = 1
"""The exit code of what failed while running."""
WRONG_INPUT = 2
"""The exit code of what a person must write otherwise."""
INTERRUPTED = 130
"""The exit code of what a person broke off, as shells have it."""


@dataclass(slots=True)
class Session:
    """What the boundary in `main` must know of the command that it runs."""

    verbose: bool = False
    template: str = ""
    """The template's path as a person wrote it, to stand before a line number."""


def session_of(ctx: click.Context) -> Session:
    """The session of a command's context."""
    return ctx.ensure_object(Session)


def _note_verbose(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        session_of(ctx).verbose = True


class Command(click.Command):
    """A command of ours: has ``--verbose``, and takes options from the environment and from a file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's signature
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["-v", "--verbose"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_note_verbose,
                help="Log more, and show the traceback of an error.",
            )
        )

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> click.Context:
        """Name the environment variables of a command that stands in no group without its own name."""
        if parent is None or parent.parent is None:
            extra.setdefault("auto_envvar_prefix", "HEADRACE")
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what the command line leaves out from the environment and the file."""
        if not ctx.resilient_parsing:
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            asks_help = self.get_help_option(ctx)
            if asks_help is None or not given.get(str(asks_help.name)):
                template = given.get("template")
                self._take_settings(ctx, template if isinstance(template, str) else "")
        return super().parse_args(ctx, args)

    def _take_settings(self, ctx: click.Context, template: str) -> None:
        from headrace.config.options import load_options

        path = Path(template)
        options = load_options(path if path.is_dir() else path.parent, os.environ)
        wrong = [problem for problem in options.problems if problem.severity == "error"]
        if wrong:
            raise ConfigurationError(wrong)
        for problem in options.problems:
            click.echo(f"warning: {problem}", err=True)
        ctx.default_map = options.default_map()


def store_option(**settings: Any) -> Decorator:  # noqa: ANN401 - click's
    """``--store FILE``."""
    return click.option(
        "--store",
        type=click.Path(path_type=Path),
        default=STORE_DEFAULT,
        show_default="./headrace.db",
        envvar="HEADRACE_STORE",
        metavar="FILE",
        **{"help": "The store's file.", **settings},
    )


json_option = click.option(
    "--json", "json", is_flag=True, help="Print JSON lines instead of text for people."
)


class PairType(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic only in newer releases of click
    """``NAME=VALUE``."""

    name = "pair"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, str]:
        """Split at the first equals sign."""
        if isinstance(value, tuple):
            return value
        name, separator, rest = str(value).partition("=")
        if not separator or not name:
            self.fail(f"expected NAME=VALUE, found {value!r}", param, ctx)
        return name, rest


class SecondsType(click.ParamType):  # type: ignore[type-arg,unused-ignore] # as above
    """A duration: ``90``, ``90s``, ``1.5m``, ``2h``."""

    name = "seconds"

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read the duration."""
        from headrace.cli.durations import seconds_of

        if isinstance(value, (int, float)):
            return value
        seconds = seconds_of(str(value))
        if seconds is None:
            self.fail(f"expected seconds, or such as 90s, 5m or 2h, found {value!r}", param, ctx)
        if self._whole and not seconds.is_integer():
            self.fail(f"expected whole seconds, found {value!r}", param, ctx)
        return int(seconds) if self._whole else seconds


def by_name(ctx: click.Context, option: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The pairs given for *option* by name, on top of those that environment and file give.

    A name that was given two values is refused.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            ctx.fail(f"--{option} says two things of {name}: {found[name]} and {value}")
    lower = (ctx.default_map or {}).get(option, ())
    return {**dict(text.split("=", 1) for text in lower), **found}


def named_option(name: str, *, help: str, metavar: str) -> Decorator:  # noqa: A002 - click's word
    """An option that is given several times as ``NAME=VALUE``; `by_name` reads it."""
    return click.option(
        f"--{name}",
        multiple=True,
        type=PairType(),
        allow_from_autoenv=False,
        metavar=metavar,
        help=help,
    )


template_argument = click.argument("template", metavar="TEMPLATE")
"""A path; it is opened, judged and reported by `headrace.config`."""
