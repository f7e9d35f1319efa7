"""The payments service: a process of its own that charges cards, slowly, and breaks if too many call at once.

Started as ``python -m headrace.demo.payments JOURNAL LIMIT``; prints the port that it listens on. It writes down every
call, with how many there were at that moment, and it is the one who knows which orders are paid. More calls at
once than LIMIT are refused and written down as such. Ends when standard input ends.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from headrace.demo.journal import JournalWriter
from headrace.demo.parent import heed_parent

if TYPE_CHECKING:
    from collections.abc import Callable

FLAKY_FAILURES = 2
SECONDS_MIN = 0.02
SECONDS_MAX = 0.06
_STATUS = {"charged": 200, "charged before": 200, "failed": 503, "refused": 429}


class Payments:
    """Charges each order once, whoever asks how often, and keeps the books."""

    def __init__(
        self,
        limit: int,
        *,
        chance: Random,
        write: Callable[[dict[str, Any]], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit = limit
        self._chance = chance
        self._write = write
        self._sleep = sleep
        self._lock = threading.Lock()
        self._at_once = 0
        self._charged: set[str] = set()
        self._failures: Counter[str] = Counter()

    def charge(self, order: dict[str, Any], key: str) -> str:
        """Charge *order*, taking some time for it; returns what came of it.

        *key* is the caller's name for the charge: one that was made already is not made again.
        """
        with self._lock:
            self._at_once += 1
            at_once = self._at_once
            seconds = self._chance.uniform(SECONDS_MIN, SECONDS_MAX)
        outcome = "refused"
        try:
            if at_once <= self.limit:
                self._sleep(seconds)
                outcome = self._decide(order, key)
        finally:
            # Written down while the call still counts, so that a caller who knows can't be faster than the books.
            self._write({"order": order.get("order_id"), "outcome": outcome, "at_once": at_once})
            with self._lock:
                self._at_once -= 1
        return outcome

    def _decide(self, order: dict[str, Any], key: str) -> str:
        with self._lock:
            if key in self._charged:
                return "charged before"
            if order.get("card") == "flaky" and self._failures[key] < FLAKY_FAILURES:
                self._failures[key] += 1
                return "failed"
            self._charged.add(key)
            return "charged"


def serve(payments: Payments) -> ThreadingHTTPServer:
    """A server on a free port of the loopback interface; the caller runs it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            order = json.loads(self.rfile.read(length))
            outcome = payments.charge(order, self.headers.get("Idempotency-Key", ""))
            answer = json.dumps({"outcome": outcome}).encode()
            self.send_response(_STATUS[outcome])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    """Serve until standard input ends."""
    path, limit = sys.argv[1:]
    stopping = heed_parent()
    journal = JournalWriter(Path(path))
    chance = Random(1)  # noqa: S311 - how long a charge takes is no secret
    server = serve(Payments(int(limit), chance=chance, write=journal.write))
    threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    stopping.wait()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
