"""Follow the records of one source through a history.

Theory of operation. For each record a story is kept: sent, handed over, handled, set aside, deleted. What is wrong at once is
noted at once (order of durable steps, sizes, slots, repetitions); what can only be said at the end is said at the end: lost,
pending, too many duplicates of one kill. A history proves something only if a look at the source found nothing left after the
last thing that happened to it; one that was not drained is never valid.

A *delivery* is a handler that starts with a record. A *retry* is a delivery after a failure that was reported; a
*duplicate* is a delivery after a success, or after a delivery whose end nobody saw. Of a throttled invocation no handler
knows: it takes its deliveries back.
"""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING

from headrace.model.outcome import Outcome
from headrace.testing.checker_causes import Delivery, Disturbances, Explanation
from headrace.testing.checker_in_flight import InFlight
from headrace.testing.checker_order import Order
from headrace.testing.checker_report import Cause, Finding, Findings
from headrace.testing.checker_story import Story
from headrace.testing.history import Phase, What

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.testing.checker import Rules
    from headrace.testing.checker_report import Report
    from headrace.testing.history import Event


class SourceCheck:
    """The check of one source. Take every event in order, then finish."""

    def __init__(self, source: str, rules: Rules) -> None:
        self._source = source
        self._rules = rules
        self._findings = Findings()
        self._disturbances = Disturbances(rules)
        self._in_flight = InFlight(rules, self._disturbances, self._findings)
        self._order = Order()
        self._stories: dict[str, Story] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._left_by = ""
        """The engine that has just ended cleanly, until somebody looks at the source."""
        self._last_look: Event | None = None
        self._retries: Counter[Cause] = Counter()
        self._duplicates: Counter[Cause] = Counter()
        self._blamed: Counter[tuple[str, str]] = Counter()
        self._unexplained = 0
        self.kills_in_flight: set[float] = set()
        self.clean_stops: set[str] = set()
        self.hard_stops: set[str] = set()
        self._takers: dict[What, Callable[[Event], None]] = {
            What.PRODUCE: self._produce,
            What.RECEIVE: self._receive,
            What.FILTER: self._filter,
            What.INVOKE: self._invoke,
            What.RESULT: self._result,
            What.SETTLE: self._settle,
            What.DESTINATION: self._destination,
            What.START: self._start,
            What.STOP: self._disturbances.asked_to_stop,
            What.EXIT: self._exit,
            What.KILL: self._kill,
            What.PAUSE: self._disturbances.paused,
            What.RESUME: self._disturbances.resumed,
            What.FAULT: self._fault,
            What.OBSERVED: self._observed,
        }

    @property
    def drained(self) -> bool:
        """Whether the last thing that happened is that somebody looked and found nothing left."""
        look = self._last_look
        return look is not None and not (look.visible + look.in_flight + look.delayed)

    def take(self, event: Event) -> None:
        """Look at one event."""
        self._takers[What(event.what)](event)

    # --- records ---

    def _produce(self, event: Event) -> None:
        self._last_look = None
        for name, digest, group in _parallel(event.records, event.digests, event.groups):
            story = self._story(name)
            story.digest = story.digest or digest
            match event.phase:
                case Phase.INVOKED:
                    story.sent += 1
                case Phase.OK:
                    story.accepted += 1
                    if group:
                        self._order.sent(name, group)
                case Phase.FAILED:
                    story.refused += 1

    def _receive(self, event: Event) -> None:
        self._last_look = None
        for name in event.records:
            self._known(name, "received", event.at).received = True
        self._in_flight.receive(event)

    def _filter(self, event: Event) -> None:
        for name in event.records:
            self._known(name, f"dropped ({event.name})", event.at).dropped += 1
            self._order.resolved(name)

    def _invoke(self, event: Event) -> None:
        self._last_look = None
        delivery = Delivery(event.invocation, event.engine, event.pid, event.records, event.at)
        self._deliveries[event.invocation] = delivery
        self._in_flight.check_orphan(event)
        self._in_flight.invoke(delivery)
        self._check_order(delivery)
        for name, digest, _ in _parallel(event.records, event.digests):
            story = self._known(name, "handed over", event.at)
            self._check_body(story, digest, event.at)
            story.deliveries += 1
            if story.last is not None:
                self._repeated(story, story.last, delivery)
            story.last = delivery
            self._check_attempts(story, event.at)

    def _repeated(self, story: Story, before: Delivery, now: Delivery) -> None:
        explanation = self._explain(story, before, now.started_at, holder=now.engine)
        if explanation is None:
            self._unexplained += 1
            self._findings.add(
                Finding.DUPLICATE,
                story.name,
                f"{story.name} was handed over again at {now.started_at:.3f} s (invocation {now.invocation}, engine "
                f"{now.engine}) {story.end()}; nothing in the history explains it",
            )
        elif story.failed_last and story.gone_at is None:
            self._retries[explanation.cause] += 1
        else:
            story.crashes += bool(explanation.role)
            self._duplicates[explanation.cause] += 1
            if explanation.blamed:
                self._blamed[explanation.blamed, explanation.role] += 1

    def _explain(
        self, story: Story, before: Delivery, at: float, *, holder: str = ""
    ) -> Explanation | None:
        if story.gone_at is None:
            found = self._disturbances.explain(story.name, before, at, holder=holder)
        else:
            found = self._disturbances.explain_gone(story.name, before, at, holder=holder)
        if found is None and story.copies > 1:
            return Explanation(Cause.SENT_TWICE)
        return found

    def _result(self, event: Event) -> None:
        self._last_look = None
        delivery = self._deliveries.get(event.invocation)
        if delivery is None or delivery.ended_at is not None:
            self._findings.add(
                Finding.HISTORY,
                event.invocation,
                f"invocation {event.invocation} ends at {event.at:.3f} s without having begun, or twice",
            )
            return
        self._in_flight.check_orphan(event)
        self._in_flight.end(delivery)
        delivery.ended_at, delivery.outcome = event.at, event.outcome
        delivery.failed = _failed(event, delivery)
        for name in delivery.records:
            if event.outcome == Outcome.THROTTLED:
                self._stories[name].deliveries -= 1
            elif name not in delivery.failed:
                self._stories[name].successes += 1
                self._order.resolved(name)

    def _settle(self, event: Event) -> None:
        for name in event.records:
            story = self._known(name, f"told to {event.name}", event.at)
            if event.name == "extend":
                self._check_extend(story, event)
                continue
            if event.name == "delete" and not story.resolutions:
                self._findings.add(
                    Finding.DELETED_EARLY,
                    name,
                    f"{name} was deleted at {event.at:.3f} s before it had been handled or set aside",
                )
            if event.phase == Phase.OK:
                self._in_flight.settle(name, event.engine)
                if event.name == "delete":
                    story.gone_at, story.deleted = event.at, True

    def _destination(self, event: Event) -> None:
        if event.phase != Phase.OK:
            return
        for name, digest, _ in _parallel(event.records, event.digests):
            story = self._known(name, "set aside", event.at)
            self._check_body(story, digest, event.at)
            self._check_dead_letter(story, event.at)
            story.dead_letters += 1
            story.gone_at = event.at
            self._in_flight.settle(name)
            self._order.resolved(name)

    # --- processes ---

    def _start(self, event: Event) -> None:  # noqa: ARG002 - one signature for all
        self._left_by = ""

    def _kill(self, event: Event) -> None:
        self._disturbances.killed(event)
        if event.role == "engine":
            if self._in_flight.end_all_of(event.engine, event.at):
                self.kills_in_flight.add(event.at)
        elif event.role == "worker":
            self._in_flight.end_all_of(event.engine, event.at, pid=event.target)

    def _exit(self, event: Event) -> None:
        clean = self._disturbances.exited(event)
        (self.clean_stops if clean else self.hard_stops).add(event.engine)
        cut_off = self._in_flight.end_all_of(event.engine, event.at)
        if not clean:
            return
        self._left_by = event.engine
        for delivery in cut_off:
            self._findings.add(
                Finding.CUT_OFF,
                delivery.records[0],
                f"{delivery.records[0]} was being handled (invocation {delivery.invocation}) when engine {event.engine} "
                f"ended at {event.at:.3f} s by a clean stop",
            )

    def _fault(self, event: Event) -> None:
        if event.phase != Phase.INVOKED:
            self._disturbances.fired(event)

    def _observed(self, event: Event) -> None:
        self._last_look = event
        engine, self._left_by = self._left_by, ""
        if not engine or not event.in_flight:
            return
        hidden = [name for name in event.records if not self._waits_after_failure(name)]
        if event.records and not hidden:
            return
        named = ", ".join(hidden[:5]) or "records that nobody named"
        self._findings.add(
            Finding.LEFT_HIDDEN,
            hidden[0] if hidden else "",
            f"engine {engine} stopped cleanly and left {event.in_flight} in flight, among them {named}",
        )

    # --- checks ---

    def _story(self, name: str) -> Story:
        story = self._stories.get(name)
        if story is None:
            story = self._stories[name] = Story(name, disturbed=self._disturbances.count)
        return story

    def _known(self, name: str, what: str, at: float) -> Story:
        """The story of a record that must have been sent."""
        story = self._story(name)
        if story.copies < 1:
            refused = (
                "its producer was told that it was refused" if story.sent else "nobody sent it"
            )
            sentence = f"{name} was {what} at {at:.3f} s, but {refused}"
            self._findings.add(Finding.UNEXPECTED, name, sentence)
        return story

    def _check_body(self, story: Story, digest: str, at: float) -> None:
        if digest and story.digest and digest != story.digest:
            sentence = f"{story.name} had another body at {at:.3f} s than when it was sent"
            self._findings.add(Finding.ALTERED, story.name, sentence)

    def _waits_after_failure(self, name: str) -> bool:
        """Whether a record is hidden because its handler failed, as it would be without a stop."""
        story = self._stories.get(name)
        return story is not None and story.failed_last

    def _check_order(self, delivery: Delivery) -> None:
        if not self._rules.ordered:
            return
        for record, earlier, group in self._order.overtakings(delivery.records):
            self._findings.add(
                Finding.ORDER,
                record,
                f"{record} was handed over at {delivery.started_at:.3f} s (invocation {delivery.invocation}) while {earlier}, "
                f"sent before it to {group}, had no outcome",
            )

    def _check_attempts(self, story: Story, at: float) -> None:
        most = self._rules.attempts_max
        if most is None:
            return
        if not self._rules.crashes_count:
            most += story.crashes
        if story.deliveries > most * max(story.copies, 1):
            self._findings.add(
                Finding.ATTEMPTS,
                story.name,
                f"{story.name} was handed over at {at:.3f} s, attempt {story.deliveries} of at most {most}",
            )

    def _check_extend(self, story: Story, event: Event) -> None:
        held = self._in_flight.is_held(story.name)
        if event.phase == Phase.OK and story.received and not held:
            sentence = f"{story.name} was extended at {event.at:.3f} s after it had been settled"
            self._findings.add(Finding.EXTENDED_LATE, story.name, sentence)

    def _check_dead_letter(self, story: Story, at: float) -> None:
        name, what = story.name, f"{story.name} was set aside at {at:.3f} s"
        if story.deleted:
            self._findings.add(Finding.DEAD_LETTER_LATE, name, f"{what} {story.end()}")
        if story.dead_letters >= max(story.copies, 1):
            self._findings.add(Finding.DEAD_LETTER_TWICE, name, f"{what}, not for the first time")
        interrupted = self._disturbances.count - story.disturbed
        most = self._rules.attempts_max or 0
        if story.deliveries + interrupted < most:
            sentence = f"{what} after {story.deliveries} of {most} attempts"
            self._findings.add(Finding.DEAD_LETTER_EARLY, name, sentence)
        last = story.last
        if last is None or last.ended_at is None or story.failed_last or story.gone_at is not None:
            return
        if self._explain(story, last, at) is None:
            sentence = f"{what} {story.end()}; nothing in the history explains it"
            self._findings.add(Finding.DEAD_LETTER_EARLY, name, sentence)

    # --- the end ---

    def finish(self, report: Report) -> None:
        """Say what can only be said at the end, and add everything to *report*."""
        for story in self._stories.values():
            story.add_to(report)
            self._check_end(story, report)
        self._check_blame(report)
        if not self.drained:
            self._findings.add(Finding.NOT_DRAINED, "", self._why_not_drained())
        report.invocations += len(self._deliveries)
        report.retries += self._retries
        report.duplicates += self._duplicates
        report.unexplained += self._unexplained
        report.violations += self._findings
        report.violations_left_out += self._findings.left_out

    def _check_end(self, story: Story, report: Report) -> None:
        missing = max(story.accepted - story.resolutions, 0)
        if missing and self.drained:
            report.lost += missing
            sentence = f"{story.name} was accepted {story.end()}, and is nowhere at the end"
            self._findings.add(Finding.LOST, story.name, sentence)
        else:
            report.pending += missing

    def _check_blame(self, report: Report) -> None:
        limits = {"engine": self._rules.in_flight_max, "worker": self._rules.batch_size}
        for (blamed, role), times in self._blamed.items():
            report.duplicates_per_fault = max(report.duplicates_per_fault, times)
            if times > limits.get(role, times):
                sentence = f"{blamed} is the cause of {times} duplicates, but only {limits[role]} can have been in flight"
                self._findings.add(Finding.TOO_MANY_DUPLICATES, blamed, sentence)

    def _why_not_drained(self) -> str:
        where = f" of {self._source}" if self._source else ""
        look = self._last_look
        if look is None:
            return f"nobody looked at the source{where} after the last thing that happened"
        left = look.visible + look.in_flight + look.delayed
        return f"{left} records{where} were still in the source at the end"


def _parallel(*columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Rows of names, digests, groups; what was not recorded is empty."""
    return zip_longest(*columns, *[()] * (3 - len(columns)), fillvalue="")


def _failed(event: Event, delivery: Delivery) -> frozenset[str]:
    """What a result says of each record; an item that names none of the batch fails the whole batch."""
    if event.outcome == Outcome.SUCCESS:
        return frozenset()
    batch = frozenset(delivery.records)
    if event.outcome == Outcome.PARTIAL and batch.issuperset(event.failed):
        return frozenset(event.failed)
    return batch
