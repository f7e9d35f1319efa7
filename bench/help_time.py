"""How long `headrace --help` takes, against an interpreter that does nothing.

By the clock, started in turn and taken in pairs: what counts is how it feels. The CPU of the same runs stands beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.calibration import calibrate
from bench.harness import Row, in_turn, row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.harness import Options

TIMES = 10
TARGET = 12
COMMANDS = {
    "nothing": [sys.executable, "-c", "pass"],
    "help": [str(Path(sys.executable).with_name("headrace")), "--help"],
    "package": [sys.executable, "-c", "import headrace"],
}


def measure(options: Options) -> list[Row]:
    """Start each command some times a round."""
    outcomes = in_turn(options, {"starts": lambda: starts(options.size(TIMES, 2))})["starts"]
    bound = Row("headrace --help / python -c pass, by the clock", "x", TARGET, at_most=True)
    return [
        row_of(bound, outcomes, "wall_ratio"),
        row_of(Row("the same, CPU", "x"), outcomes, "cpu_ratio"),
        row_of(Row("headrace --help", "ms", scaling="cost"), outcomes, "help_ms"),
        row_of(Row("python -c pass", "ms", scaling="cost"), outcomes, "nothing_ms"),
        row_of(Row("python -c 'import headrace'", "ms", scaling="cost"), outcomes, "package_ms"),
    ]


def starts(times: int) -> dict[str, float]:
    """Start all commands *times* times in turn."""
    calibration = calibrate()
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(times):
        for name, command in COMMANDS.items():
            seconds, used = start(command)
            wall[name].append(seconds)
            cpu[name].append(used)
    middle = {name: statistics.median(values) for name, values in wall.items()}
    used_middle = {name: statistics.median(values) for name, values in cpu.items()}
    return {
        "wall_ratio": middle["help"] / middle["nothing"],
        "cpu_ratio": used_middle["help"] / used_middle["nothing"],
        **{f"{name}_ms": seconds * 1000 for name, seconds in middle.items()},
        "calibration_ms": calibration,
    }


def start(command: Sequence[str]) -> tuple[float, float]:
    """Run *command* to its end; returns its seconds by the clock and of CPU."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return seconds, usage.ru_utime + usage.ru_stime
