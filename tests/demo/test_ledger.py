"""What the ledger makes of what its witnesses say."""

from __future__ import annotations

import json

from headrace.demo.ledger import Latency, Ledger
from headrace.demo.orders import Kind
from headrace.engine.statistics import BatchReport
from headrace.invokers.function_log import PLATFORM, STDOUT, LogLine
from headrace.model.mapping import MappingId
from headrace.model.outcome import Outcome
from headrace.model.record import Record, RecordId
from headrace.policy.batching import FlushReason

MAPPING = MappingId("ProcessOrdersOrder")


def report(*records, failed=(), outcome=Outcome.PARTIAL, started_at=100.0):
    return BatchReport(
        mapping_id=MAPPING,
        function="ProcessOrders",
        request_id="r",
        event=b"",
        records=records,
        reason=FlushReason.WINDOW,
        started_at=started_at,
        ended_at=started_at + 1,
        outcome=outcome,
        payload=b"",
        failed=frozenset(failed),
        why="",
    )


def record(name, receive_count=1, sent_at=99.0):
    encoded = json.dumps({"attributes": {"SentTimestamp": str(int(sent_at * 1000))}}).encode()
    return Record(RecordId(name), encoded, None, receive_count)


def test_orders_are_known_by_the_ids_that_the_store_gave():
    ledger = Ledger()

    ledger.take_sent(
        [
            {"pace": "quiet"},
            {"id": "m1", "order": "A-1", "kind": "good"},
            {"copies": 1, "at_the_counter": 0},
        ]
    )

    assert ledger.sent == {"m1": ("A-1", Kind.GOOD)}
    assert (ledger.pace, ledger.copies, ledger.at_the_counter) == ("quiet", 1, 0)


def test_calls_at_once_are_the_most_since_the_last_look():
    ledger = Ledger()

    ledger.take_calls(
        [
            {"order": "A-1", "outcome": "charged", "at_once": 1},
            {"order": "A-2", "outcome": "failed", "at_once": 3},
        ]
    )
    first = ledger.at_once_last, ledger.at_once_max
    ledger.take_calls([])

    assert first == (3, 3)
    assert (ledger.at_once_last, ledger.at_once_max) == (0, 3)
    assert ledger.charged == {"A-1": 1}


def test_a_repeat_is_explained_by_a_failure_before_it():
    ledger = Ledger()

    ledger.take_report(report(record("a"), record("b"), failed=["a"]))
    ledger.take_report(report(record("a", 2), record("b", 2)))

    mapping = ledger.mappings[MAPPING]
    assert (mapping.batches, mapping.records, mapping.failed) == (2, 4, 1)
    assert (mapping.retries, mapping.retries_unexplained) == (2, 1)


def test_a_throttled_invocation_is_none():
    ledger = Ledger()

    ledger.take_report(report(record("a"), failed=["a"], outcome=Outcome.THROTTLED))

    assert ledger.mappings == {}


def test_latency_is_from_the_send_to_the_first_handler():
    """A retry has waited on purpose and says nothing of latency."""
    ledger = Ledger()

    ledger.take_report(report(record("a", sent_at=99.0), record("b", sent_at=98.0)))
    ledger.take_report(report(record("c", receive_count=2, sent_at=10.0)))

    assert ledger.mappings[MAPPING].latency() == Latency(p50=2.0, p95=2.0)


def test_there_is_no_latency_before_the_first_batch():
    ledger = Ledger()

    ledger.take_report(report(record("c", receive_count=2)))

    assert ledger.mappings[MAPPING].latency() == Latency(0.0, 0.0)


def test_lines_of_handlers_are_counted_and_those_of_the_platform_are_not():
    ledger = Ledger()

    ledger.write(LogLine("PrintOrders", "r", STDOUT, 'BODY: {"order_id": "A-1"}'))
    ledger.write(LogLine("ShowOrder", "r", STDOUT, "ORDER_ID: A-1"))
    ledger.write(LogLine("PrintOrders", "r", PLATFORM, "BODY: no"))

    assert (ledger.audited, ledger.called_out) == (1, 1)
