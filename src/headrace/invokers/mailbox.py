"""Answers on their way from handlers' threads back to the engine's loop."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Hands items from any thread to *receive* on *loop*, many with one wake-up.

    ``_woken`` says that a wake-up is under way. `_deliver` takes it back *before* it empties the queue: whoever
    appends after that wakes the loop again, whoever appended before is seen.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Callable[[T], None]) -> None:
        self._loop = loop
        self._receive = receive
        self._items: deque[T] = deque()
        self._woken = False

    def put(self, item: T) -> None:
        """Hand *item* over; dropped if the loop is closed: nobody waits there any more."""
        self._items.append(item)
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False
        while self._items:
            self._receive(self._items.popleft())
