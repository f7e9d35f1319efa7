"""Find and watch processes by what the kernel says of them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Process(NamedTuple):
    """A process that can't be mistaken for a later one with the same number."""

    pid: int
    started: int
    """Clock ticks between the start of the machine and that of the process."""

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        found = _stat(self.pid)
        return found is not None and found[0] not in "ZX" and found[2] == self.started


def with_environment(*entries: str) -> list[Process]:
    """The living processes with all *entries* (``NAME=value``) in their environment."""
    wanted = {entry.encode() for entry in entries}
    found = []
    for directory in PROC.iterdir():
        if directory.name.isdecimal():
            with contextlib.suppress(OSError):
                if wanted.issubset((directory / "environ").read_bytes().split(b"\0")):
                    found += identified([int(directory.name)])
    return found


def descendants(pid: int) -> list[Process]:
    """The living processes below *pid*."""
    children: dict[int, list[int]] = {}
    for directory in PROC.iterdir():
        if directory.name.isdecimal() and (found := _stat(int(directory.name))) is not None:
            children.setdefault(found[1], []).append(int(directory.name))
    below, to_visit = [], [pid]
    while to_visit:
        level = children.get(to_visit.pop(), [])
        below += level
        to_visit += level
    return identified(below)


def identified(pids: list[int]) -> list[Process]:
    """Those of *pids* that are alive, each with its start."""
    found = []
    for pid in pids:
        stat = _stat(pid)
        if stat is not None and stat[0] not in "ZX":
            found.append(Process(pid, stat[2]))
    return found


def survivors(processes: list[Process], seconds: float) -> list[Process]:
    """Those of *processes* that are alive after *seconds*; returns early if none is."""
    deadline = time.monotonic() + seconds
    while alive := [each for each in processes if each.is_alive]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.005)
    return alive


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State, parent and start of a process; None if there is no such."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[19])
