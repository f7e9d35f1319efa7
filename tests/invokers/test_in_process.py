"""Handlers that are callables of this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import orjson
import pytest

from headrace.aio import tasks
from headrace.aio.virtual_time import VirtualTimeLoop
from headrace.errors import VirtualTimeError
from headrace.invokers.in_process import InProcessInvoker
from headrace.model.function import FunctionSettings
from headrace.model.outcome import FunctionError, Outcome, Response
from tests.invokers.rig import PATIENCE, run, until

SYNC, ASYNC = "in a thread", "on a loop of its own"
INLINE_SYNC, INLINE_ASYNC = "inline", "inline, async"
KINDS = [SYNC, ASYNC, INLINE_SYNC, INLINE_ASYNC]


def settings(**changes):
    values = {
        "logical_id": "Orders",
        "name": "orders",
        "handler": "app.handler",
        "runtime": "python3.11",
        "code": Path(),
        **changes,
    }
    return FunctionSettings(**values)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def as_kind(handler, kind):
    """The synchronous *handler* itself, or a coroutine function that does the same."""
    if kind in (SYNC, INLINE_SYNC):
        return handler

    async def asynchronous(event, context):
        await asyncio.sleep(0)
        return handler(event, context)

    return asynchronous


@contextlib.asynccontextmanager
async def invoking(handler, kind, **changes):
    invoker = InProcessInvoker(
        handler, settings(**changes), inline=kind in (INLINE_SYNC, INLINE_ASYNC)
    )
    try:
        yield invoker
    finally:
        await invoker.aclose()


def answer(handler, kind, event=None, *, request_id="the-id", **changes):
    """One invocation of *handler*, made asynchronous if *kind* says so."""

    async def body():
        async with (
            asyncio.timeout(PATIENCE),
            invoking(as_kind(handler, kind), kind, **changes) as invoker,
        ):
            return await invoker.invoke(orjson.dumps(event), request_id=request_id)

    response: Response = run(body)
    return response


def raising(error):
    def handler(event, context):
        raise error

    return handler


@pytest.mark.parametrize("event", [None, {}, {"Records": [{"body": "grüße"}]}], ids=str)
def test_an_event_reaches_the_handler_and_its_result_comes_back(kind, event):
    response = answer(lambda event, _: event, kind, event)

    assert (json.loads(response.payload), response.error) == (event, None)


def test_every_invocation_has_a_fresh_event(kind):
    def spoils(event, context):
        event["seen"] = event.get("seen", 0) + 1
        return event["seen"]

    async def body():
        async with invoking(as_kind(spoils, kind), kind) as invoker:
            return [await invoker.invoke(b"{}", request_id=str(n)) for n in range(3)]

    assert [each.payload for each in run(body)] == [b"1", b"1", b"1"]


def test_nothing_is_null(kind):
    assert answer(lambda *_: None, kind).payload == b"null"


def test_an_exception_is_a_function_error_with_its_own_stack(kind):
    def handler(event, context):
        raise ValueError("boom")

    response = answer(handler, kind)
    document = json.loads(response.payload)

    assert response.error == FunctionError(Outcome.ERROR, "ValueError", "boom")
    assert {key: document[key] for key in ("errorMessage", "errorType", "requestId")} == {
        "errorMessage": "boom",
        "errorType": "ValueError",
        "requestId": "the-id",
    }
    assert [__file__ in frame for frame in document["stackTrace"]] == [True] * (
        1 if kind in (SYNC, INLINE_SYNC) else 2
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SystemExit(), "Runtime exited without providing a reason"),
        (SystemExit(0), "Runtime exited without providing a reason"),
        (SystemExit(3), "Runtime exited with error: exit status 3"),
        (SystemExit("why"), "Runtime exited with error: exit status 1"),
        (GeneratorExit(), "Runtime exited with error: exit status 1"),
    ],
    ids=repr,
)
def test_what_would_end_a_process_reads_as_if_it_had(kind, error, expected):
    response = answer(raising(error), kind)

    assert response.error == (
        Outcome.ERROR,
        "Runtime.ExitError",
        f"RequestId: the-id Error: {expected}",
    )


@pytest.mark.parametrize("kind", [SYNC, ASYNC])
def test_a_handler_s_own_keyboard_interrupt_is_an_exit_too(kind):
    response = answer(raising(KeyboardInterrupt()), kind)

    assert response.error is not None
    assert response.error.error_type == "Runtime.ExitError"


@pytest.mark.parametrize("kind", [INLINE_SYNC, INLINE_ASYNC])
def test_a_person_s_ctrl_c_goes_through_an_inline_handler(kind):
    with pytest.raises(KeyboardInterrupt):
        answer(raising(KeyboardInterrupt()), kind)


def test_a_handler_that_is_cancelled_by_itself_fails(kind):
    response = answer(raising(asyncio.CancelledError("why")), kind)

    assert response.error is not None
    assert response.error.error_type == "CancelledError"


@pytest.mark.parametrize(
    ("result", "error_type"),
    [
        ({1, 2}, "Runtime.MarshalError"),
        (object(), "Runtime.MarshalError"),
        ("x" * 6_291_555, "Function.ResponseSizeTooLarge"),
    ],
    ids=["set", "object", "too long"],
)
def test_a_result_that_can_t_be_passed_on_is_a_function_error(kind, result, error_type):
    response = answer(lambda *_: result, kind)

    assert response.error is not None
    assert (response.error.outcome, response.error.error_type) == (Outcome.ERROR, error_type)


def test_an_event_that_is_no_json_is_a_function_error(kind):
    async def body():
        async with invoking(as_kind(lambda *_: None, kind), kind) as invoker:
            return await invoker.invoke(b"{", request_id="the-id")

    assert run(body).error.outcome is Outcome.ERROR


def test_the_context_is_lambda_s(kind):
    seen = {}

    def handler(event, context):
        seen.update(
            {
                name: getattr(context, name)
                for name in (
                    "aws_request_id",
                    "function_name",
                    "function_version",
                    "invoked_function_arn",
                    "memory_limit_in_mb",
                    "log_group_name",
                    "client_context",
                )
            }
        )
        seen["identity"] = vars(type(context.identity)).get("cognito_identity_id")
        seen["stream"] = context.log_stream_name
        seen["remaining"] = context.get_remaining_time_in_millis()
        seen["shown"] = repr(context)

    answer(handler, kind, memory_mb=512, timeout_seconds=9)

    assert 8_000 < seen.pop("remaining") <= 9_000
    assert "/[$LATEST]" in seen.pop("stream")
    assert seen == {
        "aws_request_id": "the-id",
        "function_name": "orders",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:orders",
        "memory_limit_in_mb": "512",
        "log_group_name": "/aws/lambda/orders",
        "client_context": None,
        "identity": None,
        "shown": "Context(aws_request_id=the-id, function_name=orders)",
    }


def test_an_object_with_an_asynchronous_call_is_asynchronous():
    class Handler:
        async def __call__(self, event, context):
            await asyncio.sleep(0)
            return threading.current_thread().name

    async def body():
        async with invoking(Handler(), ASYNC) as invoker:
            return await invoker.invoke(b"null", request_id="the-id")

    assert run(body).payload == b'"handler orders"'


@pytest.mark.parametrize("kind", [SYNC, ASYNC, INLINE_ASYNC])
def test_handlers_run_at_one_time(kind):
    barrier = threading.Barrier(3)
    arrived = []

    def sync_handler(event, context):
        barrier.wait(PATIENCE)
        return event

    async def async_handler(event, context):
        arrived.append(event)
        await until(lambda: len(arrived) == 3)
        return event

    async def body():
        async with invoking(sync_handler if kind == SYNC else async_handler, kind) as invoker:
            calls = [invoker.invoke(b"%d" % n, request_id=str(n)) for n in range(3)]
            return [each.payload for each in await asyncio.gather(*calls)]

    assert run(body) == [b"0", b"1", b"2"]


def test_threads_are_reused_and_end_with_the_invoker():
    def names():
        return [each.name for each in threading.enumerate() if each.name.startswith("handler ")]

    async def body():
        async with invoking(lambda *_: threading.current_thread().name, SYNC) as invoker:
            used = {(await invoker.invoke(b"1", request_id=str(n))).payload for n in range(20)}
        await until(lambda: not names())
        return used

    assert run(body) == {b'"handler orders 1"'}


def timed_out(seconds):
    message = f"RequestId: the-id Error: Task timed out after {seconds:.2f} seconds"
    document = {"errorType": "Sandbox.Timedout", "errorMessage": message}
    return Response(
        orjson.dumps(document), FunctionError(Outcome.TIMED_OUT, "Sandbox.Timedout", message)
    )


def test_a_timeout_is_answered_at_the_deadline_and_the_thread_stays_taken():
    go_on = threading.Event()

    async def body():
        async with invoking(lambda *_: go_on.wait(PATIENCE), SYNC, timeout_seconds=0.05) as invoker:
            began = time.monotonic()
            response = await invoker.invoke(b"1", request_id="the-id")
            took = time.monotonic() - began
            released = tasks.spawn(invoker.wait_released("the-id"), name="released")
            await asyncio.sleep(0)
            held = invoker.held, released.done()
            await invoker.wait_released("another")
            go_on.set()
            async with asyncio.timeout(PATIENCE):
                await released
            return response, took, held, invoker.held

    response, took, held, held_after = run(body)

    assert response == timed_out(0.05)
    assert 0.05 <= took < 1
    assert held == (1, False)
    assert held_after == 0


def test_other_calls_go_on_beside_a_held_thread():
    go_on = threading.Event()

    def handler(event, context):
        return go_on.wait(PATIENCE) if event else "quick"

    async def body():
        async with invoking(handler, SYNC, timeout_seconds=0.05) as invoker:
            await invoker.invoke(b"1", request_id="slow")
            quick = await invoker.invoke(b"0", request_id="quick")
            go_on.set()
            await invoker.wait_released("slow")
            return quick

    assert run(body).payload == b'"quick"'


@pytest.mark.parametrize("kind", [ASYNC, INLINE_ASYNC])
def test_an_asynchronous_handler_is_cancelled_at_its_deadline(kind):
    ended = []

    async def handler(event, context):
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.append(context.get_remaining_time_in_millis())

    async def body():
        async with invoking(handler, kind, timeout_seconds=0.05) as invoker:
            response = await invoker.invoke(b"1", request_id="the-id")
            async with asyncio.timeout(PATIENCE):
                await invoker.wait_released("the-id")
            return response, list(ended)

    assert run(body) == (timed_out(0.05), [0])


@pytest.mark.parametrize("kind", [ASYNC, INLINE_ASYNC])
def test_one_that_ignores_its_cancellation_is_held(kind):
    async def stubborn(event, context):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(PATIENCE)
        await asyncio.sleep(0.05)
        return "too late"

    async def body():
        async with invoking(stubborn, kind, timeout_seconds=0.02) as invoker:
            response = await invoker.invoke(b"1", request_id="the-id")
            held = invoker.held
            await invoker.wait_released("the-id")
            return response, held, invoker.held

    assert run(body) == (timed_out(0.02), 1, 0)


@pytest.mark.parametrize("kind", [ASYNC, INLINE_ASYNC])
def test_whoever_cancels_an_invocation_cancels_the_handler(kind):
    started, ended = threading.Event(), threading.Event()

    async def handler(event, context):
        started.set()
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.set()

    async def body():
        async with invoking(handler, kind, timeout_seconds=PATIENCE) as invoker:
            call = tasks.spawn(invoker.invoke(b"1", request_id="the-id"), name="call")
            await until(started.is_set)
            call.cancel()
            await asyncio.wait([call])
            await invoker.wait_released("the-id")
            return call.cancelled(), ended.is_set()

    assert run(body) == (True, True)


def test_a_cancelled_call_of_a_thread_is_held_until_its_handler_returns():
    started, go_on = threading.Event(), threading.Event()

    def handler(event, context):
        started.set()
        go_on.wait(PATIENCE)

    async def body():
        async with invoking(handler, SYNC, timeout_seconds=PATIENCE) as invoker:
            call = tasks.spawn(invoker.invoke(b"1", request_id="the-id"), name="call")
            await until(started.is_set)
            call.cancel()
            await asyncio.wait([call])
            held = invoker.held
            go_on.set()
            await invoker.wait_released("the-id")
            return held, invoker.held

    assert run(body) == (1, 0)


@pytest.mark.parametrize("kind", [SYNC, ASYNC, INLINE_ASYNC])
def test_closing_does_not_wait_for_what_runs(kind):
    go_on = threading.Event()

    def sync_handler(event, context):
        go_on.wait(PATIENCE)

    async def async_handler(event, context):
        await asyncio.sleep(PATIENCE)

    async def body():
        handler = sync_handler if kind == SYNC else async_handler
        async with invoking(handler, kind, timeout_seconds=PATIENCE) as invoker:
            call = tasks.spawn(invoker.invoke(b"1", request_id="the-id"), name="call")
            await asyncio.sleep(0)
            await invoker.aclose()
            await invoker.aclose()
            return await call, await invoker.invoke(b"1", request_id="the-id")

    began = time.monotonic()
    answers = run(body)
    go_on.set()

    assert time.monotonic() - began < PATIENCE / 2
    for each in answers:
        assert each.error == (
            Outcome.ERROR,
            "Runtime.ExitError",
            "RequestId: the-id Error: Runtime exited with error: signal: killed",
        )


def test_a_closed_invoker_releases_what_it_held():
    go_on = threading.Event()

    async def body():
        async with invoking(lambda *_: go_on.wait(PATIENCE), SYNC, timeout_seconds=0.02) as invoker:
            await invoker.invoke(b"1", request_id="the-id")
            released = tasks.spawn(invoker.wait_released("the-id"), name="released")
            await asyncio.sleep(0)
            await invoker.aclose()
            await released

    run(body)
    go_on.set()


@pytest.mark.parametrize("what", ["time.sleep(600)", "threading.Event().wait()"])
def test_a_handler_that_never_returns_does_not_hold_up_the_end_of_the_program(what):
    program = f"""
