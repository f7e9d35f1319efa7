"""One invocation as a test sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from datetime import datetime

    from headrace.model.outcome import Outcome


class Invocation:
    """One call of a function, from its start on.

    ``mapping`` and ``function`` are names. ``response`` is what the handler returned, None where it raised or was
    too late; ``error`` is why its batch, or a part of it, failed, and empty after a success.
    """

    __slots__ = (
        "_began",
        "_encoded",
        "_ended",
        "_event",
        "_start",
        "error",
        "function",
        "mapping",
        "outcome",
        "request_id",
        "response",
    )

    def __init__(
        self,
        *,
        mapping: str,
        function: str,
        request_id: str,
        encoded: bytes,
        start: datetime,
        began: float,
    ) -> None:
        self.mapping = mapping
        self.function = function
        self.request_id = request_id
        self.outcome: Outcome | None = None
        """None while it runs, and for ever if its engine crashed meanwhile."""
        self.response: Any = None
        self.error = ""
        self._encoded = encoded
        self._event: Any = None
        self._start = start
        self._began = began
        self._ended: float | None = None

    @property
    def event(self) -> dict[str, Any]:
        """The event as the handler got it."""
        if self._event is None:
            self._event = orjson.loads(self._encoded)
        event: dict[str, Any] = self._event
        return event

    @property
    def records(self) -> list[dict[str, Any]]:
        """The event's ``Records``."""
        records: list[dict[str, Any]] = self.event["Records"]
        return records

    @property
    def started_at(self) -> datetime:
        """When it began, in UTC."""
        return self._start + timedelta(seconds=self._began)

    @property
    def ended_at(self) -> datetime | None:
        """When its answer counted, in UTC; None while it runs."""
        return None if self._ended is None else self._start + timedelta(seconds=self._ended)

    def end(self, at: float) -> None:
        """Note the end, in seconds of the virtual clock."""
        self._ended = at

    def __repr__(self) -> str:
        result = self.outcome or ("cut off" if self._ended is not None else "running")
        return (
            f"<Invocation {self.request_id} of {self.function} by {self.mapping} at "
            f"{self.started_at.isoformat()}: {len(self.records)} records, {result}>"
        )
