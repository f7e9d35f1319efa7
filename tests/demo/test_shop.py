"""The example: a template without a mistake, and three handlers that do what the lesson says."""

from __future__ import annotations

import json
import runpy
import threading
from random import Random

import pytest

from headrace.config.template import load_template
from headrace.demo.payments import Payments, serve
from headrace.demo.session import SHOP

ROOT = SHOP.parents[3]


def handler(name):
    return runpy.run_path(str(SHOP / "handlers" / f"{name}.py"))["lambda_handler"]


def event(*bodies):
    return {"Records": [{"messageId": f"m{at}", "body": body} for at, body in enumerate(bodies, 1)]}


def same(one, other):
    return one.is_file() and one.read_bytes() == other.read_bytes()


def test_the_template_has_no_problem_and_nothing_is_passed_over():
    application = load_template(SHOP / "template.yaml")

    assert (application.problems, application.passed_over) == ((), ())
    assert [
        (each.mapping_id, each.batch_size, each.batch_window_seconds, each.maximum_concurrency)
        for each in application.mappings
    ] == [
        ("ProcessOrdersOrder", 10, 1, 4),
        ("PrintOrdersCopy", 100, 5, None),
        ("ShowOrderCall", 1, 0, None),
    ]


def test_the_template_holds_nothing_that_only_headrace_knows():
    assert "Headrace:" not in (SHOP / "template.yaml").read_text(encoding="utf-8")


@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not a checkout")
def test_the_example_stands_at_the_root_of_the_repository():
    """A link in a checkout, a copy in a source archive."""
    files = [
        each.relative_to(SHOP) for each in SHOP.rglob("*.*") if "__pycache__" not in each.parts
    ]

    assert [
        each for each in files if not same(ROOT / "examples" / "shop" / each, SHOP / each)
    ] == []


def test_the_first_handler_prints_every_body(capsys):
    answer = handler("print_orders")(event("one", "two"), None)

    assert answer == {"statusCode": 200}
    assert capsys.readouterr().out == "BODY: one\nBODY: two\n"


def test_the_second_handler_parses_the_first_body(capsys):
    handler("show_order")(event('{"order_id": "A-42"}'), None)

    assert capsys.readouterr().out == "ORDER_ID: A-42\n"


def test_the_third_handler_reports_the_orders_that_failed_and_no_other(capsys):
    answer = handler("process_orders")(
        event('{"order_id": "A-1"}', '{"order_id', '{"amount": 3}', '{"order_id": "A-4"}'), None
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}, {"itemIdentifier": "m3"}]}
    assert capsys.readouterr().out == "PAID: A-1\nPAID: A-4\n"


@pytest.mark.slow
def test_the_third_handler_pays_and_a_payment_that_fails_comes_back(monkeypatch, capsys):
    server = serve(
        Payments(4, chance=Random(1), write=lambda line: None, sleep=lambda seconds: None)
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PAYMENTS_URL", f"http://127.0.0.1:{server.server_address[1]}/")
    orders = [json.dumps({"order_id": "A-1"}), json.dumps({"order_id": "A-2", "card": "flaky"})]
    try:
        answers = [handler("process_orders")(event(*orders), None) for _ in range(3)]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    again = {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert answers == [again, again, {"batchItemFailures": []}]
