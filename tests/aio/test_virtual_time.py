"""The loop that jumps."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headrace.aio.tasks import shielded, sleep_unless, spawn
from headrace.aio.virtual_time import LoopClock, run_virtual
from headrace.errors import DeadlockError, VirtualTimeError


def test_a_day_passes_at_once_and_exactly():
    async def main():
        clock = LoopClock(asyncio.get_running_loop(), start=1_000)
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time(), clock.now()

    assert run_virtual(main()) == (86_400, 87_400)


def test_timers_fire_in_their_order():
    async def main():
        seen = []

        async def note(seconds):
            await asyncio.sleep(seconds)
            seen.append((seconds, asyncio.get_running_loop().time()))

        await asyncio.gather(*(note(seconds) for seconds in (3, 0.1, 2, 1e-9)))
        return seen

    assert run_virtual(main()) == [(1e-9, 1e-9), (0.1, 0.1), (2, 2), (3, 3)]


def test_waiting_for_ever_is_an_error():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="wait for ever"):
        run_virtual(main())


@pytest.mark.parametrize(
    "what",
    [
        lambda loop: loop.run_in_executor(None, threading.Event().wait),
        lambda loop: asyncio.to_thread(threading.Event().wait),
        lambda loop: asyncio.open_connection("127.0.0.1", 9),
        lambda loop: asyncio.create_subprocess_exec("true"),
        lambda loop: loop.add_reader(0, print),
    ],
)
def test_what_needs_real_time_is_refused(what):
    async def main():
        waiting = what(asyncio.get_running_loop())
        await waiting

    with pytest.raises(VirtualTimeError, match="needs real time"):
        run_virtual(main())


def test_sleep_unless_ends_with_the_event():
    async def main():
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(3, event.set)
        assert not await sleep_unless(event, 2)
        assert await sleep_unless(event, 60)
        assert await sleep_unless(event, 60)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3


def test_a_shielded_write_ends_although_its_caller_is_cancelled():
    async def main():
        written = []

        async def write():
            await asyncio.sleep(1)
            written.append(asyncio.get_running_loop().time())

        task = spawn(shielded(write(), seconds=5), name="write")
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return written

    assert run_virtual(main()) == [1]


def test_a_shielded_write_that_takes_too_long_after_a_cancellation_is_given_up():
    async def main():
        task = spawn(shielded(asyncio.sleep(100), seconds=5), name="write")
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 6


def test_a_shielded_write_returns_and_raises_what_the_write_does():
    async def main():
        async def refuse():
            raise KeyError("no")

        assert await shielded(asyncio.sleep(0, "value"), seconds=5) == "value"
        with pytest.raises(KeyError):
            await shielded(refuse(), seconds=5)

    run_virtual(main())


def test_a_spawned_task_that_fails_is_logged(caplog):
    async def main():
        async def fails():
            raise KeyError("seen")

        task = spawn(fails(), name="failing")
        await asyncio.wait([task])

    run_virtual(main())
    assert "failing" in caplog.text
