"""The yardstick: a loop of plain Python that never changes, timed beside every run.

One and the same virtual machine takes between 55 and 110 ms for it, from one minute to the next, and longest when both
halves of a core are busy. So figures of CPU are scaled to what they would be where the loop takes `REFERENCE_MS`; ratios
within one run need no scaling.
"""

from __future__ import annotations

import os
import statistics
import time

REFERENCE_MS = 70.0
_ROUNDS = 180_000
_TIMES = 3
_CORES_MAX = 4


def calibrate() -> float:
    """How many milliseconds of CPU the loop takes now: on each core the median of a few times, and the mean of the cores."""
    if not hasattr(os, "sched_setaffinity"):  # macOS has no say in where it runs
        return _timed()
    allowed = os.sched_getaffinity(0)
    try:
        return statistics.mean(_timed_on(core) for core in sorted(allowed)[:_CORES_MAX])
    finally:
        os.sched_setaffinity(0, allowed)


def _timed_on(core: int) -> float:
    os.sched_setaffinity(0, {core})
    return _timed()


def _timed() -> float:
    taken = []
    for _ in range(_TIMES):
        started = time.thread_time()
        _loop(_ROUNDS)
        taken.append(time.thread_time() - started)
    return statistics.median(taken) * 1000


def _loop(rounds: int) -> int:
    table: dict[str, list[int]] = {}
    total = 0
    for number in range(rounds):
        key = f"key-{number % 997}"
        entry = table.get(key)
        if entry is None:
            entry = table[key] = []
        entry.append(number)
        if len(entry) > 50:
            total += sum(entry)
            entry.clear()
        total ^= hash((key, number)) & 0xFFFF
    return total
