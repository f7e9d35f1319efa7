"""One timer for the deadlines of many calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls *expire* for each item whose deadline, in loop time, has come.

    Items must be added in the order of their deadlines, as those with one common timeout are. The timer then
    stands at some earlier first deadline and moves only when it fires: an item that is discarded in time, as
    nearly all are, costs no timer of its own. With *exact* no timer is left when no item is: a virtual clock
    would jump to it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        expire: Callable[[T], None],
        *,
        exact: bool = False,
    ) -> None:
        self._loop = loop
        self._expire = expire
        self._exact = exact
        self._items: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, item: T, deadline: float) -> None:
        """Watch *item*."""
        self._items[item] = deadline
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._fire)

    def discard(self, item: T) -> bool:
        """Forget *item*; returns whether it was watched."""
        found = self._items.pop(item, None) is not None
        if self._exact and not self._items:
            self.clear()
        return found

    def clear(self) -> None:
        """Forget every item."""
        self._items.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def items(self) -> list[T]:
        """What is watched now, earliest deadline first."""
        return list(self._items)

    def _fire(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = []
        for item, deadline in self._items.items():
            if deadline > now:
                self._timer = self._loop.call_at(deadline, self._fire)
                break
            due.append(item)
        for item in due:
            # One item's expiry may have discarded another.
            if self._items.pop(item, None) is not None:
                self._expire(item)
