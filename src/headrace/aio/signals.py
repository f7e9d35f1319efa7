"""Stop a process in two steps: the first signal asks, a second Ctrl-C insists.

SIGTERM asks as often as it comes; SIGINT asks the first time and insists the second time, so
that a supervisor that repeats SIGTERM does not cut short what a person would not.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def two_step_stop(*, ask: Callable[[], None], insist: Callable[[], None]) -> Iterator[None]:
    """While active, call *ask* at the first SIGINT or SIGTERM and *insist* at a later SIGINT.

    To be entered in the main thread inside a running loop; elsewhere signals are left alone.
    """
    loop = asyncio.get_running_loop()
    asked = False

    def received(signal_number: int) -> None:
        nonlocal asked
        if asked and signal_number == signal.SIGINT:
            insist()
        elif not asked:
            asked = True
            ask()

    installed = []
    try:
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(signal_number, received, signal_number)
            except (NotImplementedError, ValueError, RuntimeError):
                continue  # not the main thread, or a platform without: the caller has other ways
            installed.append(signal_number)
        yield
    finally:
        for signal_number in installed:
            loop.remove_signal_handler(signal_number)
