"""``headrace doctor``: what this machine has, and what would be in the way."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from headrace.cli.command import FAILED, Command, json_option, store_option
from headrace.cli.output import print_json, print_line, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERPRETERS = ("python3", *(f"python3.{minor}" for minor in range(9, 16)))


@click.command(cls=Command)
@store_option(help="The store to look at; it is not changed.")
@json_option
def doctor(*, store: Path, json: bool) -> int:
    """Tell versions, whether SQLite is sound, the store's file system, and which runtimes and extras are there.

    The exit code is 1 if something would stop Headrace from running well here.
    """
    found = _examine(store)
    if json:
        print_json({**found.facts, "problems": found.problems})
    else:
        _print(found)
    return FAILED if found.problems else 0


class Findings(NamedTuple):
    """What was found, and what of it is bad."""

    facts: dict[str, Any]
    problems: list[str]


def _examine(store: Path) -> Findings:
    import apsw

    from headrace.store.file import sqlite_verdict

    problems: list[str] = []
    sqlite, is_sound = sqlite_verdict()
    if not is_sound:
        problems.append(
            f"SQLite {sqlite} can corrupt a file that two processes write (fixed in 3.51.3): install apsw 3.54 or later"
        )
    runtimes = list(_runtimes())
    facts: dict[str, Any] = {
        "headrace": metadata.version("headrace"),
        "python": {"version": platform.python_version(), "path": sys.executable},
        "platform": platform.platform(),
        "apsw": apsw.apsw_version(),
        "sqlite": {"version": sqlite, "walResetBugFixed": is_sound},
        "store": _store(store, problems),
        "runtimes": runtimes,
        "extras": _extras(),
    }
    if not runtimes:
        problems.append("no Python found that could run functions")
    return Findings(facts, problems)


def _store(path: Path, problems: list[str]) -> dict[str, Any]:
    from headrace.store.file import describe
    from headrace.store.filesystem import is_network

    found = describe(path)
    network = is_network(found.file_system)
    if network:
        problems.append(
            f"{found.path} lies on a network file system ({found.file_system}), where a store is refused: use a local disk"
        )
    elif found.refused is not None:
        problems.append(found.refused)
    return {
        "path": str(found.path),
        "exists": found.exists,
        "fileSystem": found.file_system or "unknown",
        "isNetwork": network,
        "bytes": found.bytes,
        "walBytes": found.wal_bytes,
        "schemaVersion": found.schema_version,
        "refused": found.refused,
    }


def _runtimes() -> Iterator[dict[str, Any]]:
    """Each Python on the path, and the one that runs this, once."""
    from headrace.errors import FunctionUnavailableError
    from headrace.invokers.interpreter import probe

    candidates = [sys.executable, *(shutil.which(name) for name in INTERPRETERS)]
    seen = set()
    for path in candidates:
        if not path or (real := Path(path).resolve(), Path(path).parent) in seen:
            continue
        seen.add((real, Path(path).parent))
        try:
            found = probe(path)
        except FunctionUnavailableError:
            continue
        yield {
            "path": path,
            "version": ".".join(str(part) for part in found.version),
            "awslambdaric": found.has_awslambdaric,
        }


def _extras() -> dict[str, bool]:
    """Which of the package's extras have all that they need."""
    found = dict.fromkeys(metadata.metadata("headrace").get_all("Provides-Extra") or [], True)
    for requirement in metadata.requires("headrace") or []:
        name, _, condition = requirement.partition(";")
        for extra in found:
            if f'extra == "{extra}"' in condition.replace("'", '"'):
                found[extra] = found[extra] and _is_installed(name)
    return found


def _is_installed(requirement: str) -> bool:
    name = requirement.strip()
    for stop in "<>=!~ [(":
        name = name.partition(stop)[0]
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _print(found: Findings) -> None:
    facts = found.facts
    store = facts["store"]
    sound = "sound" if facts["sqlite"]["walResetBugFixed"] else "NOT SOUND"
    state = (
        f"schema {store['schemaVersion']}, {store['bytes']:,} bytes"
        if store["exists"]
        else "not made yet"
    )
    lines = [
        ("headrace", facts["headrace"]),
        ("Python", f"{facts['python']['version']}  {facts['python']['path']}"),
        ("platform", facts["platform"]),
        ("SQLite", f"{facts['sqlite']['version']} (apsw {facts['apsw']}): {sound}"),
        ("store", f"{store['path']}: {state}"),
        ("file system", store["fileSystem"]),
    ]
    for runtime in facts["runtimes"]:
        client = "awslambdaric" if runtime["awslambdaric"] else "own bootstrap"
        lines.append(("runtime", f"Python {runtime['version']}  {runtime['path']}  {client}"))
    for extra, is_there in facts["extras"].items():
        lines.append(("extra", f"{extra}: {'installed' if is_there else 'not installed'}"))
    for name, value in lines:
        print_line(f"{name:12}  {safe(str(value))}")
    for problem in found.problems:
        print_line(f"PROBLEM       {safe(problem)}")
    if not found.problems:
        print_line("all well")
