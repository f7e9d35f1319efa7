"""One invocation on its way to a worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from headrace.invokers.worker_process import WorkerProcess
    from headrace.model.outcome import Response


class Invocation:
    """An event that waits for a worker, or that a worker has.

    ``worker`` is set once one was chosen; ``is_delivered`` once the event has left for it: from then on whatever ends
    the worker fails the invocation, before it only sends it to another worker.
    """

    __slots__ = ("answer", "event", "is_delivered", "request_id", "started", "worker")

    def __init__(self, event: bytes, request_id: str, answer: asyncio.Future[Response]) -> None:
        self.event = event
        self.request_id = request_id
        self.answer = answer
        self.worker: WorkerProcess | None = None
        self.is_delivered = False
        self.started = 0.0

    def respond(self, response: Response) -> None:
        """Answer, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(response)
