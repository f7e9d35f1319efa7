"""One event loop that waits for changes of one store: its topics, its socket, its rare look of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.store.changes import Topics

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from headrace.abc import Clock
    from headrace.store.wakeup import WakeSocket

LOOK_SECONDS = 2.0


class Listener:
    """Lives as long as the store or the loop. Made and, while the loop runs, closed on the loop's own thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        socket: WakeSocket,
        *,
        look: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.topics = Topics(clock)
        self._look = look
        self._socket = socket
        loop.add_reader(self._socket.fileno(), self._read)
        self._timer = loop.call_later(LOOK_SECONDS, self._tick)

    def close(self) -> None:
        """Stop listening, from whatever thread. Waits that are under way are woken."""
        self._socket.unlink()
        if self.loop.is_closed():
            self._socket.close()
        else:
            self.loop.call_soon_threadsafe(self._stop)

    def abandon(self) -> None:
        """Close our copy of the socket in a forked child; its name and the loop are the parent's."""
        self._socket.close()

    def _read(self) -> None:
        self.topics.note(self._socket.read())

    def _tick(self) -> None:
        if self.topics.awaited:
            self._look()
        self._timer = self.loop.call_later(LOOK_SECONDS, self._tick)

    def _stop(self) -> None:
        self._timer.cancel()
        if self._socket.fileno() >= 0:
            self.loop.remove_reader(self._socket.fileno())
            self._socket.close()
        self.topics.wake_all()
