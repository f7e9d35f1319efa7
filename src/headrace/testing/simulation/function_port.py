"""A function as one mapping of one engine sees it: an invoker that calls the handler in this process.

Theory of operation. The handler is called at the start of the invocation: a synchronous one to its end, at one instant of
the virtual clock; an asynchronous one is awaited on the loop, so what it sleeps counts. The rest of the function's duration
then passes, and only then does the answer count. What takes longer than the function's timeout is answered as
timed out at the timeout; an asynchronous handler is cancelled then, and its slot is held until it has ended.

A synchronous handler is called outside the loop, from a callback that is no task: for the handler no loop is running, so its
own ``asyncio.run`` works as it does in Lambda.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import VirtualTimeError
from headrace.invokers import bootstrap, failures
from headrace.invokers.bootstrap import Context
from headrace.invokers.handler_call import respond
from headrace.testing.simulation import function_code

if TYPE_CHECKING:
    from headrace.model.mapping import QueueMapping
    from headrace.model.outcome import Response
    from headrace.testing.simulation.engine_life import EngineLife
    from headrace.testing.simulation.functions import SimulatedFunction
    from headrace.testing.simulation.invocation import Invocation

_OWN_FILES = (__file__, function_code.__file__, contextlib.__file__, bootstrap.__file__)


class FunctionPort:
    """An `Invoker` of one function."""

    def __init__(
        self, function: SimulatedFunction, life: EngineLife, mapping: QueueMapping
    ) -> None:
        self.function = function
        self.life = life
        self.mapping = mapping
        self.held: dict[str, asyncio.Task[None]] = {}
        """Handlers that still run although their invocation has ended, by request id."""

    async def invoke(self, event: bytes, *, request_id: str) -> Response:
        """Call the handler with *event* once; returns its answer when the function's duration has passed."""
        self.life.refuse_if_over()
        world, faults = self.life.world, self.function.faults
        invocation = world.begin(self.mapping, request_id, event)
        if faults.throttles and faults.take(faults.throttles):
            world.end(invocation)
            return failures.throttled()
        call = _Call(self, invocation, event)
        world.loop.call_soon(call.start)
        try:
            return await call.answer
        except asyncio.CancelledError:
            call.give_up()
            raise

    async def wait_released(self, request_id: str) -> None:
        """Return once no handler runs for *request_id*."""
        if (task := self.held.get(request_id)) is not None:
            await asyncio.wait([task])

    async def aclose(self) -> None:
        """Nothing is held but what runs."""


class _Call:
    """One invocation on its way."""

    def __init__(self, port: FunctionPort, invocation: Invocation, event: bytes) -> None:
        self._port = port
        self._world = port.life.world
        self._loop = self._world.loop
        self._function = port.function
        self._invocation = invocation
        self._event = event
        self.answer: asyncio.Future[Response] = self._loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ids: list[str] = []
        self._began = self._loop.time()
        self._duration = 0.0

    def start(self) -> None:
        """Call the handler."""
        if self.answer.done():
            return
        function = self._function
        try:
            document = orjson.loads(self._event)
            self._begin(document)
        except Exception as error:  # noqa: BLE001 - the test's own duration raised: that fails the test
            self._world.fail(error)
            return
        context = Context(
            aws_request_id=self._invocation.request_id,
            function=function.facts,
            deadline=self._began + function.timeout,
            now=self._loop.time,
        )
        if function.is_async:
            self._timer = self._loop.call_at(self._began + function.timeout, self._expire)
            self._task = self._loop.create_task(self._await(document, context))
        else:
            self._finish(self._call(document, context))

    def _begin(self, document: Any) -> None:  # noqa: ANN401 - JSON
        function = self._function
        self._duration = function.duration_of(document)
        faults = function.faults
        if faults.time_outs and faults.take(faults.time_outs):
            self._duration = float("inf")
        if (chronicle := self._world.chronicle) is not None:
            self._ids = [record["messageId"] for record in document["Records"]]
            chronicle.invoked(self._port, self._invocation.request_id, document["Records"])

    def give_up(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._hold()
        self._world.cut_off(self._invocation)

    def _call(self, document: object, context: Context) -> Response:
        # asyncio's own way for loops to say who runs: for the handler, nobody does.
        asyncio._set_running_loop(None)  # noqa: SLF001
        try:
            return self._respond(self._function.handler(document, context))
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its answer
            return self._fail(error)
        finally:
            asyncio._set_running_loop(self._loop)  # noqa: SLF001

    async def _await(self, document: object, context: Context) -> None:
        try:
            response = self._respond(await self._function.handler(document, context))
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its answer
            response = self._fail(error)
        finally:
            self._port.held.pop(self._invocation.request_id, None)
        if not self.answer.done():
            self._finish(response)

    def _respond(self, value: object) -> Response:
        self._invocation.response = value
        return respond(value, ascii_only=self._function.ascii_only)

    def _fail(self, error: BaseException) -> Response:
        request_id = self._invocation.request_id
        if isinstance(error, VirtualTimeError):
            self._world.fail(error)
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
            return failures.exited(request_id, status & 0xFF)
        if not isinstance(error, Exception | asyncio.CancelledError):
            # Ctrl-C, or the test's own way out, such as pytest.fail in a handler.
            self._world.fail(error)
        document = bootstrap.error_document(error, request_id, skip=_OWN_FILES)
        return failures.reported(orjson.dumps(document))

    def _finish(self, response: Response) -> None:
        """The handler is done: answer when the duration has passed, or at the timeout."""
        if self._timer is not None:
            self._timer.cancel()
        if self._duration > self._function.timeout:
            self._timer = self._loop.call_at(self._began + self._function.timeout, self._expire)
            return
        due = self._began + self._duration
        if due <= self._loop.time():
            self._answer(response)
        else:
            self._timer = self._loop.call_at(due, self._answer, response)

    def _expire(self) -> None:
        self._invocation.response = None
        if self._task is not None and not self._task.done():
            self._hold()
        request_id = self._invocation.request_id
        self._answer(failures.timed_out(request_id, self._function.timeout))

    def _hold(self) -> None:
        assert self._task is not None
        self._port.held[self._invocation.request_id] = self._task
        self._task.cancel()

    def _answer(self, response: Response) -> None:
        if self.answer.done():
            return
        self._world.end(self._invocation)
        if (chronicle := self._world.chronicle) is not None:
            chronicle.answered(
                self._port, self._invocation.request_id, ids=self._ids, response=response
            )
        self.answer.set_result(response)
