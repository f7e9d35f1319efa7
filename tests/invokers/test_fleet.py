"""How workers are shared: warm ones first, never more than the ceiling, no function starves, nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from headrace.aio import tasks
from headrace.errors import ConfigurationError, FunctionUnavailableError
from headrace.invokers.environment import EnvironmentRules
from headrace.model.outcome import Outcome
from tests.invokers.rig import (
    bare_python,
    is_alive,
    open_descriptors,
    run,
    running,
    until,
    wait_gone,
)

KILLED = "Runtime exited with error: signal: killed"


@pytest.fixture
def python(tmp_path):
    return bare_python(tmp_path)


class Gate:
    """Opens for the handlers that wait for it, and knows who has come."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def event(self):
        return {"gate": str(self.path)}

    def open(self):
        self.path.touch()

    def pid_of(self, request_id: str) -> int:
        return int(Path(f"{self.path}.{request_id}").read_text())

    async def wait_arrived(self, *request_ids: str) -> None:
        await until(
            lambda: all(
                (path := Path(f"{self.path}.{each}")).exists() and path.read_text()
                for each in request_ids
            )
        )


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


def invoking(rig, handler, event, request_id, **changes):
    return tasks.spawn(
        rig.invoke(handler, event, request_id=request_id, **changes), name=request_id
    )


def test_workers_start_when_needed_and_stay_warm(python):
    async def body():
        async with running(python=python, ceiling=5) as rig:
            before = rig.fleet.statistics()
            answers = [json.loads((await rig.invoke("plain.count")).payload) for _ in range(3)]
            return before, answers, rig.fleet.statistics()

    before, answers, after = run(body)

    assert (before.workers, before.launcher_pid) == (0, None)
    assert [each["calls"] for each in answers] == [1, 2, 3]
    assert (after.workers, after.started_total) == (1, 1)


def test_invocations_at_one_time_have_workers_of_their_own(python, gate):
    async def body():
        async with running(python=python, ceiling=3) as rig:
            calls = [invoking(rig, "timed.waits_for", gate.event, f"id-{n}") for n in range(3)]
            await gate.wait_arrived("id-0", "id-1", "id-2")
            busy = rig.fleet.statistics().busy
            gate.open()
            return busy, [json.loads((await call).payload) for call in calls]

    busy, answers = run(body)

    assert busy == 3
    assert [each["request_id"] for each in answers] == ["id-0", "id-1", "id-2"]
    assert len({each["pid"] for each in answers}) == 3


def test_more_than_the_ceiling_wait_their_turn(python, gate):
    async def body():
        async with running(python=python, ceiling=1) as rig:
            first = invoking(rig, "timed.waits_for", gate.event, "first")
            await gate.wait_arrived("first")
            second = invoking(rig, "timed.waits_for", gate.event, "second")
            other = invoking(rig, "plain.echo", 1, "other")
            await asyncio.sleep(0)
            waiting = rig.fleet.statistics()
            gate.open()
            answers = [await first, await second, await other]
            return waiting, answers, rig.fleet.statistics().started_total

    waiting, answers, started = run(body)

    assert (waiting.workers, waiting.waiting) == (1, 2)
    assert [each.error for each in answers] == [None, None, None]
    assert started == 2


def test_the_longest_free_worker_of_another_function_makes_room(python):
    async def body():
        async with running(python=python, ceiling=2) as rig:
            oldest = json.loads((await rig.invoke("plain.process")).payload)["pid"]
            newer = json.loads((await rig.invoke("plain.count")).payload)["pid"]
            await rig.invoke("plain.echo")
            await wait_gone(oldest)
            again = json.loads((await rig.invoke("plain.count")).payload)
            return newer, again, rig.fleet.statistics()

    newer, again, statistics = run(body)

    assert again == {"calls": 2, "pid": newer}
    assert statistics.workers == 2


