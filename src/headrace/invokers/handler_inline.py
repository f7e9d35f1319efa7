"""Handlers on the engine's own loop: what a simulation on a virtual clock needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.aio import tasks
from headrace.invokers.handler_call import Answered, Call, Handler, call_async, call_sync

if TYPE_CHECKING:
    from collections.abc import Callable


class InlineHandler:
    """Calls a synchronous handler at once and awaits an asynchronous one in a task; then calls *done*."""

    def __init__(
        self,
        handler: Handler,
        done: Callable[[Answered], None],
        *,
        is_async: bool,
        ascii_only: bool,
        name: str,
    ) -> None:
        self._handler = handler
        self._done = done
        self._is_async = is_async
        self._ascii_only = ascii_only
        self._name = name
        self._calls: set[Call] = set()

    def submit(self, call: Call) -> None:
        """Run *call*: to its end if the handler is synchronous."""
        if self._is_async:
            self._calls.add(call)
            call.task = tasks.spawn(self._serve(call), name=f"{self._name} {call.request_id}")
        else:
            response = call_sync(
                self._handler, call.event, call.context, ascii_only=self._ascii_only
            )
            self._done(Answered(call, response))

    def release(self) -> None:
        """Nothing is held for a finished call."""

    def give_up(self, call: Call) -> None:
        """Cancel the handler; it may take its time to end."""
        if call.task is not None:
            call.task.cancel()

    def close(self) -> None:
        """Cancel what runs."""
        for call in tuple(self._calls):
            self.give_up(call)

    async def _serve(self, call: Call) -> None:
        try:
            response = await call_async(
                self._handler, call.event, call.context, ascii_only=self._ascii_only
            )
        finally:
            self._calls.discard(call)
        self._done(Answered(call, response))
