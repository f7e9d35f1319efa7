"""What a function's workers execute, and where."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import FunctionUnavailableError
from headrace.invokers import interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.model.function import FunctionSettings

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True, slots=True)
class Program:
    """A command, its directory and the version of its Python."""

    command: Sequence[str]
    directory: Path
    version: str


def check_code(settings: FunctionSettings) -> None:
    """Raise `FunctionUnavailableError` if the function has no code."""
    if settings.inline_code is None and not settings.code.is_dir():
        raise FunctionUnavailableError(
            f"{settings.logical_id}: no directory {settings.code} with the function's code"
        )


async def prepare(
    settings: FunctionSettings, inherited: Mapping[str, str], scratch: Path
) -> Program:
    """Find the interpreter, ask it what it has, and write inline code below *scratch*.

    AWS's own runtime client is used where the interpreter has it, ours otherwise.
    """
    check_code(settings)
    path = interpreter.find(settings, inherited)
    found = await asyncio.to_thread(interpreter.probe, path)
    client = ["-m", "awslambdaric"] if found.has_awslambdaric else [str(_BOOTSTRAP)]
    return Program(
        command=[found.path, *client, settings.handler],
        directory=_directory(settings, scratch),
        version=".".join(map(str, found.version)),
    )


def _directory(settings: FunctionSettings, scratch: Path) -> Path:
    if settings.inline_code is None:
        return settings.code.absolute()
    directory = Path(tempfile.mkdtemp(prefix="code-", dir=scratch))
    (directory / "index.py").write_text(settings.inline_code, encoding="utf-8")
    return directory


def make_scratch() -> Path:
    """A private directory (0700) for inline code."""
    return Path(tempfile.mkdtemp(prefix="headrace-"))


def remove_scratch(scratch: Path) -> None:
    """Remove it with all that is in it."""
    shutil.rmtree(scratch, ignore_errors=True)