import asyncio, threading, time
from pathlib import Path
from headrace.errors import VirtualTimeError
from headrace.invokers.in_process import InProcessInvoker
from headrace.model.function import FunctionSettings

def sync_handler(event, context): {what}
async def async_handler(event, context): {what}

async def main():
    for handler in (sync_handler, async_handler):
        settings = FunctionSettings("F", "f", "a.b", "python3.11", Path(), timeout_seconds=0.05)
        invoker = InProcessInvoker(handler, settings)
        print((await invoker.invoke(b"1", request_id="r")).error.error_type)
        await invoker.aclose()

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=PATIENCE, check=True
    )

    assert done.stdout.split() == [b"Sandbox.Timedout"] * 2
    assert done.stderr == b""


def in_virtual_time(body):
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(body(loop))
    finally:
        loop.close()


def test_on_a_virtual_clock_a_handler_takes_the_time_it_says_it_takes():
    async def handler(event, context):
        before = context.get_remaining_time_in_millis()
        await asyncio.sleep(event)
        return [before, context.get_remaining_time_in_millis()]

    async def body(loop):
        async with invoking(handler, INLINE_ASYNC, timeout_seconds=300) as invoker:
            response = await invoker.invoke(b"250.5", request_id="the-id")
            return response.payload, loop.time()

    assert in_virtual_time(body) == (b"[300000, 49500]", 250.5)


