"""Deadlines, mailboxes, reports and Lambda's words for failures."""

from __future__ import annotations

import asyncio
import signal
import threading

import orjson
import pytest

from headrace.aio.virtual_time import VirtualTimeLoop
from headrace.invokers import failures, report
from headrace.invokers.deadlines import Deadlines
from headrace.invokers.mailbox import Mailbox
from headrace.model.outcome import FunctionError, Outcome
from tests.invokers.rig import run, until


def expiring(body, *, exact=False):
    """Run *body* in virtual time with deadlines; gives what expired when, and the end."""
    loop = VirtualTimeLoop()
    expired: list[tuple[str, float]] = []
    deadlines: Deadlines[str] = Deadlines(
        loop, lambda item: expired.append((item, loop.time())), exact=exact
    )
    try:
        loop.run_until_complete(body(deadlines))
    finally:
        loop.close()
    return expired


def test_each_item_expires_at_its_deadline():
    async def body(deadlines):
        for number in range(1, 4):
            deadlines.add(f"item {number}", float(number))
        await asyncio.sleep(10)

    assert expiring(body) == [("item 1", 1), ("item 2", 2), ("item 3", 3)]


def test_items_with_one_deadline_expire_together():
    async def body(deadlines):
        deadlines.add("a", 5.0)
        deadlines.add("b", 5.0)
        await asyncio.sleep(10)

    assert expiring(body) == [("a", 5), ("b", 5)]


def test_a_discarded_item_does_not_expire_and_the_next_one_is_on_time():
    async def body(deadlines):
        deadlines.add("a", 1.0)
        deadlines.add("b", 2.0)
        assert deadlines.discard("a")
        assert not deadlines.discard("a")
        await asyncio.sleep(10)
        assert deadlines.items() == []

    assert expiring(body) == [("b", 2)]


def test_an_item_added_after_a_quiet_time_is_on_time():
    async def body(deadlines):
        deadlines.add("a", 5.0)
        deadlines.discard("a")
        await asyncio.sleep(6)
        deadlines.add("b", 11.0)
        await asyncio.sleep(10)

    assert expiring(body) == [("b", 11)]


def test_exact_deadlines_leave_no_timer():
    async def body(deadlines):
        deadlines.add("a", 5.0)
        deadlines.add("b", 6.0)
        deadlines.discard("a")
        deadlines.discard("b")
        loop = asyncio.get_running_loop()
        timers = [entry[-1] for entry in loop._scheduled]  # type: ignore[attr-defined]  # the loop's own
        assert all(timer.cancelled() for timer in timers)

    assert expiring(body, exact=True) == []


def test_what_an_expiry_discards_does_not_expire():
    loop = VirtualTimeLoop()
    expired = []

    def expire(item):
        expired.append(item)
        deadlines.discard("b")

    deadlines: Deadlines[str] = Deadlines(loop, expire)

    async def body():
        deadlines.add("a", 5.0)
        deadlines.add("b", 5.0)
        await asyncio.sleep(10)

    loop.run_until_complete(body())
    loop.close()

    assert expired == ["a"]


def test_everything_that_many_threads_put_arrives_in_each_thread_s_order():
    async def body():
        received: list[tuple[int, int]] = []
        box = Mailbox(asyncio.get_running_loop(), received.append)

        def put(sender):
            for number in range(2000):
                box.put((sender, number))

        threads = [threading.Thread(target=put, args=(sender,)) for sender in range(4)]
        for thread in threads:
            thread.start()
        await until(lambda: len(received) == 8000)
        for thread in threads:
            thread.join()
        return received

    received = run(body)

    for sender in range(4):
        assert [number for each, number in received if each == sender] == list(range(2000))


def test_many_items_wake_the_loop_once():
    async def body():
        received: list[int] = []
        loop = asyncio.get_running_loop()
        box = Mailbox(loop, received.append)
        for number in range(100):
            box.put(number)
        scheduled = len(loop._ready)  # type: ignore[attr-defined]  # asyncio's own
        await asyncio.sleep(0)
        return scheduled, received

    scheduled, received = run(body)

    assert scheduled == 1
    assert received == list(range(100))


def test_a_closed_loop_gets_nothing():
    loop = asyncio.new_event_loop()
    loop.close()

    box: Mailbox[str] = Mailbox(loop, lambda _: None)
    box.put("dropped")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "Runtime exited without providing a reason"),
        (0, "Runtime exited without providing a reason"),
        (137, "Runtime exited with error: exit status 137"),
        (-signal.SIGKILL, "Runtime exited with error: signal: killed"),
        (-signal.SIGSEGV, "Runtime exited with error: signal: segmentation fault"),
        (-signal.SIGXCPU, "Runtime exited with error: signal: signal 24"),
        (-64, "Runtime exited with error: signal: signal 64"),
    ],
)
def test_how_a_process_ended_in_lambda_s_words(status, words):
    assert failures.exit_reason(status) == words


@pytest.mark.parametrize(
    ("document", "header", "error_type", "message"),
    [
        (b'{"errorType":"E","errorMessage":"m"}', "Header", "E", "m"),
        (b'{"errorMessage":"m"}', "Header", "Header", "m"),
        (b"{}", "", "Unhandled", ""),
        (b'{"errorType":null,"errorMessage":7}', "", "Unhandled", "7"),
        (b"", "Header", "Header", ""),
        (b"not json", "Header", "Header", ""),
        (b"[1]", "Header", "Header", ""),
    ],
)
def test_an_error_document_of_any_form_is_an_error(document, header, error_type, message):
    response = failures.reported(document, header)

    assert response.payload == document
    assert response.error == FunctionError(Outcome.ERROR, error_type, message)


def test_the_platform_s_own_errors_have_lambda_s_documents():
    response = failures.timed_out("the-id", 3)

    assert orjson.loads(response.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: the-id Error: Task timed out after 3.00 seconds",
    }


def test_a_report_line_is_lambda_s():
    line = report.report_line(
        "the-id",
        seconds=0.0123,
        memory_mb=128,
        max_memory_bytes=37_000_000,
        init_seconds=None,
    )

    assert line == (
        "REPORT RequestId: the-id\tDuration: 12.30 ms\tBilled Duration: 13 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 36 MB"
    )


@pytest.mark.parametrize(
    ("error", "is_out_of_memory", "status"),
    [
        (FunctionError(Outcome.TIMED_OUT, "Sandbox.Timedout", ""), False, "timeout"),
        (
            FunctionError(Outcome.ERROR, "Runtime.ExitError", ""),
            False,
            "error\tError Type: Runtime.ExitError",
        ),
        (
            FunctionError(Outcome.ERROR, "Runtime.ExitError", ""),
            True,
            "error\tError Type: Runtime.OutOfMemory",
        ),
    ],
)
def test_a_report_line_says_what_the_platform_had_to_end(error, is_out_of_memory, status):
    found = report.status_of(error, is_out_of_memory=is_out_of_memory)
    line = report.report_line(
        "the-id",
        seconds=1,
        memory_mb=128,
        max_memory_bytes=0,
        init_seconds=0.25,
        status=found,
    )

    assert line.endswith(f"\tInit Duration: 250.00 ms\tStatus: {status}")
