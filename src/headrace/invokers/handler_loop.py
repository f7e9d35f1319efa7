"""A daemon thread with an event loop for asynchronous handlers.

A handler that blocks its loop delays other calls of the same function, never the engine.
"""

from __future__ import annotations

import asyncio
import threading

from headrace.aio import tasks
from headrace.invokers.handler_call import Answered, AsyncHandler, Call, call_async
from headrace.invokers.mailbox import Gatherer, Mailbox


class HandlerLoop:
    """Runs calls as tasks of a loop of its own and puts each answer into *done*.

    Made on the engine's loop, to which the public methods belong; ``_calls`` carries over, ``_done`` back.
    """

    def __init__(
        self,
        handler: AsyncHandler,
        done: Mailbox[Answered],
        *,
        ascii_only: bool,
        name: str,
    ) -> None:
        self._handler = handler
        self._ascii_only = ascii_only
        self._name = name
        self._loop = asyncio.new_event_loop()
        self._calls = Gatherer(asyncio.get_running_loop(), Mailbox(self._loop, self._begin))
        self._done = Gatherer(self._loop, done)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Call) -> None:
        """Run *call* as a task."""
        self._calls.put(call)

    def release(self) -> None:
        """Nothing is held for a finished call."""

    def give_up(self, call: Call) -> None:
        """Cancel the handler; it may take its time to end."""
        self._loop.call_soon_threadsafe(self._cancel, call)

    def close(self) -> None:
        """Cancel what runs and end the thread, without waiting for either."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    def _begin(self, call: Call) -> None:
        call.task = tasks.spawn(self._serve(call), name=f"{self._name} {call.request_id}")

    async def _serve(self, call: Call) -> None:
        response = await call_async(
            self._handler, call.event, call.context, ascii_only=self._ascii_only
        )
        self._done.put(Answered(call, response))

    def _cancel(self, call: Call) -> None:
        if call.task is not None:
            call.task.cancel()
