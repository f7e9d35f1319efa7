"""One call of a handler in process: its parts, and how what it gives becomes a `Response`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from headrace.invokers import bootstrap, failures
from headrace.invokers.bootstrap import Context
from headrace.model.outcome import Response

Handler = Callable[[Any, Context], Any]
AsyncHandler = Callable[[Any, Context], Awaitable[Any]]

_OWN_FILES = (__file__, bootstrap.__file__)
_NULL = Response(b"null")


class Answered(NamedTuple):
    """A call and what its handler gave."""

    call: Call
    response: Response


class Call:
    """One invocation on its way through a thread or a loop.

    Written and read by the engine's loop: ``answer``. Read by whoever runs the handler: the others.
    """

    __slots__ = ("answer", "context", "event", "request_id", "task")

    def __init__(self, event: bytes, context: Context, answer: asyncio.Future[Response]) -> None:
        self.event = event
        self.context = context
        self.request_id = context.aws_request_id
        self.answer = answer
        self.task: asyncio.Task[None] | None = None  # the handlers' loop alone


def call_sync(handler: Handler, event: bytes, context: Context, *, ascii_only: bool) -> Response:
    """Call *handler*; what it raises is its answer, save for a person's Ctrl-C."""
    try:
        return respond(handler(orjson.loads(event), context), ascii_only=ascii_only)
    except BaseException as error:
        if _is_ctrl_c(error):
            raise
        return fail(error, context.aws_request_id)


async def call_async(
    handler: AsyncHandler, event: bytes, context: Context, *, ascii_only: bool
) -> Response:
    """Await *handler*; what it raises is its answer, save for a person's Ctrl-C.

    A cancellation from outside is an answer too: it is asked for only when nobody waits any more.
    """
    try:
        return respond(await handler(orjson.loads(event), context), ascii_only=ascii_only)
    except BaseException as error:
        if _is_ctrl_c(error):
            raise
        return fail(error, context.aws_request_id)


def _is_ctrl_c(error: BaseException) -> bool:
    # The signal's exception is raised in the main thread only, so only handlers that run inline can meet it.
    on_main_thread = threading.current_thread() is threading.main_thread()
    return isinstance(error, KeyboardInterrupt) and on_main_thread


def respond(result: object, *, ascii_only: bool) -> Response:
    """Encode what the handler returned."""
    if result is None:
        return _NULL
    payload = bootstrap.marshal(result, ensure_ascii=ascii_only)
    return (
        Response(payload) if len(payload) <= failures.MAX_RESPONSE_BYTES else failures.too_large()
    )


def fail(error: BaseException, request_id: str) -> Response:
    """Describe what the handler raised. What would end a worker process reads as if it had."""
    if isinstance(error, SystemExit):
        return failures.exited(request_id, _exit_status(error.code))
    if not isinstance(error, Exception | asyncio.CancelledError):
        return failures.exited(request_id, 1)
    document = bootstrap.error_document(error, request_id, skip=_OWN_FILES)
    return failures.reported(orjson.dumps(document))


def _exit_status(code: object) -> int:
    # As the interpreter turns the argument of sys.exit into a status.
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
