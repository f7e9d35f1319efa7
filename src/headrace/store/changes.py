"""Waiting for something to change: what one event loop knows of the topics that it waits for.

Theory of operation. A *topic* is a name such as ``queue/orders``. A transaction that makes something available tells the
topic, with the instant from which on it is so. After the commit that reaches every loop that waits: in this
process by a callback, in others by a datagram (`wakeup`). A loop keeps for each topic a generation, which goes up
whenever there may be something new, and the earliest instant at which something hidden comes due.

A waiter takes the generation *before* it looks, and then waits until it is another one: what happened between the look and
the wait ends the wait at once. Waking early costs one more look; waking late must not happen. So due instants
only ever move forward by the passing of time, and whoever looked and found too little tells what is due next.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from headrace.store.transaction import NOW, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.abc import Clock

EVERYTHING = "*"
"""The topic that stands for all: told where it is not known what changed."""


class Changes:
    """What one event loop knows of one topic. All methods belong to that loop."""

    def __init__(self, clock: Clock) -> None:
        self.generation = 0
        self._clock = clock
        self._due_ms: float = math.inf
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def awaited(self) -> bool:
        """Whether somebody waits now."""
        return bool(self._waiters)

    def note(self, due_ms: int) -> None:
        """Take in that there is something from *due_ms* on (`NOW`: already)."""
        if due_ms == NOW:
            self._advance()
        elif due_ms < self._due_ms:
            self._due_ms = due_ms
            self._wake()

    async def wait(self, seen: int) -> None:
        """Return once the generation is no longer *seen*, be it by a change or because something came due."""
        while self.generation == seen:
            seconds = (self._due_ms - milliseconds(self._clock)) / 1000
            if seconds <= 0:
                self._due_ms = math.inf
                self._advance()
            else:
                await self._sleep(seconds)

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        timer = loop.call_later(seconds, _end, waiter) if seconds < math.inf else None
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            if timer is not None:
                timer.cancel()

    def _advance(self) -> None:
        self.generation += 1
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            _end(waiter)


class Topics:
    """Every topic that one event loop asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changes: dict[str, Changes] = {}

    def changes(self, topic: str) -> Changes:
        """What is known of *topic*, kept from now on."""
        found = self._changes.get(topic)
        if found is None:
            found = self._changes[topic] = Changes(self._clock)
        return found

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for any topic."""
        return any(changes.awaited for changes in self._changes.values())

    def wake_all(self) -> None:
        """End every wait."""
        for changes in self._changes.values():
            changes.note(NOW)

    def wants(self, told: Mapping[str, int]) -> bool:
        """Whether any of *told* concerns this loop. May be asked from another thread."""
        return EVERYTHING in told or any(topic in self._changes for topic in told)

    def note(self, told: Mapping[str, int]) -> None:
        """Take in what was told."""
        if EVERYTHING in told:
            self.wake_all()
        for topic, due_ms in told.items():
            known = self._changes.get(topic)
            if known is not None:
                known.note(due_ms)


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
