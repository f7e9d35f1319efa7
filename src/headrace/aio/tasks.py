"""Start tasks outside a task group, and wait in the few ways that loops need.

`spawn` keeps a strong reference until the task ends and logs an exception that nobody would see.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

T = TypeVar("T")
_logger = logging.getLogger("headrace.aio")
_running: set[asyncio.Task[Any]] = set()


def spawn(coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Run *coroutine* as a named task of the running loop; an unexpected exception is logged."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _logger.error("task %s ended with an error", task.get_name(), exc_info=error)


async def sleep_unless(event: asyncio.Event, seconds: float) -> bool:
    """Wait *seconds*, or less if *event* is set; returns whether it is set."""
    if seconds > 0 and not event.is_set():
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
    return event.is_set()


async def shielded(write: Awaitable[T], *, seconds: float) -> T:
    """Finish *write* even if the caller is cancelled, waiting at most *seconds* for it from then on.

    The cancellation is raised again once the write has ended or the time is over; in the latter case what it did is unknown.
    """
    task = asyncio.ensure_future(write)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _wait_through(task, seconds)
        task.cancel()
        raise


async def _wait_through(task: asyncio.Future[Any], seconds: float) -> None:
    """Wait for *task* for *seconds*, whatever further cancellations come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not task.done() and (left := deadline - asyncio.get_running_loop().time()) > 0:
        with contextlib.suppress(asyncio.CancelledError):  # the caller raises the first one
            await asyncio.wait([task], timeout=left)
    if task.done() and not task.cancelled():
        task.exception()  # seen: nobody is left to raise it to