def test_no_function_starves_under_another_that_never_rests(python):
    """Ceiling 1, and the busy function always has the next invocation waiting."""

    async def body():
        async with running(python=python, ceiling=1) as rig:
            await rig.invoke("plain.echo", 0)
            stopping = asyncio.Event()

            async def never_rest():
                while not stopping.is_set():
                    await rig.invoke("plain.echo", 1)

            busy = [tasks.spawn(never_rest(), name=f"busy {n}") for n in range(3)]
            answer = await rig.invoke("plain.count")
            stopping.set()
            await asyncio.gather(*busy)
            return answer

    assert run(body).error is None


def test_reserved_concurrency_is_a_limit(python, gate):
    async def body():
        async with running(python=python, ceiling=4) as rig:
            limited: dict[str, Any] = {"reserved_concurrency": 1, "timeout_seconds": 10}
            first = invoking(rig, "timed.waits_for", gate.event, "first", **limited)
            await gate.wait_arrived("first")
            throttled = await rig.invoke("timed.waits_for", gate.event, **limited)
            gate.open()
            return await first, throttled, await rig.invoke("plain.echo", reserved_concurrency=0)

    first, throttled, never = run(body)

    assert first.error is None
    for each in (throttled, never):
        assert each.error == (Outcome.THROTTLED, "TooManyRequestsException", "Rate Exceeded.")


def test_giving_an_invocation_up_ends_its_handler(python, gate):
    async def body():
        async with running(python=python) as rig:
            call = invoking(rig, "timed.waits_for", gate.event, "the-id", timeout_seconds=60)
            await gate.wait_arrived("the-id")
            call.cancel()
            await asyncio.wait([call])
            await wait_gone(gate.pid_of("the-id"))
            return call.cancelled(), await rig.invoke("plain.echo", 1)

    cancelled, after = run(body)

    assert cancelled
    assert after.payload == b"1"


def test_giving_up_while_waiting_costs_no_worker(python, gate):
    async def body():
        async with running(python=python, ceiling=1) as rig:
            first = invoking(rig, "timed.waits_for", gate.event, "first", timeout_seconds=60)
            await gate.wait_arrived("first")
            second = invoking(rig, "plain.echo", 2, "second")
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.wait([second])
            gate.open()
            return await first, second.cancelled(), rig.fleet.statistics()

    first, cancelled, statistics = run(body)

    assert first.error is None
    assert cancelled
    assert (statistics.started_total, statistics.waiting) == (1, 0)


def test_closing_ends_what_runs_and_what_waits(python, gate):
    before = open_descriptors()

    async def body():
        async with running(python=python, ceiling=1) as rig:
            busy = invoking(rig, "timed.waits_for", gate.event, "busy", timeout_seconds=60)
            await gate.wait_arrived("busy")
            waiting = invoking(rig, "plain.echo", 1, "waiting")
            await asyncio.sleep(0)
            await rig.fleet.aclose()
            await rig.fleet.aclose()
            late = await rig.invoke("plain.echo", 1)
            others = asyncio.all_tasks() - {asyncio.current_task(), busy, waiting}
            return [await busy, await waiting, late], rig.fleet.statistics(), others

    answers, statistics, others = run(body)

    for each in answers:
        assert each.error is not None
        assert each.error.message.endswith(KILLED)
    assert not is_alive(gate.pid_of("busy"))
    assert (statistics.workers, statistics.busy, statistics.launcher_pid) == (0, 0, None)
    assert others == set()
    assert open_descriptors() == before


def test_closing_while_a_worker_starts(python):
    before = open_descriptors()

    async def body():
        async with running(python=python) as rig:
            call = invoking(rig, "plain.echo", 1, "the-id")
            for _ in range(3):
                await asyncio.sleep(0)
            await rig.fleet.aclose()
            return await call

    answer = run(body)

    assert answer.error is not None
    assert open_descriptors() == before


