"""Every named durable step is killed once, before its commit and after it. A point that never fires fails the test."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import headrace
from headrace.aio import failpoints
from headrace.producer import Queue
from headrace.store.writer import Store
from headrace.testing.history import Phase, What, digest
from tests.kill.rig import (
    ALL_WELL,
    DEAD_LETTERS,
    PATIENCE_SECONDS,
    QUEUE,
    Rig,
    environment,
    name_of,
    peeked,
)
from tests.kill.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SETTINGS = Settings(
    visibility_seconds=2,
    timeout_seconds=2,
    attempts_max=2,
    workers=2,
    work_seconds_max=0.05,
    slow_seconds=1.5,
)
OLD_SECONDS = 800
DELAY_SECONDS = 900
KILLED = -signal.SIGKILL


def declared() -> dict[str, str]:
    """Every failpoint, once the modules that declare one are imported."""
    source = Path(headrace.__file__).parent
    for path in source.rglob("*.py"):
        if any(
            word in path.read_text(encoding="utf-8")
            for word in ("declare_step(", "failpoints.declare(")
        ):
            importlib.import_module(
                ".".join(("headrace", *path.relative_to(source).with_suffix("").parts))
            )
    return failpoints.POINTS


POINTS = sorted(declared())


class OldClock:
    """A clock that is slow by some minutes: what it stamps is old at once."""

    def now(self) -> float:
        return time.time() - OLD_SECONDS  # noqa: TID251 - the wall clock of this test's queue


def engine_dies(rig: Rig, failpoint: str, weights: Mapping[str, float], count: int = 40) -> None:
    """Let an engine work until it reaches the point."""
    assert rig.produce(count, weights) == 0
    engine = rig.start_engine(failpoint=failpoint)
    engine.process.wait(PATIENCE_SECONDS)
    rig.note_killed(engine)


def command_dies(rig: Rig, failpoint: str, *words: str) -> None:
    """Let a command reach the point, then run it again to its end."""
    for armed in (failpoint, ""):
        command = [sys.executable, "-m", "headrace", *words, "--store", str(rig.store)]
        run = subprocess.run(
            command,
            env=environment(armed),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert run.returncode == (KILLED if armed else 0), run.stderr.decode()


def kill_at_send(rig: Rig, point: str) -> None:
    code = rig.produce(200, failpoint=f"{point}:3")
    assert code == KILLED
    rig.recorder.record(What.KILL, role="producer", target=rig.producers[-1].pid)
    assert rig.produce(20) == 0


def kill_at_receive(rig: Rig, point: str) -> None:
    engine_dies(rig, f"{point}:2", ALL_WELL)


def kill_at_delete(rig: Rig, point: str) -> None:
    engine_dies(rig, f"{point}:2", ALL_WELL)


def kill_at_extend(rig: Rig, point: str) -> None:
    engine_dies(rig, point, {"slow": 1}, 4)


def kill_at_release(rig: Rig, point: str) -> None:
    """What fails after its visibility was extended is given back."""
    engine_dies(rig, point, {"slow always": 1}, 4)


def kill_at_dead_letter(rig: Rig, point: str) -> None:
    engine_dies(rig, point, {"always": 1}, 10)


def kill_at_create_queue(rig: Rig, point: str) -> None:
    """The rig has made its queues: this engine finds other settings, and changes them."""
    rig.settings = replace(rig.settings, attempts_max=3)
    engine_dies(rig, point, ALL_WELL)


def kill_at_expire(rig: Rig, point: str) -> None:
    """Messages that are older than the retention period, and delayed, so that no receive finds them first."""
    rig.settings = replace(rig.settings, retention_seconds=60)
    bodies = [f'{{"name": "old-{number}", "do": "nothing"}}' for number in range(10)]
    names = [name_of(body) for body in bodies]
    rig.recorder.record(What.PRODUCE, phase=Phase.INVOKED, records=names)
    with Store.open(rig.store, clock=OldClock()) as store:
        Queue(QUEUE, store=store).send_many(bodies, delay=DELAY_SECONDS)
    rig.recorder.record(What.PRODUCE, records=names, digests=[digest(body) for body in bodies])
    engine_dies(rig, point, ALL_WELL, 20)
    rig.recorder.record(What.FILTER, name="retention", records=names)


def kill_at_redrive(rig: Rig, point: str) -> None:
    """Dead letters go back whole: each is in one of the two queues, whenever the command dies."""
    names = dead_letters(rig)
    command_dies(rig, point, "queue", "redrive", DEAD_LETTERS)
    assert sorted(names_in(rig, QUEUE)) == sorted(names)
    assert names_in(rig, DEAD_LETTERS) == []
    # They begin anew; for the checker that is a second life, which it does not know.
    command_dies_not(rig, "queue", "purge", QUEUE, "--yes")


def kill_at_purge(rig: Rig, point: str) -> None:
    dead_letters(rig)
    command_dies(rig, point, "queue", "purge", DEAD_LETTERS, "--yes")
    assert names_in(rig, DEAD_LETTERS) == []


def kill_at_delete_queue(rig: Rig, point: str) -> None:
    command_dies_not(rig, "queue", "create", "side")
    command_dies_not(rig, "queue", "send", "side", "one", "two")
    words = [
        sys.executable,
        "-m",
        "headrace",
        "queue",
        "delete",
        "side",
        "--yes",
        "--store",
        str(rig.store),
    ]
    first = subprocess.run(words, env=environment(point), capture_output=True, check=False)
    again = subprocess.run(words, env=environment(), capture_output=True, check=False)
    assert first.returncode == KILLED, first.stderr
    assert again.returncode == (0 if "before" in point else 2), again.stderr
    assert rig.produce(20) == 0


SCENARIOS: dict[str, Callable[[Rig, str], None]] = {
    "store.create_queue": kill_at_create_queue,
    "store.delete": kill_at_delete,
    "store.delete_queue": kill_at_delete_queue,
    "store.dead_letter": kill_at_dead_letter,
    "store.expire": kill_at_expire,
    "store.extend": kill_at_extend,
    "store.purge": kill_at_purge,
    "store.receive": kill_at_receive,
    "store.redrive": kill_at_redrive,
    "store.release": kill_at_release,
    "store.send": kill_at_send,
}
"""How a step is reached, by the first two parts of its name."""


def test_every_declared_step_has_a_way_to_be_reached():
    assert {point.rpartition(".")[0] for point in POINTS} == SCENARIOS.keys()


@pytest.mark.kill
@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_a_durable_step_loses_nothing(point, tmp_path):
    with Rig(tmp_path, SETTINGS) as rig:
        SCENARIOS[point.rpartition(".")[0]](rig, point)
        report = rig.finish()

    assert report.valid, report
    assert report.kills or point.startswith(("store.redrive", "store.purge", "store.delete_queue"))


def command_dies_not(rig: Rig, *words: str) -> None:
    command = [sys.executable, "-m", "headrace", *words, "--store", str(rig.store)]
    subprocess.run(command, env=environment(), capture_output=True, check=True)


def names_in(rig: Rig, queue: str) -> list[str]:
    with Store.open(rig.store, create=False) as store:
        return [name_of(message.body) for message in peeked(store, queue)]


def dead_letters(rig: Rig) -> list[str]:
    """Make some dead letters and note them; returns their names."""
    assert rig.produce(10, {"always": 1}) == 0
    report = rig.finish()
    assert report.valid, report
    names = names_in(rig, DEAD_LETTERS)
    assert len(names) == 10
    return names
