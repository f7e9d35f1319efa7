"""Why was this record handed over again? What a history knows of kills, pauses, stops and faults, asked for one delivery.

Theory of operation. A redelivery is explained by what became of the delivery before it, never by the mere fact that something
was killed at some time. A kill explains it only if it hit the very engine (or worker) that held the record, while the handler
ran or so soon after its success that the delete may not have been written. A pause explains it only if it
was long enough for the visibility to lapse. A clean stop explains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from headrace.model.outcome import Outcome
from headrace.testing.checker_report import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.testing.checker import Rules
    from headrace.testing.history import Event

STARTING_SECONDS = 0.25
"""How much earlier than its handler an invocation may have begun."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One invocation as its handler saw it; ``ended_at`` stays None if nobody saw its end."""

    invocation: str
    engine: str
    pid: int
    records: tuple[str, ...]
    started_at: float
    ended_at: float | None = None
    outcome: str = ""
    """A `headrace.model.outcome.Outcome`, or ``crash``."""
    failed: frozenset[str] = frozenset()


class Explanation(NamedTuple):
    """A cause, and the one event that is to blame (for counting); ``blamed`` is empty for a handler's own failure."""

    cause: Cause
    blamed: str = ""
    role: str = ""


@dataclass(slots=True, eq=False)
class _End:
    """How an engine ended: a kill, or a stop that became an exit."""

    at: float
    cause: Cause | None
    blamed: str


@dataclass(slots=True)
class _Pause:
    """A process that stood still from ``began_at`` on; ``ended_at`` is None while it does."""

    began_at: float
    engine: str
    target: int
    role: str
    blamed: str
    ended_at: float | None = None


class _Fault(NamedTuple):
    at: float
    name: str
    records: frozenset[str]


