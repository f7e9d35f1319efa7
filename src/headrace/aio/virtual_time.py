"""An event loop whose time jumps to the next timer, and a clock that follows it.

Theory of operation. asyncio asks a loop's selector to wait until a file is ready or the next timer is due.
Here nothing but memory exists, so there is nothing to wait for: the selector moves the time to
the next timer and returns. A window of five minutes thus takes the microseconds that its callbacks take, and a
program that takes its time from the loop can't tell the difference.

What can't be had in such a loop is refused with `VirtualTimeError` instead of hanging: executors, sockets,
subprocesses, signals. If nothing is ready and no timer is set, nothing could ever happen:
`DeadlockError`.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from headrace.errors import DeadlockError, VirtualTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
TURNS_MAX = 1_000_000
"""Rounds of callbacks at one instant after which `VirtualTimeLoop.run_up_to` gives up."""


class _Jump:
    """Stands where a selector would: instead of waiting it moves the loop's time."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._loop.jump()
        else:
            self._loop.turn()
        return []

    def close(self) -> None:
        """Nothing is held."""


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

    # asyncio.BaseEventLoop's own; its stubs leave them out.
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self._now = start
        self._selector = _Jump(self)
        self._clock_resolution = 1e-9
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

    def jump(self) -> None:
        """Nothing is ready: move to the next timer, or end a run that has come to its end."""
        self._turns = 0
        due = self._scheduled[0].when() if self._scheduled else None
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

    def turn(self) -> None:
        """Something is ready at this instant: see that it does not go on like that for ever."""
        self._turns += 1
        if self._turns > TURNS_MAX and self._deadline is not None:
            raise VirtualTimeError(
                f"time stands still at {self._now:g} s: {TURNS_MAX:,} rounds of callbacks without a wait between them"
            )

    def _reason_to_pause(self, due: float | None, deadline: float) -> Pause | None:
        if self._until is not None and self._until():
            return Pause.ASKED
        if due is None and self._until is not None:
            return Pause.NOTHING_LEFT
        if due is None or due > deadline + self._clock_resolution:
            self._now = max(self._now, deadline)
            return Pause.DEADLINE
        return None

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing but timers and callbacks exists here."""

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
