"""Message keys: runs of neighbours, so that one statement serves many messages.

What is received together usually has neighbouring keys, and is settled together. So a run of any length is the usual case
and is found by one comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.store.schema import SEQUENCE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def key_range(queue_id: int) -> tuple[int, int]:
    """The first and the last key that a queue's messages can have."""
    return queue_id << SEQUENCE_BITS, ((queue_id + 1) << SEQUENCE_BITS) - 1


def queue_of(key: int) -> int:
    """The id of the queue that a key belongs to."""
    return key >> SEQUENCE_BITS


def runs_of_keys(keys: Iterable[int]) -> list[tuple[int, int]]:
    """*keys* in whatever order as runs of neighbours: pairs of first and last."""
    ordered = sorted(keys)
    if _is_one_run(ordered):
        return [(ordered[0], ordered[-1])]
    runs: list[tuple[int, int]] = []
    for key in ordered:
        if runs and key == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], key)
        else:
            runs.append((key, key))
    return runs


def runs_of_claims(claims: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Ordered claims as runs of neighbours with the same receive count: triples of first key, last key, count."""
    if _is_one_run([key for key, _ in claims]) and len({count for _, count in claims}) == 1:
        return [(claims[0][0], claims[-1][0], claims[0][1])]
    runs: list[tuple[int, int, int]] = []
    for key, count in claims:
        if runs and (key, count) == (runs[-1][1] + 1, runs[-1][2]):
            runs[-1] = (runs[-1][0], key, count)
        else:
            runs.append((key, key, count))
    return runs


def _is_one_run(ordered: list[int]) -> bool:
    return bool(ordered) and ordered == list(range(ordered[0], ordered[0] + len(ordered)))
