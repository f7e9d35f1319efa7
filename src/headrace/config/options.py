"""Options that differ from place to place: ``headrace.toml`` beside the template, and ``HEADRACE_…`` variables.

A flag of the command line comes before a variable, a variable before the file. This module reads the two lower
ones; `Options.default_map` hands them to click, which puts its flags on top. It imports nothing that is slow.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from headrace.config.nodes import path_part, shown
from headrace.config.suggestions import did_you_mean, nearest
from headrace.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE_NAME = "headrace.toml"
VARIABLE_PREFIX = "HEADRACE_"

_BYTES_MAX = 65_536
_LIKENESS = 0.8
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,6})?(ms|s|m|h|d)?")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_EXPECTED = {
    "text": "a string",
    "path": "a path",
    "flag": "true or false",
    "count": "an integer of at least 1",
    "seconds": 'a number of seconds, or such as "8s"',
}


class Option(NamedTuple):
    """One option: its name as a flag without dashes, what it holds, and what it is for."""

    name: str
    kind: Literal["text", "path", "flag", "count", "seconds"]
    help: str
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable of the option."""
        return VARIABLE_PREFIX + self.name.replace("-", "_").upper()

    @property
    def expected(self) -> str:
        """What the option may hold, in words."""
        return " or ".join(self.choices) or _EXPECTED[self.kind]


OPTIONS = (
    Option("store", "path", "The file of the embedded store."),
    Option("local", "flag", "Bind every declared queue to the store."),
    Option("max-workers", "count", "How many workers run at most, for all functions together."),
    Option("drain-seconds", "seconds", "How long a stop waits for what runs."),
    Option("timeout", "seconds", "How long `run --until-idle` waits without a success."),
    Option("until-idle", "flag", "Stop when every mapped queue is empty."),
    Option("status", "text", "The address that serves health, readiness and metrics."),
    Option("env-vars", "path", "A file with environment variables for functions, in SAM's format."),
    Option("aws", "flag", "Let functions and sources reach AWS."),
    Option("region", "text", "The region that a template's AWS::Region and the ARNs name."),
    Option("log-format", "text", "How log lines are written.", ("text", "json")),
    Option("log-level", "text", "What is logged.", ("debug", "info", "warning", "error")),
)
"""Every option that may stand in the file or the environment."""

NAMED = {
    "parameter": "The value of a template's parameter, by its name.",
    "bind": "The address that a declared queue is bound to, by its logical id.",
}
"""Options that are given by name, as ``--parameter NAME=VALUE``: tables of the file."""

_BY_NAME = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Options:
    """What file and environment say. ``origins`` tells for each option where its value comes from."""

    values: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def default_map(self, commands: Iterable[str] = ()) -> dict[str, object]:
        """Return the values as click's ``default_map``, under each of *commands* (``queue send`` is nested).

        Without *commands* it is the map of one command. Keys are click's parameter names; a value is a
        string as a variable would hold it, or a flag; ``parameter`` and ``bind`` are lists of ``NAME=VALUE``.
        """
        own: dict[str, object] = {
            name.replace("-", "_"): value if isinstance(value, bool) else str(value)
            for name, value in self.values.items()
        }
        for key, named in (("parameter", self.parameters), ("bind", self.bindings)):
            if named:
                own[key] = [f"{name}={value}" for name, value in named.items()]
        nested: dict[str, object] = {}
        for command in commands:
            inner: dict[str, object] = nested
            for word in command.split():
                below = inner.setdefault(word, {})
                assert isinstance(below, dict)  # noqa: S101 - only maps are put here
                inner = below
            inner.update(own)
        return nested or own


def load_options(directory: Path, environ: Mapping[str, str]) -> Options:
    """Read ``headrace.toml`` in *directory*, where there is one, and *environ*, which comes first.

    A path in the file is relative to *directory*. What is wrong is in ``problems``; an unknown variable is
    a warning, and only if it looks like one of ours.
    """
    reader = _Reader(directory)
    reader.read_file(directory / FILE_NAME)
    reader.read_environment(environ)
    return Options(
        values=reader.values,
        parameters=reader.named["parameter"],
        bindings=reader.named["bind"],
        origins=reader.origins,
        problems=tuple(reader.problems),
    )


