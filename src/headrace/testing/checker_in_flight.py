"""What is under way at one moment of a history: handlers that run, records that an engine holds. And what must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.testing.checker_report import Finding

if TYPE_CHECKING:
    from headrace.testing.checker import Rules
    from headrace.testing.checker_causes import Delivery, Disturbances
    from headrace.testing.checker_report import Findings
    from headrace.testing.history import Event


class InFlight:
    """Sizes, slots and the end of those who hold records, for one source."""

    def __init__(self, rules: Rules, disturbances: Disturbances, findings: Findings) -> None:
        self._rules = rules
        self._disturbances = disturbances
        self._findings = findings
        self._running: dict[str, Delivery] = {}
        """By invocation: handlers that have started and not ended."""
        self._held: dict[str, str] = {}
        """By record: the engine that received it, until it is settled. Empty where receives are not recorded."""

    def receive(self, event: Event) -> None:
        """An engine took records from the source."""
        for name in event.records:
            self._held[name] = event.engine
        held = sum(engine == event.engine for engine in self._held.values())
        if held > self._rules.in_flight_max:
            self._findings.add(
                Finding.NO_FREE_SLOT,
                event.records[-1],
                f"{event.records[-1]} was received at {event.at:.3f} s by engine {event.engine}, which then held {held} "
                f"records and has room for {self._rules.in_flight_max}",
            )

    def is_held(self, record: str) -> bool:
        """Whether some engine has received this record and not settled it."""
        return record in self._held

    def settle(self, record: str, engine: str | None = None) -> None:
        """A record was settled by an *engine*, or left the source."""
        if engine is None or self._held.get(record) == engine:
            self._held.pop(record, None)

    def invoke(self, delivery: Delivery) -> None:
        """A handler starts."""
        self._check_batch(delivery)
        self._running[delivery.invocation] = delivery
        others = [each for each in self._running.values() if each.engine == delivery.engine]
        if len(others) > self._rules.concurrency:
            self._forget_timed_out(delivery.started_at)
            others = [each for each in self._running.values() if each.engine == delivery.engine]
        if len(others) > self._rules.concurrency:
            self._findings.add(
                Finding.TOO_MANY_AT_ONCE,
                delivery.records[0],
                f"{delivery.records[0]} was handed over at {delivery.started_at:.3f} s (invocation {delivery.invocation}) "
                f"beside {len(others) - 1} running handlers; {self._rules.concurrency} were allowed",
            )

    def end(self, delivery: Delivery) -> None:
        """A handler ended."""
        self._running.pop(delivery.invocation, None)

    def end_all_of(self, engine: str, at: float, *, pid: int | None = None) -> list[Delivery]:
        """An engine is gone, or one worker of it; returns the invocations that this cut off."""
        self._forget_timed_out(at)
        ended = [
            delivery
            for delivery in self._running.values()
            if delivery.engine == engine and pid in {None, delivery.pid}
        ]
        for delivery in ended:
            del self._running[delivery.invocation]
        if pid is None:
            self._held = {name: holder for name, holder in self._held.items() if holder != engine}
        return ended

    def check_orphan(self, event: Event) -> None:
        """Note a handler that still works although its engine was killed a while ago."""
        killed_at = self._disturbances.killed_at(event.engine)
        if killed_at is not None and event.at > killed_at + self._rules.orphan_seconds:
            record = event.records[0] if event.records else ""
            self._findings.add(
                Finding.ORPHAN,
                record,
                f"worker {event.pid} still worked (invocation {event.invocation}) {event.at - killed_at:.3f} s after its "
                f"engine {event.engine} had been killed",
            )

    def _check_batch(self, delivery: Delivery) -> None:
        count = len(delivery.records)
        if count > self._rules.batch_size:
            self._findings.add(
                Finding.BATCH_TOO_LARGE,
                delivery.records[-1],
                f"{delivery.records[-1]} came in a batch of {count} (invocation {delivery.invocation}); "
                f"{self._rules.batch_size} were allowed",
            )
        if len(set(delivery.records)) < count:
            twice = next(name for name in delivery.records if delivery.records.count(name) > 1)
            self._findings.add(
                Finding.DUPLICATE,
                twice,
                f"{twice} stands twice in the batch of invocation {delivery.invocation}",
            )

    def _forget_timed_out(self, at: float) -> None:
        """A handler that is killed at its timeout writes no end."""
        timeout = self._rules.timeout_seconds
        if timeout is not None:
            self._running = {
                invocation: delivery
                for invocation, delivery in self._running.items()
                if delivery.started_at + timeout > at
            }
