"""From a verdict to settlements (semantics C.1, C.2).

AWS deletes what succeeded and calls nothing for what failed: a failed message comes back when its visibility timeout
is over. Headrace's heartbeat may have hidden it for longer, so then the message is given back for the moment
at which AWS would have shown it again, or at once if that moment has passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.model.record import Record
    from headrace.policy.heartbeat import Hold
    from headrace.policy.partial import Verdict


class Release(NamedTuple):
    """Records to be made visible after *delay_seconds*."""

    records: list[Record]
    delay_seconds: float


class Settlement(NamedTuple):
    """What to tell the source. What stands in neither is left as it is and returns by itself."""

    delete: list[Record]
    release: list[Release]


def decide(verdict: Verdict, holds: Sequence[Hold], *, now: float) -> Settlement:
    """Answer what to delete and what to give back."""
    if verdict.outcome is Outcome.SUCCESS:
        return Settlement([record for hold in holds for record in hold.records], [])
    delete: list[Record] = []
    release: list[Release] = []
    for hold in holds:
        failed: list[Record] = []
        for record in hold.records:
            (failed if record.record_id in verdict.failed else delete).append(record)
        if failed and (delay := return_delay(hold, now=now)) is not None:
            release.append(Release(failed, delay))
    return Settlement(delete, release)


def return_delay(hold: Hold, *, now: float) -> float | None:
    """The delay with which failed records are to be released; None where they return by themselves."""
    if hold.hidden_until <= hold.returns_at:
        return None
    return max(0.0, hold.returns_at - now)