class _Reader:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._text = ""
        self.values: dict[str, str | int | float | bool] = {}
        self.named: dict[str, dict[str, str]] = {name: {} for name in NAMED}
        self.origins: dict[str, str] = {}
        self.problems: list[Problem] = []

    def read_file(self, path: Path) -> None:
        """Take what the file *path* says, if there is one."""
        try:
            content = path.read_bytes() if path.is_file() else b""
            self._text = content[: _BYTES_MAX + 1].decode("utf-8-sig")
            found = tomllib.loads(self._text) if len(content) <= _BYTES_MAX else None
        except (OSError, ValueError, RecursionError) as error:
            line = re.search(r"line (\d+)", str(error))
            message = getattr(error, "strerror", None) or str(error)
            self._note(FILE_NAME, message, line=int(line[1]) if line else None)
            return
        if found is None:
            self._note(FILE_NAME, f"expected at most {_BYTES_MAX:,} bytes, it is larger")
            return
        for name, value in found.items():
            self._take_entry(name, value)

    def _take_entry(self, name: str, value: object) -> None:
        line = self._line_of(name)
        path = f"{FILE_NAME}:{path_part(name)}"
        if name in NAMED:
            self._take_table(name, value, line)
        elif name not in _BY_NAME:
            suggestion = did_you_mean(name, [*_BY_NAME, *NAMED])
            self._note(path, "unknown option", suggestion, line=line)
        elif (taken := _taken(_BY_NAME[name], value)) is None:
            message = f"expected {_BY_NAME[name].expected}, got {shown(value)}"
            self._note(path, message, line=line)
        else:
            is_path = _BY_NAME[name].kind == "path"
            self.values[name] = str(self._directory / str(taken)) if is_path else taken
            self.origins[name] = f"{FILE_NAME}:{line}" if line else FILE_NAME

    def _take_table(self, table: str, value: object, line: int | None) -> None:
        if not isinstance(value, dict):
            message = f"expected a table, such as [{table}], got {shown(value)}"
            self._note(f"{FILE_NAME}:{table}", message, line=line)
            return
        for name, entry in value.items():
            own_line = self._line_of(name, table)
            if isinstance(entry, (str, int, float)):
                text = str(entry).lower() if isinstance(entry, bool) else str(entry)
                self.named[table][name] = text
                self.origins[f"{table}.{name}"] = f"{FILE_NAME}:{own_line}"
            else:
                path = f"{FILE_NAME}:{table}.{path_part(name)}"
                self._note(path, f"expected a string, got {shown(entry)}", line=own_line)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Take what the variables of *environ* say."""
        by_variable = {option.variable: option for option in OPTIONS}
        for variable in sorted(environ):
            if variable in by_variable:
                self._take_variable(by_variable[variable], variable, environ[variable])
            elif variable.startswith(VARIABLE_PREFIX) and not self._is_named(variable, environ):
                self._note_like(variable, by_variable)

    def _note_like(self, variable: str, known: Iterable[str]) -> None:
        # The prefix is common to all: what follows must be alike.
        by_name = {each.removeprefix(VARIABLE_PREFIX): each for each in known}
        meant = nearest(variable.removeprefix(VARIABLE_PREFIX), by_name, likeness=_LIKENESS)
        if meant:
            suggestion = f"did you mean {by_name[meant]}?"
            self.problems.append(
                Problem(variable, "unknown variable", suggestion, severity="warning")
            )

    def _take_variable(self, option: Option, variable: str, text: str) -> None:
        taken = _taken(option, text) if text else None
        if taken is not None:
            self.values[option.name] = taken
            self.origins[option.name] = variable
        elif text:
            self._note(variable, f"expected {option.expected}, got {shown(text)}")

    def _is_named(self, variable: str, environ: Mapping[str, str]) -> bool:
        """Take a variable such as ``HEADRACE_PARAMETER_Stage``."""
        for table in NAMED:
            prefix = f"{VARIABLE_PREFIX}{table.upper()}_"
            if variable.startswith(prefix):
                name = variable.removeprefix(prefix)
                self.named[table][name] = environ[variable]
                self.origins[f"{table}.{name}"] = variable
                return True
        return False

    def _note(
        self, path: str, message: str, suggestion: str = "", *, line: int | None = None
    ) -> None:
        self.problems.append(Problem(path, message, suggestion, line))

    def _line_of(self, name: str, table: str = "") -> int | None:
        """The line on which *name* is set; the standard library's reader doesn't tell."""
        for number, (within, key) in _keys(self._text):
            if (within, key) == (table, name) or (not table and within == name):
                return number
        return None


def _keys(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Each line that begins a table or sets a key: its number, the table and the key."""
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([\w-]{1,80})\s*\]", line)
        key = re.match(r"\s*[\"']?([\w.:-]{1,80})[\"']?\s*=", line)
        if header:
            table = header[1]
            yield number, (table, "")
        elif key:
            first, dot, rest = key[1].partition(".")
            yield number, (first, rest) if dot and not table else (table, key[1])


def _taken(option: Option, value: object) -> str | int | float | bool | None:
    """*value* as the option holds it; None where it can't."""
    if option.kind == "flag":
        return _flag(value)
    if isinstance(value, bool):
        return None
    if option.kind == "count":
        return _count(value)
    if option.kind == "seconds":
        return value if _SECONDS.fullmatch(str(value)) else None  # type: ignore[return-value]
    if isinstance(value, str) and value and value.isprintable():
        return value if not option.choices or value in option.choices else None
    return None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def _count(value: object) -> int | None:
    if isinstance(value, (int, str)) and re.fullmatch(r"[0-9]{1,6}", str(value)) and int(value) > 0:
        return int(value)
    return None
