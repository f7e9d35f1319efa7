"""Every response of the table in semantics C.3, and the bodies of reliability F30."""

from __future__ import annotations

import pytest

from headrace.model.outcome import FunctionError, Outcome, Response
from headrace.policy.partial import judge

IDS = ("m1", "m2", "m3")

SUCCESSES = [
    b"null",
    b"",
    b'""',
    b"{}",
    b"[]",
    b" {} ",
    b'{"batchItemFailures":[]}',
    b'{"batchItemFailures": []}',
    b'{"batchItemFailures":null}',
    b'{"foo":1}',
    b'{"statusCode": 200}',
    b'{"batchitemfailures":[{"itemIdentifier":"m1"}]}',
]

COMPLETE_FAILURES = [
    b'{"batchItemFailures":[{"itemIdentifier":""}]}',
    b'{"batchItemFailures":[{"itemIdentifier":null}]}',
    b'{"batchItemFailures":[{"foo":"m1"}]}',
    b'{"batchItemFailures":[{"foo":null}]}',
    b'{"batchItemFailures":[{}]}',
    b'{"batchItemFailures":[null]}',
    b'{"batchItemFailures":["m1"]}',
    b'{"batchItemFailures":[["m1"]]}',
    b'{"batchItemFailures":[1]}',
    b'{"batchItemFailures":[{"itemIdentifier":"m4"}]}',
    b'{"batchItemFailures":[{"itemIdentifier":"M1"}]}',
    b'{"batchItemFailures":[{"itemIdentifier":" m1"}]}',
    b'{"batchItemFailures":[{"itemIdentifier":1}]}',
    b'{"batchItemFailures":[{"itemIdentifier":true}]}',
    b'{"batchItemFailures":[{"itemIdentifier":["m1"]}]}',
    b'{"batchItemFailures":[{"itemIdentifier":{"id":"m1"}}]}',
    b'{"batchItemFailures":[{"ItemIdentifier":"m1"}]}',
    b'{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"unknown"}]}',
    b'{"batchItemFailures":[{"itemIdentifier":"m1"},{}]}',
    b'{"batchItemFailures":{"itemIdentifier":"m1"}}',
    b'{"batchItemFailures":"m1"}',
    b'{"batchItemFailures":{}}',
    b'{"batchItemFailures":0}',
    b'{"batchItemFailures":false}',
    b'{"batchItemFailures":""}',
    b"5",
    b"0",
    b"true",
    b"false",
    b'"text"',
    b"[1]",
    b'["m1"]',
    b"{",
    b"{'a': 1}",
    b"NaN",
    b'{"batchItemFailures":NaN}',
    b"\xff\xfe",
    b'{"a":"\xff"}',
    b"undefined",
    b'{"batchItemFailures":[{"itemIdentifier":"m1"}]',
    b"[" * 100_000,
    b"{}{}",
    b"\xef\xbb\xbf{}",
]


@pytest.mark.parametrize("payload", SUCCESSES, ids=repr)
def test_these_responses_are_a_success(payload):
    verdict = judge(Response(payload), IDS, report_failures=True)

    assert (verdict.outcome, verdict.failed) == (Outcome.SUCCESS, frozenset())


@pytest.mark.parametrize("payload", COMPLETE_FAILURES, ids=lambda payload: repr(payload[:60]))
def test_these_responses_fail_the_whole_batch(payload):
    verdict = judge(Response(payload), IDS, report_failures=True)

    assert (verdict.outcome, verdict.failed) == (Outcome.ERROR, frozenset(IDS))
    assert verdict.why.startswith("unusable response: ")
    assert len(verdict.why) < 300


@pytest.mark.parametrize(
    ("listed", "failed"),
    [
        (["m1"], {"m1"}),
        (["m3"], {"m3"}),
        (["m1", "m2", "m3"], {"m1", "m2", "m3"}),
        (["m2", "m2"], {"m2"}),
    ],
)
def test_listed_records_fail_and_the_others_succeed(listed, failed):
    items = ",".join(f'{{"itemIdentifier":"{item}"}}' for item in listed)
    payload = f'{{"batchItemFailures":[{items}],"more":1}}'.encode()

    verdict = judge(Response(payload), IDS, report_failures=True)

    assert (verdict.outcome, verdict.failed) == (Outcome.PARTIAL, failed)


def test_an_item_with_further_keys_is_understood():
    payload = b'{"batchItemFailures":[{"itemIdentifier":"m2","why":"no"}]}'

    assert judge(Response(payload), IDS, report_failures=True).failed == {"m2"}


@pytest.mark.parametrize(
    "payload",
    [*COMPLETE_FAILURES, b'{"batchItemFailures":[{"itemIdentifier":"m1"}]}'],
    ids=lambda payload: repr(payload[:60]),
)
def test_without_the_setting_the_response_is_not_looked_at(payload):
    assert judge(Response(payload), IDS, report_failures=False).outcome is Outcome.SUCCESS


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.TIMED_OUT, Outcome.THROTTLED])
@pytest.mark.parametrize("report", [True, False])
def test_an_error_fails_every_record_whatever_the_payload_says(outcome, report):
    response = Response(b'{"batchItemFailures":[]}', FunctionError(outcome, "ValueError", "boom"))

    verdict = judge(response, IDS, report_failures=report)

    assert verdict == (outcome, frozenset(IDS), "ValueError: boom")