def test_closing_an_invoker_ends_its_function_only(python):
    async def body():
        async with running(python=python, ceiling=3) as rig:
            one = json.loads((await rig.invoke("plain.process")).payload)["pid"]
            other = json.loads((await rig.invoke("plain.count")).payload)["pid"]
            await rig.fleet.invoker(rig.settings("plain.process")).aclose()
            return is_alive(one), is_alive(other), rig.fleet.statistics().workers

    assert run(body) == (False, True, 1)


def test_thousands_of_invocations_leave_nothing_behind(python):
    async def body():
        async with running(python=python) as rig:
            await rig.invoke("plain.echo")
            before = open_descriptors(), len(asyncio.all_tasks())
            for _ in range(1000):
                await rig.invoke("plain.echo")
            return before, (open_descriptors(), len(asyncio.all_tasks()))

    before, after = run(body)

    assert after == before


@pytest.mark.slow
def test_a_hundred_crashes_leave_nothing_behind(python):
    async def body():
        async with running(python=python) as rig:
            await rig.invoke("crashes.exits_if_told", 0)
            before = open_descriptors(), len(asyncio.all_tasks())
            for _ in range(50):
                await rig.invoke("crashes.exits_if_told", 1)
                await rig.invoke("crashes.exits_if_told", 0)
            return before, (open_descriptors(), len(asyncio.all_tasks()))

    before, after = run(body)

    assert after == before


def test_a_function_that_can_t_be_loaded_is_started_ever_more_rarely(python):
    """Many invocations of a broken function share few starts, and each has its answer."""

    async def body():
        async with running(python=python, ceiling=4) as rig:
            calls = [
                invoking(rig, "index.handler", 1, f"id-{n}", inline_code="1 / 0") for n in range(40)
            ]
            answers = [await call for call in calls]
            later = [await rig.invoke("index.handler", inline_code="1 / 0") for _ in range(3)]
            return answers + later, rig.fleet.statistics().started_total

    answers, started = run(body)

    assert {each.error for each in answers} == {
        (Outcome.ERROR, "ZeroDivisionError", "division by zero")
    }
    assert started <= 4 + 3


def test_a_function_that_loads_again_is_as_before(python, tmp_path):
    source = "import pathlib\nassert pathlib.Path({!r}).exists()\ndef handler(event, context): return event\n"
    mended = tmp_path / "mended"

    async def body():
        async with running(python=python) as rig:
            code = source.format(str(mended))
            broken = await rig.invoke("index.handler", 1, inline_code=code)
            mended.touch()
            return broken, await rig.invoke("index.handler", 2, inline_code=code)

    broken, after = run(body)

    assert broken.error is not None
    assert broken.error.error_type == "AssertionError"
    assert after.payload == b"2"


def test_a_start_that_takes_too_long_is_ended(python, tmp_path):
    note = tmp_path / "pid"
    source = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(note)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )

    async def body():
        async with running(python=python, init_timeout_seconds=0.4) as rig:
            return await rig.invoke(
                "index.handler", inline_code=source, timeout_seconds=0.3, request_id="the-id"
            )

    answer = run(body)

    assert answer.error == (
        Outcome.TIMED_OUT,
        "Sandbox.Timedout",
        "RequestId: the-id Error: Task timed out after 0.40 seconds",
    )
    assert not is_alive(int(note.read_text()))


def test_a_start_may_take_as_long_as_the_function_itself(python):
    """AWS begins a start again after 10 s, under the function's own timeout."""
    source = "import time\ntime.sleep(0.3)\ndef handler(event, context): return event\n"

    async def body():
        async with running(python=python, init_timeout_seconds=0.1) as rig:
            return await rig.invoke("index.handler", 1, inline_code=source, timeout_seconds=10)

    assert run(body).payload == b"1"


