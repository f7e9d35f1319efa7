"""The shop's door: a process of its own that sends orders, now few, now many, and writes down which.

Started as ``python -m headrace.demo.producer STORE JOURNAL SECONDS``. An order is written down once its send has
returned, with the id that it got: from then on it must not be lost. Ends by itself after SECONDS, or when
standard input ends.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headrace import Queue
from headrace.demo import orders
from headrace.demo.journal import JournalWriter
from headrace.demo.parent import heed_parent

if TYPE_CHECKING:
    from threading import Event

TICK_SECONDS = 0.05


class Producer:
    """Sends each order to the queue that pays, a copy to the one that prints, and some to the counter."""

    def __init__(self, store: Path, journal: Path) -> None:
        self._orders = Queue("OrdersQueue", store=store)
        self._audit = Queue("AuditQueue", store=store)
        self._counter = Queue("CounterQueue", store=store)
        self._journal = JournalWriter(journal)
        self._last = 0

    def feed(self, seconds: float, stopping: Event) -> None:
        """Send for *seconds* at a varying pace, with a burst in the middle, or until *stopping*."""
        started = now = time.monotonic()
        due = 0.0
        words = ""
        burst = orders.burst_size(seconds)
        while (part := (now - started) / seconds) < 1 and not stopping.is_set():
            pace = orders.pace(part)
            if pace.words != words:
                words = pace.words
                self._journal.write({"pace": words})
            due += pace.per_second * TICK_SECONDS
            if part >= orders.BURST_AT and burst:
                due += burst
                burst = 0
            self.send(int(due))
            due -= int(due)
            stopping.wait(TICK_SECONDS)
            now = time.monotonic()

    def send(self, count: int) -> None:
        """Send the next *count* orders."""
        if not count:
            return
        batch = [orders.order(self._last + 1 + index) for index in range(count)]
        self._last += count
        ids = self._orders.send_many([each.body for each in batch])
        self._journal.write(
            *(
                {"id": message_id, "order": each.order_id, "kind": each.kind}
                for message_id, each in zip(ids, batch, strict=True)
            )
        )
        self._audit.send_many([each.body for each in batch])
        at_the_counter = [each.body for each in batch if each.is_at_the_counter]
        if at_the_counter:
            self._counter.send_many(at_the_counter)
        self._journal.write({"copies": count, "at_the_counter": len(at_the_counter)})

    def close(self) -> None:
        """Give the store back."""
        for queue in (self._orders, self._audit, self._counter):
            queue.close()
        self._journal.close()


def main() -> None:
    """Feed, as the command line says."""
    store, journal, seconds = sys.argv[1:]
    stopping = heed_parent()
    producer = Producer(Path(store), Path(journal))
    try:
        producer.feed(float(seconds), stopping)
    finally:
        producer.close()


if __name__ == "__main__":
    main()
