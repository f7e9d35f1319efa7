"""Answers on their way from handlers' threads back to the engine's loop."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

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
        self._wake()

    def put_all(self, items: Iterable[T]) -> None:
        """Hand several items over at once."""
        self._items.extend(items)
        self._wake()

    def _deliver(self) -> None:
        self._woken = False
        while self._items:
            self._receive(self._items.popleft())

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._deliver)


class Gatherer(Generic[T]):
    """Gathers what one iteration of *loop* gives, and puts it into *mailbox* at its end: one wake-up for all of it.

    Belongs to *loop*. Between two busy loops this saves most of the wake-ups, each of which costs more than a small handler.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, mailbox: Mailbox[T]) -> None:
        self._loop = loop
        self._mailbox = mailbox
        self._items: list[T] = []

    def put(self, item: T) -> None:
        """Hand *item* over soon."""
        if not self._items:
            self._loop.call_soon(self._hand_over)
        self._items.append(item)

    def _hand_over(self) -> None:
        items, self._items = self._items, []
        self._mailbox.put_all(items)
