"""The generated part of ``docs/reference/cli.md``: every command and option, from their declarations."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from headrace.cli.main import cli
from headrace.config.options import NAMED, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYWHERE = {"json", "verbose", "help"}
"""Options that every command has: said once, at the top of the page."""


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that name it."""
    yield from _leaves(cli, ())


def _leaves(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def page() -> str:
    """All commands, one section each."""
    return "\n".join(_section(words, command) for words, command in commands())


def _section(words: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=f"headrace {' '.join(words)}")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    lines = [f"## headrace {' '.join(words)}", "", "```text", usage, "```", "", text, ""]
    options = [
        option
        for option in command.params
        if isinstance(option, click.Option) and option.name not in EVERYWHERE
    ]
    if options:
        lines += ["| Option | | Variable |", "| --- | --- | --- |"]
        lines += [_row(words, option) for option in options]
        lines.append("")
    return "\n".join(lines)


def _row(words: tuple[str, ...], option: click.Option) -> str:
    context = click.Context(click.Command("x"))
    metavar = "" if option.is_flag else f" {option.make_metavar(context)}"
    name = _escaped(f"{option.opts[-1]}{metavar}")
    return f"| `{name}` | {_escaped(option.help or '')} | {variable(words, option)} |"


def variable(words: tuple[str, ...], option: click.Option) -> str:
    """The environment variable of an option, as Markdown."""
    name = option.opts[-1].removeprefix("--")
    if name in NAMED:
        return f"`HEADRACE_{name.upper()}_NAME`"
    by_name = {each.name: each.variable for each in OPTIONS}
    place = "_".join(words) + "_" if len(words) > 1 else ""
    return f"`{by_name.get(name, f'HEADRACE_{place}{option.name}'.upper())}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
