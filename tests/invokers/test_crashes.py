"""A handler that dies, hangs or grows costs one invocation, reads as on Lambda, and harms nobody else."""

from __future__ import annotations

import json
import signal
import time

import pytest

from headrace.aio import tasks
from headrace.model.outcome import Outcome
from tests.invokers.rig import bare_python, is_alive, pids, run, running, wait_gone


@pytest.fixture
def python(tmp_path):
    return bare_python(tmp_path)


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("handler", "event", "reason"),
    [
        ("crashes.hard_exit", 0, "Runtime exited without providing a reason"),
        ("crashes.hard_exit", 1, "Runtime exited with error: exit status 1"),
        ("crashes.segfaults", None, "Runtime exited with error: signal: segmentation fault"),
        ("crashes.aborts", None, "Runtime exited with error: signal: aborted"),
        ("crashes.kills_itself", signal.SIGKILL, "Runtime exited with error: signal: killed"),
        ("crashes.kills_itself", signal.SIGTERM, "Runtime exited with error: signal: terminated"),
        (
            "crashes.raises_keyboard_interrupt",
            None,
            "Runtime exited with error: signal: interrupt",
        ),
    ],
)
def test_a_crash_is_a_function_error_and_the_next_invocation_is_served(
    python, handler, event, reason
):
    async def body():
        async with running(python=python) as rig:
            crashed = await rig.invoke(handler, event, request_id="the-id")
            after = await rig.invoke("plain.echo", "after")
            return crashed, after

    crashed, after = run(body)

    assert crashed.error == (
        Outcome.ERROR,
        "Runtime.ExitError",
        f"RequestId: the-id Error: {reason}",
    )
    assert json.loads(crashed.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: the-id Error: {reason}",
    }
    assert after.payload == b'"after"'


def test_a_crash_does_not_touch_what_runs_beside_it(python):
    async def body():
        async with running(python=python) as rig:
            await rig.invoke("plain.echo", 0)
            crash = tasks.spawn(rig.invoke("crashes.segfaults"), name="crash")
            others = [await rig.invoke("plain.echo", number) for number in range(50)]
            return (await crash).error, others, rig.fleet.statistics().started_total

    error, others, started = run(body)

    assert error is not None
    assert [json.loads(other.payload) for other in others] == list(range(50))
    assert started == 2


@pytest.mark.parametrize(
    "handler",
    ["crashes.hangs", "crashes.hangs_deaf", "crashes.spins", "crashes.holds_the_gil"],
)
def test_a_handler_that_does_not_end_is_killed_at_its_timeout(python, notes, handler):
    async def body():
        async with running(python=python) as rig:
            await rig.invoke("plain.echo")
            began = time.monotonic()
            response = await rig.invoke(
                handler, {"notes": str(notes)}, request_id="the-id", timeout_seconds=0.3
            )
            took = time.monotonic() - began
            return response, took, [is_alive(pid) for pid in pids(notes)]

    response, took, alive = run(body)

    assert response.error == (
        Outcome.TIMED_OUT,
        "Sandbox.Timedout",
        "RequestId: the-id Error: Task timed out after 0.30 seconds",
    )
    assert alive == [False], "answered only when the process is gone"
    assert 0.3 <= took < 3


@pytest.mark.slow
def test_a_timeout_takes_the_whole_family(python, notes):
    """Children, those that left the group, and grandchildren."""

    async def body():
        async with running(python=python) as rig:
            event = {"notes": str(notes), "then": "hang", "double_fork": True}
            response = await rig.invoke("crashes.spawns", event, timeout_seconds=1.5)
            family = pids(notes)
            await wait_gone(*family, seconds=1)
            return response, family

    response, family = run(body)

    assert response.error is not None
    assert response.error.outcome is Outcome.TIMED_OUT
    assert len(family) == 6


def test_what_a_handler_leaves_running_lives_as_long_as_its_worker(python, notes):
    async def body():
        async with running(python=python) as rig:
            response = await rig.invoke("crashes.spawns", {"notes": str(notes)}, timeout_seconds=10)
            family = pids(notes)
            await rig.invoke("plain.echo")
            alive_between = [is_alive(pid) for pid in family]
        await wait_gone(*family, seconds=1)
        return response, alive_between

    response, alive_between = run(body)

    assert response.payload == b'"spawned"'
    assert alive_between == [True] * 5


@pytest.mark.parametrize("handler", ["crashes.grows", "crashes.grows_in_a_child"])
def test_a_handler_that_outgrows_its_memory_is_killed(python, handler):
    async def body():
        async with running(python=python) as rig:
            response = await rig.invoke(
                handler, request_id="the-id", timeout_seconds=15, memory_mb=128
            )
            return response, await rig.invoke("plain.echo", 1), rig.log

    response, after, log = run(body)

    assert response.error == (
        Outcome.ERROR,
        "Runtime.ExitError",
        "RequestId: the-id Error: Runtime exited with error: signal: killed",
    )
    assert after.payload == b"1"
    assert any("MemorySize is 128 MB" in text for text in log.texts("platform"))
    report = next(text for text in log.texts("platform") if text.startswith("REPORT"))
    assert "Status: error\tError Type: Runtime.OutOfMemory" in report


def test_memory_that_a_family_shares_counts_once(python):
    async def body():
        async with running(python=python) as rig:
            return await rig.invoke(
                "crashes.shares_with_children", 0.3, timeout_seconds=15, memory_mb=128
            )

    assert run(body).payload == str(70 << 20).encode()


def test_a_worker_that_dies_between_invocations_costs_none(python):
    async def body():
        async with running(python=python) as rig:
            first = await rig.invoke("crashes.exits_later", 0.01)
            await wait_gone(int(first.payload))
            second = await rig.invoke("crashes.exits_later", 60)
            return first, second

    first, second = run(body)

    assert second.error is None
    assert first.payload != second.payload


@pytest.mark.parametrize("event", ["threads", "descriptors"])
def test_a_bomb_hurts_its_own_worker_only(python, event):
    async def body():
        async with running(python=python) as rig:
            if event == "threads":
                return await rig.invoke("crashes.thread_bomb", 200, timeout_seconds=10)
            return await rig.invoke("crashes.descriptor_bomb", timeout_seconds=10)

    response = run(body)

    assert response.payload in (b'"still there"', b'"Too many open files"')
