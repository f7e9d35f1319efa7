"""How many pollers of a mapping ask the queue at once.

One scout always asks (or waits for a wake-up) while there is a free slot. A full answer means that there is more: one
more poller starts. An answer that is not full leaves the rest to the scout. So an idle mapping costs one waiting poller, and a backlog is
met by as many as there are slots, within as many receives.
"""

from __future__ import annotations


def should_start(*, pollers: int, scouts: int, limit: int, answer_was_full: bool) -> bool:
    """Whether one more poller starts after an answer with records.

    *scouts* counts the pollers that are asking or waiting, without the one that got the answer.
    """
    return pollers < limit and (answer_was_full or scouts == 0)


def should_end(*, scouts: int) -> bool:
    """Whether a poller whose answer was empty ends: another one is already asking."""
    return scouts > 0
