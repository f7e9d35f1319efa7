"""Keep stores usable on both sides of a fork.

Theory of operation. SQLite must not be carried across a fork, not even unused: it keeps for each process a list of the files and
locks that it has, and a child would take its copy for the truth: a lock that the parent's connection had at that
moment would seem held for ever, and one that the child should take would seem taken already. So before a fork every
store waits until its threads are outside SQLite and closes its connections, and no file is being opened. After it both
sides open their own when they need them.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType

FORK_WAIT_SECONDS = 10.0
"""How long a fork waits for a transaction that is under way."""

opening = threading.RLock()
"""Held while a file is opened or looked at outside a store's own threads, until a store has it in its care."""


class Forkable(Protocol):
    """What wants to know of a fork."""

    def before_fork(self) -> None:
        """Come to rest."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Forget what is the parent's."""
        ...


class Activity:
    """Lets one thread work in SQLite, and a fork wait until it is outside. ``with`` it around the work.

    A plain lock would not do: a busy thread takes it again before the fork sees it free.
    """

    def __init__(self) -> None:
        self._next = threading.Lock()
        self._busy = threading.Lock()

    def __enter__(self) -> None:
        with self._next:
            self._busy.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._busy.release()

    def rest(self) -> bool:
        """Wait until the thread is outside and keep it there; False if that takes too long."""
        if not self._next.acquire(timeout=FORK_WAIT_SECONDS):
            return False
        if not self._busy.acquire(timeout=FORK_WAIT_SECONDS):
            self._next.release()
            return False
        return True

    def go_on(self) -> None:
        """Let the thread in again."""
        self._busy.release()
        self._next.release()


_registered: weakref.WeakSet[Forkable] = weakref.WeakSet()
_resting: list[Forkable] = []
_held_opening = False


def register(forkable: Forkable) -> None:
    """Tell *forkable* of every fork, as long as it lives."""
    _registered.add(forkable)


def _before() -> None:
    global _held_opening  # noqa: PLW0603 - one fork at a time: Python holds its own lock around it
    # First: from here on there is no new store.
    _held_opening = opening.acquire(timeout=FORK_WAIT_SECONDS)
    _resting[:] = list(_registered)
    for forkable in _resting:
        forkable.before_fork()


def _after_in_parent() -> None:
    _opening_goes_on()
    while _resting:
        _resting.pop().after_fork_in_parent()


def _after_in_child() -> None:
    _opening_goes_on()
    while _resting:
        _resting.pop().after_fork_in_child()


def _opening_goes_on() -> None:
    if _held_opening:
        opening.release()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
