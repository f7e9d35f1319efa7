"""Slots: the right to have one more invocation under way.

Theory of operation. A pool has *capacity* slots; mappings take them by name. A slot is taken before a queue is
asked, so no message is received that can't be delivered now. Waiting mappings are served in turn, not in the order of their
waiters, so that a mapping with many pollers gets no more turns than one with one. A mapping that already holds a slot leaves
`policy.concurrency.kept_free` slots to those that hold none.

While a batching window is open nothing runs: the mapping lends its slot out and reclaims it, with precedence, when the
batch is handed over. So open windows never keep a pool from working; slots held and lent of one mapping
together never exceed the capacity, hence a mapping alone in its pool finds its lent slot free.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from headrace.policy import concurrency

if TYPE_CHECKING:
    from collections.abc import Iterable


class SlotPool:
    """A bounded number of slots, shared fairly by the mappings that registered."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._running: dict[str, int] = {}
        self._lent: dict[str, int] = {}
        self._total = 0
        self._without = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._reclaiming: deque[tuple[str, asyncio.Future[None]]] = deque()

    @property
    def running(self) -> int:
        """Slots in use now."""
        return self._total

    def register(self, mapping: str) -> None:
        """Let *mapping* take part."""
        self._running[mapping] = self._lent[mapping] = 0
        self._without += 1

    def unregister(self, mapping: str) -> None:
        """Forget *mapping*, which must hold nothing."""
        del self._running[mapping], self._lent[mapping]
        self._without -= 1
        self._grant()

    async def acquire(self, mapping: str) -> None:
        """Wait for a slot and take it. Cancelling the wait takes nothing."""
        waiters = self._waiting.get(mapping)
        if not waiters and not self._reclaiming and self._may_take(mapping):
            self._take(mapping)
            return
        if waiters is None:
            waiters = self._waiting[mapping] = deque()
        granted = asyncio.get_running_loop().create_future()
        waiters.append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.release(mapping)
            raise
        finally:
            self._forget_waiter(mapping, granted)

    def release(self, mapping: str) -> None:
        """Give a slot back."""
        self._change(mapping, running=-1)
        if self._waiting or self._reclaiming:
            self._grant()

    def lend(self, mapping: str) -> None:
        """Let others use the slot while a batching window is open."""
        self._change(mapping, running=-1, lent=1)
        self._grant()

    async def reclaim(self, mapping: str) -> None:
        """Take a lent slot back, before everybody who waits for a first one.

        When the wait is cancelled the slot is neither lent nor held any more.
        """
        if not self._reclaiming and self._total < self.capacity:
            self._change(mapping, running=1, lent=-1)
            return
        granted = asyncio.get_running_loop().create_future()
        entry = (mapping, granted)
        self._reclaiming.append(entry)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.release(mapping)
            else:
                self._reclaiming.remove(entry)
                self._change(mapping, lent=-1)
            raise

    def give_up_lent(self, mapping: str) -> None:
        """Give a lent slot back for good."""
        self._change(mapping, lent=-1)
        self._grant()

    def _may_take(self, mapping: str) -> bool:
        free = self.capacity - self._total
        own = self._running[mapping] + self._lent[mapping]
        if free <= 0 or own >= self.capacity:
            return False
        return own == 0 or free > concurrency.kept_free(self._without, self.capacity)

    def _take(self, mapping: str) -> None:
        self._change(mapping, running=1)

    def _change(self, mapping: str, *, running: int = 0, lent: int = 0) -> None:
        before = self._running[mapping] + self._lent[mapping]
        self._running[mapping] += running
        self._lent[mapping] += lent
        self._total += running
        after = before + running + lent
        if not before and after:
            self._without -= 1
        elif before and not after:
            self._without += 1

    def _grant(self) -> None:
        while self._reclaiming and self._total < self.capacity:
            mapping, granted = self._reclaiming.popleft()
            if not granted.done():
                self._change(mapping, running=1, lent=-1)
                granted.set_result(None)
        for mapping in self._turns():
            if self._total >= self.capacity:
                return
            self._grant_one(mapping)

    def _turns(self) -> Iterable[str]:
        """Mappings with waiters, again and again, until a whole round gave nothing."""
        while True:
            before = self._total
            yield from list(self._waiting)
            if self._total == before:
                return

    def _grant_one(self, mapping: str) -> None:
        waiters = self._waiting.get(mapping)
        while waiters:
            granted = waiters[0]
            if granted.done():
                waiters.popleft()
                continue
            if self._may_take(mapping):
                waiters.popleft()
                self._take(mapping)
                granted.set_result(None)
                # Whoever was served goes to the end of the round.
                self._waiting[mapping] = self._waiting.pop(mapping)
            return

    def _forget_waiter(self, mapping: str, granted: asyncio.Future[None]) -> None:
        waiters = self._waiting.get(mapping)
        if waiters is None:
            return
        if granted in waiters:
            waiters.remove(granted)
        if not waiters:
            del self._waiting[mapping]
