"""Which Python runs a function, and what it has."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError, FunctionUnavailableError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.model.function import FunctionSettings

_RUNTIME = re.compile(r"python(\d+\.\d+)")
_OLDEST = (3, 9)
_PROBE_SECONDS = 10
# Printed by the interpreter that is asked. The C part is what its platform may lack.
_PROBE = """
import json, sys
try:
    import awslambdaric, runtime_client
    found = True
except Exception:
    found = False
print(json.dumps([list(sys.version_info[:3]), found]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that can run functions."""

    path: str
    version: tuple[int, int, int]
    has_awslambdaric: bool

    @property
    def minor(self) -> str:
        """For example ``3.11``."""
        return f"{self.version[0]}.{self.version[1]}"


def find(settings: FunctionSettings, environ: Mapping[str, str]) -> str:
    """The path of the interpreter for a function, by the first of these that is set.

    ``Metadata.Headrace.Python`` (a path, or a name to look for on PATH), the active virtual environment, the
    interpreter that runs Headrace. Raises `ConfigurationError` for a runtime that is not Python, and
    `FunctionUnavailableError` when the interpreter isn't there.
    """
    check_runtime(settings)
    if settings.python:
        return _named(settings.python, settings.logical_id, environ)
    virtual = environ.get("VIRTUAL_ENV")
    if virtual:
        inside = Path(virtual, "bin", "python")
        if inside.exists():
            return str(inside)
    if not sys.executable:
        raise FunctionUnavailableError(
            "This Python does not know its own interpreter: set Metadata.Headrace.Python"
        )
    return sys.executable


def check_runtime(settings: FunctionSettings) -> None:
    """Refuse what worker processes can't run yet."""
    if not settings.runtime.startswith("python"):
        raise ConfigurationError(
            [
                Problem(
                    path=f"$.Resources.{settings.logical_id}.Properties.Runtime",
                    message=f"expected a Python runtime, got {settings.runtime!r}: only Python runtimes run here for now",
                    suggestion="leave the function out, or set Runtime to python3.9 or later",
                )
            ]
        )


def _named(name: str, logical_id: str, environ: Mapping[str, str]) -> str:
    found = shutil.which(Path(name).expanduser(), path=environ.get("PATH"))
    if found is None:
        raise FunctionUnavailableError(
            f"{logical_id}: no interpreter {name!r} (Metadata.Headrace.Python)"
        )
    return str(Path(found).absolute())


def probe(path: str) -> Interpreter:
    """Ask an interpreter what it is; blocks for some 50 ms the first time, then remembers.

    Raises `FunctionUnavailableError` for what is no Python that can run functions.
    """
    return _probe(path, _modified(path))


def _modified(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError as error:
        raise FunctionUnavailableError(f"no interpreter at {path}: {error.strerror}") from error


@functools.lru_cache(maxsize=64)
def _probe(path: str, _modified_at: float) -> Interpreter:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")}
    try:
        answer = subprocess.run(  # noqa: S603 - an interpreter that the user named
            [path, "-c", _PROBE],
            capture_output=True,
            check=True,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
        )
        version, has_awslambdaric = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise FunctionUnavailableError(
            f"{path} does not answer as a Python does: {error}"
        ) from error
    major, minor, micro = version
    if (major, minor) < _OLDEST:
        raise FunctionUnavailableError(
            f"{path} is Python {major}.{minor}: functions need {_OLDEST[0]}.{_OLDEST[1]} or later"
        )
    return Interpreter(path, (major, minor, micro), has_awslambdaric)


def problems(settings: FunctionSettings, found: Interpreter) -> list[Problem]:
    """What a person should know: a warning if the interpreter is not the one that ``Runtime`` names."""
    wanted = _RUNTIME.fullmatch(settings.runtime)
    if wanted is None or wanted[1] == found.minor:
        return []
    return [
        Problem(
            path=f"$.Resources.{settings.logical_id}.Properties.Runtime",
            message=f"Runtime is {settings.runtime}, the interpreter here is Python {found.minor} ({found.path})",
            suggestion="name another under Metadata.Headrace.Python, or activate a virtual environment",
            severity="warning",
        )
    ]
