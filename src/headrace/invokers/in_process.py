"""The invoker for handlers that are callables of this process.

Theory of operation. A synchronous handler runs in a daemon thread of ours, an asynchronous one on a loop in a
thread of its own; with ``inline=True`` both run on the caller's loop, which is what a virtual clock needs. The
engine's loop keeps time: a call that passes its deadline is answered as timed out *at* the deadline, while its
handler may still run, since a thread can't be killed. Until it returns, the call is *held*, and whoever gave it a
slot must leave that slot taken: `InProcessInvoker.wait_released` says when it is free again. An asynchronous
handler is cancelled at its deadline, a synchronous one is not told. What a handler answers after its deadline is
dropped. Nobody waits for a held handler on the way out: threads are daemons.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
from typing import TYPE_CHECKING, Protocol

from headrace.aio.clock import SystemClock
from headrace.aio.virtual_time import VirtualTimeLoop
from headrace.errors import VirtualTimeError
from headrace.invokers import context, failures
from headrace.invokers.bootstrap import Context, writes_ascii
from headrace.invokers.deadlines import Deadlines
from headrace.invokers.handler_call import Answered, Call, Handler
from headrace.invokers.handler_inline import InlineHandler
from headrace.invokers.handler_loop import HandlerLoop
from headrace.invokers.handler_threads import HandlerThreads
from headrace.invokers.mailbox import Mailbox

if TYPE_CHECKING:
    from headrace.abc import Clock
    from headrace.model.function import FunctionSettings
    from headrace.model.outcome import Response

_KILLED = -9


class _Runner(Protocol):
    """What runs calls: threads, a loop in a thread, or the caller's loop."""

    def submit(self, call: Call) -> None: ...
    def release(self) -> None: ...
    def give_up(self, call: Call) -> None: ...
    def close(self) -> None: ...


class InProcessInvoker:
    """Calls *handler* in this process; belongs to the loop of its first invocation.

    With *inline* the handler runs on that loop itself: a synchronous one blocks it, an asynchronous one shares it.
    """

    def __init__(
        self,
        handler: Handler,
        settings: FunctionSettings,
        *,
        clock: Clock | None = None,
        inline: bool = False,
    ) -> None:
        self._handler = handler
        self._settings = settings
        self._inline = inline
        self._facts = context.facts(
            settings, clock=clock or SystemClock(), instance=secrets.token_hex(16)
        )
        self._held: dict[Call, asyncio.Future[None]] = {}
        self._closed = False
        self._attached: _Attached | None = None

    async def invoke(self, event: bytes, *, request_id: str) -> Response:
        """Hand *event* to the handler and wait for its answer, at most until the function's timeout.

        After a timeout or a cancellation the handler may still run: see `wait_released`.
        """
        if self._closed:
            return failures.exited(request_id, _KILLED)
        attached = self._attached or self._attach()
        loop = attached.loop
        deadline = loop.time() + self._settings.timeout_seconds
        handler_context = Context(
            aws_request_id=request_id, function=self._facts, deadline=deadline, now=loop.time
        )
        call = Call(event, handler_context, loop.create_future())
        attached.deadlines.add(call, deadline)
        attached.runner.submit(call)
        try:
            return await call.answer
        except asyncio.CancelledError:
            if attached.deadlines.discard(call):
                self._hold(call)
            raise

    async def wait_released(self, request_id: str) -> None:
        """Return once no handler runs for *request_id*: at once unless it timed out or was cancelled.

        The slot of an invocation that ended so must stay taken until then. Ends early when the invoker is closed.
        """
        while waiting := [
            held for call, held in self._held.items() if call.request_id == request_id
        ]:
            await asyncio.wait(waiting)

    @property
    def held(self) -> int:
        """How many handlers still run although their invocation has ended."""
        return len(self._held)

    async def aclose(self) -> None:
        """Give up what runs, without waiting for it. Idempotent."""
        self._closed = True
        if (attached := self._attached) is None:
            return
        self._attached = None
        for call in attached.deadlines.items():
            call.answer.set_result(failures.exited(call.request_id, _KILLED))
        attached.deadlines.clear()
        attached.runner.close()
        for held in self._held.values():
            held.set_result(None)
        self._held.clear()

    def _attach(self) -> _Attached:
        """Bind to the running loop and start what runs the handler."""
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualTimeLoop) and not self._inline:
            raise VirtualTimeError("a handler in a thread needs real time: use inline=True")
        handler, name = self._handler, f"handler {self._settings.name}"
        is_async, ascii_only = _is_async(handler), writes_ascii(self._settings.runtime)
        runner: _Runner
        if self._inline:
            runner = InlineHandler(
                handler, self._finish, is_async=is_async, ascii_only=ascii_only, name=name
            )
        else:
            done = Mailbox(loop, self._finish)
            runs = HandlerLoop if is_async else HandlerThreads
            runner = runs(handler, done, ascii_only=ascii_only, name=name)
        deadlines = Deadlines(loop, self._expire, exact=self._inline)
        self._attached = _Attached(loop, runner, deadlines)
        return self._attached

    def _finish(self, answered: Answered) -> None:
        """A handler returned: answer, or release what was held for it."""
        if (attached := self._attached) is None:
            return
        attached.runner.release()
        if attached.deadlines.discard(answered.call):
            if not answered.call.answer.done():
                answered.call.answer.set_result(answered.response)
        elif (held := self._held.pop(answered.call, None)) is not None:
            held.set_result(None)

    def _expire(self, call: Call) -> None:
        """A call's deadline has come: answer for the handler, which may still run."""
        if not call.answer.done():
            call.answer.set_result(
                failures.timed_out(call.request_id, self._settings.timeout_seconds)
            )
        self._hold(call)

    def _hold(self, call: Call) -> None:
        if (attached := self._attached) is not None:
            self._held[call] = attached.loop.create_future()
            attached.runner.give_up(call)


class _Attached:
    """What an invoker has once it knows its loop."""

    __slots__ = ("deadlines", "loop", "runner")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, runner: _Runner, deadlines: Deadlines[Call]
    ) -> None:
        self.loop = loop
        self.runner = runner
        self.deadlines = deadlines


def _is_async(handler: Handler) -> bool:
    call = getattr(handler, "__call__", None)  # noqa: B004 - an object whose __call__ is a coroutine function
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
