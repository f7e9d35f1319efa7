"""A producer of the kill tests: sends at a steady rate until it is asked to stop, and writes down each send before and after.

Run as ``python producer.py OPTIONS`` where the options are one JSON object: ``store``, ``queue``, ``history``, ``name``,
``seed``, ``rate`` (records a second), ``limit`` (0: none) and ``weights`` of what handlers are to do.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
import time

import headrace
from headrace.errors import StoreUnavailableError
from headrace.testing.history import Phase, Recorder, What, digest

PADDING = ("", "é", "\u2028", "\U0001f600", '\\"', "\t", "x" * 700)


class Producer:
    """Sends batches of one to twenty."""

    def __init__(self, options) -> None:
        self._options = options
        self._chance = random.Random(options["seed"])
        self._recorder = Recorder(options["history"])
        self._queue = headrace.Queue(options["queue"], store=options["store"])
        self._sent = 0
        self._stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self._stopping.set())

    def run(self) -> None:
        began = time.monotonic()
        limit = self._options["limit"] or sys.maxsize
        while not self._stopping.is_set() and self._sent < limit:
            self._send(min(self._chance.randint(1, 20), limit - self._sent))
            due = began + self._sent / self._options["rate"]
            self._stopping.wait(max(0.0, due - time.monotonic()))
        self._queue.close()

    def _send(self, count: int) -> None:
        asked = [self._ask() for _ in range(count)]
        bodies = [self._body(each) for each in asked]
        names = [each["name"] for each in asked]
        told = {"records": names, "digests": [digest(body) for body in bodies]}
        self._recorder.record(What.PRODUCE, phase=Phase.INVOKED, **told)
        try:
            if count == 1:
                self._queue.send(bodies[0])
            else:
                self._queue.send_many(bodies)
        except StoreUnavailableError:
            self._recorder.record(What.PRODUCE, phase=Phase.UNKNOWN, **told)
        else:
            self._recorder.record(What.PRODUCE, phase=Phase.OK, **told)

    def _ask(self) -> dict[str, str]:
        self._sent += 1
        weights = self._options["weights"]
        [do] = self._chance.choices(list(weights), list(weights.values()))
        return {"name": f"{self._options['name']}-{self._sent}", "do": do}

    def _body(self, asked: dict[str, str]) -> str:
        """The same JSON in one of many spellings: what arrives must be this very one."""
        written = json.dumps(
            {**asked, "padding": self._chance.choice(PADDING)},
            ensure_ascii=self._chance.choice([True, False]),
        )
        return (
            self._chance.choice(["", " ", "\n"]) + written + self._chance.choice(["", " ", "\r\n"])
        )


if __name__ == "__main__":
    Producer(json.loads(sys.argv[1])).run()
