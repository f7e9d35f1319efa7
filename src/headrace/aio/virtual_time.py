"""An event loop whose time jumps to the next timer, and a clock that follows it.

Theory of operation. asyncio's loops wait in a selector until a file is ready or the next timer is due. Here nothing
but memory exists, so there is nothing to wait for: when nothing is ready, the time moves to the next timer. A window
of five minutes thus takes the microseconds that its callbacks take, and a program that takes its time from the loop can't
tell the difference. The one round of the loop is our own (asyncio's handles, tasks and futures are not): without selector
and debug mode, and with timers that are compared as plain tuples, a simulation takes two thirds of the time.

What can't be had in such a loop is refused with `VirtualTimeError` instead of hanging: executors, sockets,
subprocesses, signals. If nothing is ready and no timer is set, nothing could ever happen:
`DeadlockError`.
"""

from __future__ import annotations

import asyncio
import heapq
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple

from headrace.errors import DeadlockError, VirtualTimeError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Coroutine
    from contextvars import Context

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
TURNS_MAX = 1_000_000
"""Rounds of callbacks at one instant after which `VirtualTimeLoop.run_up_to` gives up."""
RESOLUTION = 1e-9
"""Timers that are no further apart than this (seconds) fire together: sums of floats are not exact."""
CANCELLED_MAX = 1000
"""Cancelled timers that may lie about."""


def _refuse(what: str) -> Any:  # noqa: ANN401 - stands in for methods of many signatures
    def refused(*_args: object, **_kwargs: object) -> NoReturn:
        raise VirtualTimeError(f"{what} needs real time: on a virtual clock it would hang or lie")

    return refused


class Pause(StrEnum):
    """Why `VirtualTimeLoop.run_up_to` returned."""

    DEADLINE = "deadline"
    """The time is the deadline, and what was due by then has run."""
    ASKED = "asked"
    """*until* said so; the time is that of the last thing that ran."""
    NOTHING_LEFT = "nothing left"
    """Neither a callback nor a timer is left: nothing would ever happen."""


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """An asyncio event loop for programs that live in memory. Time starts at *start* seconds."""

    # asyncio.BaseEventLoop's own, which its stubs leave out; `_scheduled` holds tuples instead of bare handles.
    _ready: deque[asyncio.Handle]
    _scheduled: list[tuple[float, int, asyncio.TimerHandle]]
    _stopping: bool
    _closed: bool
    _check_closed: Callable[[], None]

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self._now = start
        self._timers = 0
        self._timers_cancelled = 0
        self._deadline: float | None = None
        self._until: Callable[[], bool] | None = None
        self._pause = Pause.DEADLINE
        self._turns = 0

    def time(self) -> float:
        """Virtual seconds; only timers move it."""
        return self._now

    def run_up_to(self, deadline: float, *, until: Callable[[], bool] | None = None) -> Pause:
        """Run everything that is due by *deadline*; end earlier when *until* says so and nothing is ready.

        What was started goes on with the next call. Raises `VirtualTimeError` when the time stands still for ever:
        callbacks that keep calling each other at one instant.
        """
        self._deadline, self._until, self._turns = deadline, until, 0
        try:
            self.run_forever()
        finally:
            self._deadline = self._until = None
        return self._pause

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call *callback* in the next round."""
        if self._closed:
            self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call *callback* when the time is *when*."""
        if self._closed:
            self._check_closed()
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers += 1
        heapq.heappush(self._scheduled, (when, self._timers, timer))
        timer._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001 - so that it tells us when it is cancelled
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:  # noqa: ARG002 - asyncio's signature
        self._timers_cancelled += 1
        if self._timers_cancelled > CANCELLED_MAX and self._timers_cancelled * 2 > len(
            self._scheduled
        ):
            self._scheduled = [each for each in self._scheduled if not each[2].cancelled()]
            heapq.heapify(self._scheduled)
            self._timers_cancelled = 0

    def _run_once(self) -> None:
        """One round: what is ready now, or else what is due next."""
        ready = self._ready
        if ready:
            self._turn()
        elif not self._stopping:
            self._jump()
        scheduled, end = self._scheduled, self._now + RESOLUTION
        while scheduled and scheduled[0][0] <= end:
            timer = heapq.heappop(scheduled)[2]
            timer._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001
                handle._run()  # noqa: SLF001

    def _jump(self) -> None:
        """Nothing is ready: move to the next timer, or end a run that has come to its end."""
        self._turns = 0
        due = self._next_timer()
        if self._deadline is not None:
            pause = self._reason_to_pause(due, self._deadline)
            if pause is not None:
                self._pause = pause
                self.stop()
                return
        if due is None:
            raise DeadlockError(
                "nothing is ready and no timer is set: on a virtual clock this would wait for ever"
            )
        self._now = max(self._now, due)

    def _turn(self) -> None:
        """Something is ready at this instant: see that it does not go on like that for ever."""
        self._turns += 1
        if self._turns > TURNS_MAX and self._deadline is not None:
            raise VirtualTimeError(
                f"time stands still at {self._now:g} s: {TURNS_MAX:,} rounds of callbacks without a wait between them"
            )

    def _next_timer(self) -> float | None:
        """When the next timer is due; those that were cancelled are dropped on the way."""
        scheduled = self._scheduled
        while scheduled and scheduled[0][2].cancelled():
            heapq.heappop(scheduled)
            self._timers_cancelled -= 1
        return scheduled[0][0] if scheduled else None

    def _reason_to_pause(self, due: float | None, deadline: float) -> Pause | None:
        if self._until is not None and self._until():
            return Pause.ASKED
        if due is None and self._until is not None:
            return Pause.NOTHING_LEFT
        if due is None or due > deadline + RESOLUTION:
            self._now = max(self._now, deadline)
            return Pause.DEADLINE
        return None

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody is to be woken."""

    run_in_executor = _refuse("an executor (asyncio.to_thread, run_in_executor)")
    create_connection = _refuse("a network connection")
    create_server = _refuse("a network server")
    create_datagram_endpoint = _refuse("a datagram socket")
    create_unix_connection = _refuse("a unix socket")
    create_unix_server = _refuse("a unix socket server")
    subprocess_exec = _refuse("a subprocess")
    subprocess_shell = _refuse("a subprocess")
    connect_read_pipe = _refuse("a pipe")
    connect_write_pipe = _refuse("a pipe")
    add_reader = _refuse("watching a file descriptor")
    add_writer = _refuse("watching a file descriptor")
    add_signal_handler = _refuse("a signal handler")
    sock_recv = _refuse("a socket")
    sock_sendall = _refuse("a socket")
    sock_connect = _refuse("a socket")
    sock_accept = _refuse("a socket")


class LoopClock:
    """Wall time that follows a loop's time: *start* (seconds since the epoch) plus what has passed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, start: float = 1_767_225_600.0) -> None:
        self._loop = loop
        self._offset = start - loop.time()

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._loop.time() + self._offset


def run_virtual(main: Coroutine[Any, Any, T], *, start: float = 0.0) -> T:
    """Run *main* to its end on a new `VirtualTimeLoop`; what it left running is cancelled."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start)) as runner:
        return runner.run(main)
