"""What the demonstration's own processes have in common: they end when their parent says so, or dies."""

from __future__ import annotations

import os
import signal
import sys
import threading


def heed_parent() -> threading.Event:
    """Return an event that is set once standard input ends, which it does even if the parent is killed.

    A Ctrl-C on the terminal reaches every process of the command; this one leaves it to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended = threading.Event()

    def wait() -> None:
        # Not through sys.stdin: its lock, held by this thread, would fail the interpreter's end.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        ended.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()
    return ended
