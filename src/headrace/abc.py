"""The protocols that sources, invokers and clocks implement.

Each method states the promise that the shipped conformance suite checks (`headrace.testing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.model.outcome import Response
    from headrace.model.queue import QueueAttributes
    from headrace.model.record import Received, Record, Settled


class Clock(Protocol):
    """Wall time. Loops measure durations by their event loop's own time, never by this."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...


class QueueSource(Protocol):
    """A queue whose records are settled one by one.

    Every method may raise `SourceUnavailableError` (try later; what was asked may or may not have
    happened) or `SourceRefusedError` (trying again changes nothing).
    """

    @property
    def name(self) -> str:
        """The queue's name, for people."""
        ...

    @property
    def arn(self) -> str:
        """The ARN that stands in ``eventSourceARN``."""
        ...

    async def wait_visible(self) -> None:
        """Return once a record may be visible.

        Costs no receive and no slot. Returns early at will, late never: a record that became visible
        after the last receive began, or that it left behind (more were visible than it could hand out), ends
        the wait at once. Cancelling it is harmless. May raise `SourceUnavailableError`.
        """
        ...

    async def receive(self, limit: int) -> Received:
        """Hand out at most *limit* (at least 1) visible records and hide them for the visibility timeout.

        Answers at once, if need be with nothing. A record appears once in an answer. Its receive count
        goes up by one. The answer says for how long they are hidden. A cancelled call may leave records
        hidden until that time is over.
        """
        ...

    async def delete(self, records: Sequence[Record]) -> Settled:
        """Remove *records* for good. Idempotent: what is gone already counts as settled.

        A record that was received again by someone else in the meantime is left alone and
        reported as superseded.
        """
        ...

    async def release(self, records: Sequence[Record], *, delay_seconds: float) -> Settled:
        """Make *records* visible again after *delay_seconds* (0: at once). Receive counts stay as they are."""
        ...

    async def extend(self, records: Sequence[Record], *, visibility_seconds: float) -> Settled:
        """Hide *records* for *visibility_seconds* from now on."""
        ...

    async def attributes(self) -> QueueAttributes:
        """Backlog and ages, exact or approximate as the source can; cost must not grow with backlog."""
        ...

    async def aclose(self) -> None:
        """Give back what the source holds. Idempotent; waits of others end."""
        ...


class Invoker(Protocol):
    """How one function's handler is reached. Safe for as many calls at once as the function has slots."""

    async def invoke(self, event: bytes, *, request_id: str) -> Response:
        """Hand *event* (a JSON document) to the handler once and wait for what it gives.

        A handler's failure, timeout or crash is a `Response` with an error, never an exception. Whoever cancels
        this call gives the invocation up: the handler is ended where that is possible.
        """
        ...

    async def wait_released(self, request_id: str) -> None:
        """Return once no handler runs for an invocation that has ended; nearly always at once.

        A handler in this process can't be killed at its timeout: it still runs, so its slot stays taken. Cancelling
        the wait is harmless.
        """
        ...

    async def aclose(self) -> None:
        """End workers and give back what the invoker holds. Idempotent."""
        ...