def test_on_a_virtual_clock_a_timeout_comes_at_its_instant():
    async def handler(event, context):
        await asyncio.sleep(1000)

    async def body(loop):
        async with invoking(handler, INLINE_ASYNC, timeout_seconds=300) as invoker:
            response = await invoker.invoke(b"1", request_id="the-id")
            at = loop.time()
            await invoker.wait_released("the-id")
            return response, at, loop.time()

    assert in_virtual_time(body) == (timed_out(300), 300, 300)


def test_on_a_virtual_clock_threads_are_refused():
    async def body(loop):
        async with invoking(lambda *_: None, SYNC) as invoker:
            with pytest.raises(VirtualTimeError, match="inline"):
                await invoker.invoke(b"1", request_id="the-id")

    in_virtual_time(body)


@pytest.mark.parametrize("kind", [INLINE_SYNC, INLINE_ASYNC])
def test_on_a_virtual_clock_nothing_is_left_that_time_would_jump_to(kind):
    async def body(loop):
        async with invoking(as_kind(lambda *_: None, kind), kind, timeout_seconds=300) as invoker:
            for number in range(3):
                await invoker.invoke(b"1", request_id=str(number))
            timers = [entry[-1] for entry in loop._scheduled]
            return [timer for timer in timers if not timer.cancelled()], loop.time()

    assert in_virtual_time(body) == ([], 0)
