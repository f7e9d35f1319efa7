"""The payments service: what it charges, what it refuses, and what it writes down."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from random import Random

import pytest

from headrace.demo.payments import Payments, serve

ORDER = {"order_id": "A-1", "amount": 10}


def service(limit=4, sleep=lambda seconds: None):
    written: list[dict[str, object]] = []
    return Payments(limit, chance=Random(1), write=written.append, sleep=sleep), written


def test_an_order_is_charged_once_however_often_it_comes():
    payments, written = service()

    outcomes = [payments.charge(ORDER, "key-1") for _ in range(3)]

    assert outcomes == ["charged", "charged before", "charged before"]
    assert [line["order"] for line in written] == ["A-1", "A-1", "A-1"]


def test_a_flaky_payment_fails_twice_and_then_works():
    payments, _ = service()

    outcomes = [payments.charge({**ORDER, "card": "flaky"}, "key-1") for _ in range(3)]

    assert outcomes == ["failed", "failed", "charged"]


def test_a_call_above_the_limit_is_refused_and_written_down():
    """The one that is refused comes while another is being charged."""
    outcomes: list[str] = []

    def call_again(_):
        if not outcomes:
            outcomes.append("")
            outcomes[0] = payments.charge({"order_id": "A-2"}, "key-2")

    payments, written = service(limit=1, sleep=call_again)
    outcomes_of_first = payments.charge(ORDER, "key-1")

    assert (outcomes_of_first, outcomes) == ("charged", ["refused"])
    assert {"order": "A-2", "outcome": "refused", "at_once": 2} in written


@contextmanager
def served(payments):
    server = serve(payments)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/payments"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def post(url, order, key):
    request = urllib.request.Request(  # noqa: S310 - our own server
        url, data=json.dumps(order).encode(), headers={"Idempotency-Key": key}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())


@pytest.mark.slow
def test_it_answers_over_http_and_a_failure_is_an_error_for_the_caller():
    payments, _ = service()
    with served(payments) as url:
        charged = post(url, ORDER, "key-1")
        with pytest.raises(urllib.error.HTTPError) as failed:
            post(url, {**ORDER, "card": "flaky"}, "key-2")
        failed.value.close()

    assert charged == {"outcome": "charged"}
    assert failed.value.code == 503
