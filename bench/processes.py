"""CPU and memory of running processes, as Linux counts them. `can_look` is false elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def can_look() -> bool:
    """Whether this system tells."""
    return Path("/proc/self/stat").exists()


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a process, all its threads; in nanoseconds where the kernel keeps them, else in ticks."""
    fields = Path(_PROC, str(pid), "stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / _TICKS
    try:
        lines = [task.read_text() for task in Path(_PROC, str(pid), "task").glob("*/schedstat")]
    except OSError:
        return ticks
    # Threads that ended are counted in the ticks alone.
    return max(ticks, sum(int(line.split()[0]) for line in lines) / 1e9)


def children_of(pid: int) -> list[int]:
    """The processes that *pid* started and that live."""
    found = []
    for task in Path(_PROC, str(pid), "task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def tree_of(pid: int) -> list[int]:
    """*pid* and all that come from it."""
    return [pid, *(each for child in children_of(pid) for each in tree_of(child))]


def resident_mb(pid: int) -> float:
    """Resident memory, pages shared with other processes included."""
    for line in Path(_PROC, str(pid), "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
