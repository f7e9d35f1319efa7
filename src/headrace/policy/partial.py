"""What a handler's response means for its batch (semantics C.3, to the letter).

The response is looked at only when the mapping asks for ``ReportBatchItemFailures``; otherwise every return
without an error is a success. AWS fails closed: one item that can't be understood, or that names no record of the
batch, fails the whole batch, so nothing is deleted that the handler may have meant to keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from headrace.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection

    from headrace.model.outcome import Response

_CLEAN = frozenset(
    (b"null", b"", b'""', b"{}", b"[]", b'{"batchItemFailures":[]}', b'{"batchItemFailures": []}')
)


class Verdict(NamedTuple):
    """The outcome of an invocation and which records failed.

    ``failed`` holds record ids; ``why`` is for people, empty after a success.
    """

    outcome: Outcome
    failed: frozenset[str]
    why: str = ""


_SUCCESS = Verdict(Outcome.SUCCESS, frozenset())


def judge(response: Response, record_ids: Collection[str], *, report_failures: bool) -> Verdict:
    """Decide what *response* says of the batch whose records are *record_ids*."""
    if response.error is not None:
        error = response.error
        return Verdict(error.outcome, frozenset(record_ids), f"{error.error_type}: {error.message}")
    if not report_failures or response.payload in _CLEAN:
        return _SUCCESS
    try:
        document = orjson.loads(response.payload)
    except orjson.JSONDecodeError as error:
        return _unusable(record_ids, f"the response is not valid JSON: {error}")
    return _judge_document(document, frozenset(record_ids))


def _judge_document(document: object, record_ids: frozenset[str]) -> Verdict:
    # semantics C.3 rows 1-3: null, "", {} and [] say that all went well, and so does an object without the key.
    if document is None or document in ("", {}, []):
        return _SUCCESS
    if not isinstance(document, dict):
        return _unusable(record_ids, f"expected an object, got {_kind(document)}")
    items = document.get("batchItemFailures")
    if items is None or items == []:
        return _SUCCESS
    if not isinstance(items, list):
        return _unusable(record_ids, f"batchItemFailures: expected a list, got {_kind(items)}")
    return _judge_items(items, record_ids)


def _judge_items(items: list[object], record_ids: frozenset[str]) -> Verdict:
    failed = set()
    for index, item in enumerate(items):
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str) or identifier not in record_ids:
            return _unusable(
                record_ids,
                f"batchItemFailures[{index}]: expected an itemIdentifier of this batch, got {_shown(item)}",
            )
        failed.add(identifier)
    why = f"batchItemFailures: {len(failed)} of {len(record_ids)} records"
    return Verdict(Outcome.PARTIAL, frozenset(failed), why)


def _unusable(record_ids: Collection[str], why: str) -> Verdict:
    return Verdict(Outcome.ERROR, frozenset(record_ids), f"unusable response: {why}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line on a terminal


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