@dataclass(slots=True)
class Disturbances:
    """Everything that was done to the processes, in the order in which it is told."""

    rules: Rules
    _ends: dict[str, _End] = field(default_factory=dict)
    _asked: dict[str, tuple[float, bool]] = field(default_factory=dict)
    _worker_kills: dict[tuple[str, int], _End] = field(default_factory=dict)
    _pauses: list[_Pause] = field(default_factory=list)
    _faults: list[_Fault] = field(default_factory=list)
    count: int = 0
    """How many there were so far that may cost a record a receive without a delivery."""

    def killed(self, event: Event) -> None:
        """An engine or a worker was killed."""
        self.count += 1
        blamed = f"the kill of {event.role} {event.engine or event.target} at {event.at:.3f} s"
        if event.role == "engine":
            self._ends[event.engine] = _End(event.at, Cause.ENGINE_KILLED, blamed)
        elif event.role == "worker":
            end = _End(event.at, Cause.WORKER_KILLED, blamed)
            self._worker_kills[event.engine, event.target] = end

    def asked_to_stop(self, event: Event) -> None:
        """An engine was asked to stop; the last word counts."""
        at, hard = self._asked.get(event.engine, (event.at, False))
        self._asked[event.engine] = (at, hard or event.name == "hard")

    def exited(self, event: Event) -> bool:
        """An engine ended by itself. Returns whether that was a clean stop."""
        self.count += 1
        asked_at, hard = self._asked.get(event.engine, (event.at, False))
        overran = event.at - asked_at >= self.rules.drain_seconds
        clean = not hard and not overran
        blamed = f"the stop of engine {event.engine} at {event.at:.3f} s"
        cause = None if clean else Cause.HARD_STOP
        self._ends.setdefault(event.engine, _End(event.at, cause, blamed))
        return clean

    def paused(self, event: Event) -> None:
        """A process stands still from now on."""
        self.count += 1
        blamed = f"the pause of {event.role} {event.engine} {event.target} at {event.at:.3f} s"
        pause = _Pause(event.at, event.engine, event.target, event.role, blamed)
        self._pauses.append(pause)

    def resumed(self, event: Event) -> None:
        """A process goes on."""
        for pause in self._pauses:
            if pause.ended_at is None and pause.target == event.target:
                pause.ended_at = event.at

    def fired(self, event: Event) -> None:
        """A fault was injected."""
        self.count += 1
        if event.name in self.rules.repeating_faults:
            self._faults.append(_Fault(event.at, event.name, frozenset(event.records)))

    def killed_at(self, engine: str) -> float | None:
        """When this engine was killed, if it was."""
        end = self._ends.get(engine)
        return end.at if end is not None and end.cause is Cause.ENGINE_KILLED else None

    def explain(
        self, record: str, before: Delivery, at: float, *, holder: str = ""
    ) -> Explanation | None:
        """Say why *record*, delivered by *before*, is out again at *at*, now in the hands of the engine *holder*."""
        failed = _failure(record, before)
        if failed is not None:
            return Explanation(failed)
        return (
            self._taken_from_it(before, at)
            or self._held_all_along(holder, before, at)
            or self._stood_still_beyond_its_timeout(before, at)
            or self._faulted(record, before.started_at, at)
        )

    def explain_gone(
        self, record: str, before: Delivery, at: float, *, holder: str = ""
    ) -> Explanation | None:
        """Say why *record* is out again although it had been deleted or set aside."""
        held = self._held_all_along(holder, before, at)
        return held or self._faulted(record, before.started_at, at)

    def _taken_from_it(self, before: Delivery, at: float) -> Explanation | None:
        """What took the record from this delivery, or cut off the writing of its delete; of several things the first."""
        begun = before.started_at - self.rules.orphan_seconds
        settled_by = min(self._settled_by(before), at)
        possible = [
            (moment, why)
            for moment, why in (*self._ends_of(before), *self._lapses_of(before, at))
            if moment <= settled_by and (begun <= moment or why.cause is Cause.LAPSE)
        ]
        return min(possible)[1] if possible else None

    def _ends_of(self, before: Delivery) -> Iterator[tuple[float, Explanation]]:
        for end, role in (
            (self._ends.get(before.engine), "engine"),
            (self._worker_kills.get((before.engine, before.pid)), "worker"),
        ):
            if end is not None and end.cause is not None:
                yield end.at, Explanation(end.cause, end.blamed, role)
        timeout = self.rules.timeout_seconds
        if timeout is None:
            return
        if before.ended_at is None or before.ended_at - before.started_at >= timeout:
            # The engine's clock started before the handler wrote its first line.
            yield before.started_at + timeout - STARTING_SECONDS, Explanation(Cause.TIMEOUT)

    def _lapses_of(self, before: Delivery, at: float) -> Iterator[tuple[float, Explanation]]:
        for pause in self._pauses_of(before, at):
            until = at if pause.ended_at is None else min(pause.ended_at, at)
            if pause.role == "engine" and until - pause.began_at >= self.rules.lapse_seconds:
                yield pause.began_at, Explanation(Cause.LAPSE, pause.blamed, "engine")

    def _held_all_along(self, holder: str, before: Delivery, at: float) -> Explanation | None:
        """The *holder* had received the record, stood still while another took it, and hands it over only now."""
        for pause in reversed(self._pauses):
            until = at if pause.ended_at is None else pause.ended_at
            if (
                (pause.engine, pause.role) == (holder, "engine")
                and until - pause.began_at >= self.rules.lapse_seconds
                and pause.began_at <= before.started_at <= until + self.rules.settle_seconds
                and until <= at <= until + self.rules.settle_seconds
            ):
                return Explanation(Cause.LAPSE, pause.blamed, "engine")
        return None

    def _settled_by(self, before: Delivery) -> float:
        """Until when the delete after this delivery may not have been written yet."""
        if before.ended_at is None:
            return float("inf")
        return before.ended_at + self.rules.settle_seconds

    def _stood_still_beyond_its_timeout(self, before: Delivery, at: float) -> Explanation | None:
        """A handler that ended in time, and then its worker stood still before it could say so."""
        timeout = self.rules.timeout_seconds
        if timeout is None or at - before.started_at < timeout:
            return None
        for pause in self._pauses_of(before, at):
            if pause.role == "worker" and pause.target == before.pid:
                return Explanation(Cause.TIMEOUT, pause.blamed, "worker")
        return None

    def _pauses_of(self, before: Delivery, at: float) -> Iterator[_Pause]:
        """The pauses that fell into this delivery, the latest first."""
        held_until = min(self._settled_by(before), at)
        for pause in reversed(self._pauses):
            until = at if pause.ended_at is None else pause.ended_at
            if (
                pause.engine == before.engine
                and pause.began_at <= held_until
                and until >= before.started_at
            ):
                yield pause

    def _faulted(self, record: str, since: float, at: float) -> Explanation | None:
        for fault in reversed(self._faults):
            if fault.at < since:
                return None
            if fault.at <= at and (not fault.records or record in fault.records):
                return Explanation(Cause.FAULT, f"{fault.name} at {fault.at:.3f} s")
        return None


def _failure(record: str, before: Delivery) -> Cause | None:
    if record not in before.failed:
        return None
    match before.outcome:
        case Outcome.PARTIAL:
            return Cause.PARTIAL
        case Outcome.TIMED_OUT:
            return Cause.TIMEOUT
        case _:
            return Cause.FAILURE
