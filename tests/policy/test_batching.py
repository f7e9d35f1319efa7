"""When a batch is full: exact numbers, and a naive model beside it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.model.record import Record, RecordId
from headrace.policy.batching import (
    FlushReason,
    OpenBatch,
    batches_of,
    encode_event,
    event_bytes,
    fitting,
)
from headrace.policy.heartbeat import Hold


def record(name, size=2):
    return Record(RecordId(name), b'"' + b"x" * (size - 2) + b'"', None, 1)


def hold(*sizes, at=0.0):
    return Hold([record(str(index), size) for index, size in enumerate(sizes)], at, 30.0)


@pytest.mark.parametrize("count", [0, 1, 2, 10])
def test_the_size_of_an_event_is_known_before_it_is_built(count):
    records = [record(str(index), 5 + index) for index in range(count)]

    assert len(encode_event(records)) == event_bytes(records)
    assert len(orjson.loads(encode_event(records))["Records"]) == count


def test_a_batch_that_is_exactly_as_large_as_the_limit_is_not_cut():
    records = [record("a", 100), record("b", 100)]
    limit = event_bytes(records)

    assert fitting(records, used_bytes=0, payload_bytes_max=limit) == 2
    assert fitting(records, used_bytes=0, payload_bytes_max=limit - 1) == 1


def test_a_record_above_the_limit_travels_alone():
    batches = list(batches_of(hold(50, 500, 50), payload_bytes_max=100))

    assert [[len(item.encoded) for item in batch.records] for batch in batches] == [
        [50],
        [500],
        [50],
    ]


def test_the_window_counts_from_the_first_record():
    batch = OpenBatch(size_max=10, window_seconds=5)

    assert batch.due(1_000) is None
    batch.add(hold(2), now=7)
    batch.add(hold(2), now=11)

    assert batch.due(11.9) is None
    assert batch.due(12) is FlushReason.WINDOW


def test_size_closes_a_batch_at_once():
    batch = OpenBatch(size_max=2, window_seconds=300)
    batch.add(hold(2, 2), now=0)

    assert (batch.due(0), batch.room) == (FlushReason.SIZE, 0)


def test_what_does_not_fit_begins_the_next_batch():
    batch = OpenBatch(size_max=10, window_seconds=300, payload_bytes_max=120)

    rest = batch.add(hold(50, 50, 50), now=0)

    assert rest is not None
    assert (batch.due(0), batch.room, batch.count) == (FlushReason.PAYLOAD, 0, 2)
    assert [len(item.encoded) for item in rest.records] == [50]
    assert batch.flush(FlushReason.PAYLOAD).reason is FlushReason.PAYLOAD
    assert batch.add(rest, now=3) is None
    assert (batch.count, batch.deadline) == (1, 303)


def test_an_empty_answer_opens_no_window():
    batch = OpenBatch(size_max=10, window_seconds=5)

    assert batch.add(hold(), now=0) is None
    assert (batch.deadline, batch.count) == (None, 0)


@given(
    receives=st.lists(st.lists(st.integers(2, 60), max_size=10), max_size=20),
    size_max=st.integers(1, 25),
    limit=st.integers(20, 200),
)
def test_no_record_is_lost_repeated_or_reordered_and_no_limit_is_passed(receives, size_max, limit):
    batch = OpenBatch(size_max=size_max, window_seconds=1, payload_bytes_max=limit)
    flushed, number, sent = [], 0, []
    for sizes in receives:
        records = [record(f"{number + index}", max(size, 4)) for index, size in enumerate(sizes)]
        number += len(records)
        sent += records
        waiting = records
        while waiting:
            part, waiting = waiting[: batch.room], waiting[batch.room :]
            rest = batch.add(Hold(part, 0.0, 30.0), now=0)
            while (reason := batch.due(0)) is not None:
                flushed.append(batch.flush(reason))
                if rest is not None:
                    rest = batch.add(rest, now=0)
    flushed.append(batch.flush(FlushReason.STOP))

    assert [item for one in flushed for item in one.records] == sent
    for one in flushed:
        assert len(one.records) <= size_max
        assert event_bytes(one.records) <= limit or len(one.records) == 1