def test_inline_code_is_written_where_nobody_else_reads(python):
    source = "def handler(event, context): return __file__\n"

    async def body():
        async with running(python=python) as rig:
            path = Path(json.loads((await rig.invoke("index.handler", inline_code=source)).payload))
            modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path.parents[1])]
            return path, modes

    previous = os.umask(0)
    try:
        path, modes = run(body)
    finally:
        os.umask(previous)

    assert path.name == "index.py"
    assert modes == [0o700, 0o700]
    assert not path.parents[1].exists()


def test_one_function_has_one_invoker():
    async def body():
        async with running() as rig:
            one = rig.fleet.invoker(rig.settings("plain.echo"))
            same = rig.fleet.invoker(rig.settings("plain.echo"))
            changed = rig.fleet.invoker(rig.settings("plain.echo", timeout_seconds=9))
            return one is same, one is changed

    assert run(body) == (True, False)


def test_nothing_is_held_once_an_invocation_has_ended(python):
    async def body():
        async with running(python=python) as rig:
            await rig.fleet.invoker(rig.settings("plain.echo")).wait_released("any")

    run(body)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"runtime": "nodejs22.x"}, ConfigurationError, "only Python runtimes"),
        ({"runtime": "provided.al2023"}, ConfigurationError, "only Python runtimes"),
        ({"code": Path("/no/such/code")}, FunctionUnavailableError, "/no/such/code"),
        ({"python": "/no/such/python"}, FunctionUnavailableError, "/no/such/python"),
    ],
)
def test_what_can_t_be_invoked_at_all_is_refused_at_once(changes, error, message):
    async def body():
        async with running() as rig:
            with pytest.raises(error, match=message):
                rig.fleet.invoker(rig.settings("plain.echo", **changes))

    run(body)


def test_an_interpreter_that_is_none_is_an_invalid_entry_point():
    async def body():
        async with running(python="/bin/true") as rig:
            return await rig.invoke("plain.echo", request_id="the-id")

    answer = run(body)

    assert answer.error is not None
    assert answer.error.error_type == "Runtime.InvalidEntrypoint"
    assert answer.error.message.startswith("RequestId: the-id Error: /bin/true does not answer")


def test_a_fleet_that_was_never_started_says_so():
    async def body():
        async with running() as rig:
            rig.fleet._scratch = None
            return await rig.invoke("plain.echo")

    answer = run(body)

    assert answer.error is not None
    assert "not started" in answer.error.message


def test_an_environment_of_any_bytes_reaches_the_handler(python):
    """Python keeps bytes that are no UTF-8 as lone surrogates."""
    odd = os.fsdecode(b"/bin:/caf\xe9")

    async def body():
        rules = EnvironmentRules(inherited={**os.environ, "TMPDIR": odd})
        async with running(python=python, rules=rules) as rig:
            # A later runtime could not write the result: it does not escape.
            return await rig.invoke("plain.environment", runtime="python3.11")

    assert json.loads(run(body).payload)["TMPDIR"] == odd


def test_an_environment_that_no_process_can_have_is_an_error(python):
    async def body():
        async with running(python=python) as rig:
            return await rig.invoke("plain.echo", environment={"A": "nul\0"})

    answer = run(body)

    assert answer.error is not None
    assert answer.error.error_type == "Runtime.InvalidEntrypoint"


def test_no_free_descriptors_are_an_error_that_heals(python):
    """F9: starts fail, nothing breaks, and it goes on when there is room again."""

    async def body():
        async with running(python=python) as rig:
            await rig.invoke("plain.echo")
            hoard = []
            with contextlib.suppress(OSError):
                while True:
                    hoard.append(os.dup(0))
            warm = await rig.invoke("plain.echo", 1)
            cold = await rig.invoke("plain.count")
            for each in hoard:
                os.close(each)
            return warm, cold, await rig.invoke("plain.count")

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        warm, cold, after = run(body)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert warm.payload == b"1"
    assert cold.error is not None
    assert "Too many open files" in cold.error.message
    assert after.error is None
