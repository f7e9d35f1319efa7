"""Time and chance are given to the core, never taken by it: so it runs on a virtual clock.

Lint bans the worst of these names everywhere. In the core the list is longer, for there not even a
good reason counts: a simulation that reads one real clock can't be repeated.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.tree import PACKAGE, modules, name, syntax

# What decides and what drives. Adapters, aio and the command line meet the real world.
CORE = {"abc.py", "config", "control", "engine", "errors.py", "filters", "model", "policy"}

TAKEN = {
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "asyncio.to_thread",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.getrandom",
    "os.urandom",
    "random.SystemRandom",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.process_time",
    "time.sleep",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
}

# The one thing of `random` that may be named: a generator that somebody else seeded.
GIVEN = {"random.Random"}


def test_the_core_takes_neither_time_nor_chance():
    taken = [
        f"{name(path)}:{line}: {dotted}"
        for path in modules()
        if path.relative_to(PACKAGE).parts[0] in CORE
        for line, dotted in dotted_names(path)
        if is_taken(dotted)
    ]

    assert taken == [], "take a Clock, a random.Random, an id from the caller"


def is_taken(dotted: str) -> bool:
    if dotted in GIVEN:
        return False
    return dotted in TAKEN or dotted.startswith(("random.", "secrets."))


def dotted_names(path: Path) -> list[tuple[int, str]]:
    """Name everything a file uses in full, whatever it was imported as."""
    tree = syntax(path)
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return [
        (node.lineno, full)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and (full := in_full(node, known))
    ]


def in_full(node: ast.expr, known: dict[str, str]) -> str:
    match node:
        case ast.Name(id=short):
            return known.get(short, "")
        case ast.Attribute(value=inner, attr=attribute) if before := in_full(inner, known):
            return f"{before}.{attribute}"
        case _:
            return ""
