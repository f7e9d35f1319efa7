"""Check a history against the delivery guarantees: nothing lost, nothing from nowhere, every repetition explained.

`check` needs neither files nor clocks: a recorded history and a simulated one are the same to it. Every event is looked at
once. `checker_source` does the looking, for each source; `checker_causes` explains repetitions;
`checker_report` holds what comes out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.testing.checker_report import Finding, Findings, Report
from headrace.testing.checker_source import SourceCheck
from headrace.testing.history import Phase, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headrace.testing.history import Event

REPEATING_FAULTS = frozenset(
    {"duplicate delivery", "expire visibility", "lost response", "source down"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the checked run had promised: the settings of one source and its mapping."""

    batch_size: int = 10
    concurrency: int = 1
    """Invocations at once, at most."""
    visibility_seconds: float = 30.0
    attempts_max: int | None = None
    """The redrive policy's ``maxReceiveCount``."""
    crashes_count: bool = True
    """Whether a delivery that a kill cut off counts as an attempt, as it does where receives are counted."""
    timeout_seconds: float | None = None
    """The function's timeout."""
    drain_seconds: float = 8.0
    """An exit later than this after the stop was a hard stop."""
    settle_seconds: float = 2.0
    """For how long after a handler's success its delete may not have been written."""
    orphan_seconds: float = 1.0
    """How long a worker may outlive its engine."""
    ordered: bool = False
    """Whether records of one group must be handled in the order of sending."""
    repeating_faults: frozenset[str] = REPEATING_FAULTS
    """Names of injected faults that may cause a repetition."""

    @property
    def lapse_seconds(self) -> float:
        """How long an engine must stand still, at least, for a visibility to lapse: it extends after two thirds."""
        return self.visibility_seconds / 3

    @property
    def in_flight_max(self) -> int:
        """How many records one engine may hold at once."""
        return self.batch_size * self.concurrency


def check(
    events: Iterable[Event], rules: Rules | Mapping[str, Rules] | None = None, *, torn: int = 0
) -> Report:
    """Check *events*, which are in the order of their times.

    *rules* are those of the only source, or those of each source by name; events without a source concern all. *torn*
    is how many lines of the file were torn.
    """
    listed = list(events)
    checks = _checks(rules)
    only = checks[""] if len(checks) == 1 and "" in checks else None
    for event in listed:
        if only is not None:
            only.take(event)
        elif event.source:
            checks[event.source].take(event)
        else:
            for each in checks.values():
                each.take(event)
    return _report(listed, list(checks.values()), torn)


def _checks(rules: Rules | Mapping[str, Rules] | None) -> dict[str, SourceCheck]:
    by_source = {"": rules or Rules()} if rules is None or isinstance(rules, Rules) else rules
    return {source: SourceCheck(source, its_rules) for source, its_rules in by_source.items()}


def _report(events: Sequence[Event], checks: Sequence[SourceCheck], torn: int) -> Report:
    report = Report(torn=torn)
    for each in checks:
        each.finish(report)
    report.drained = all(each.drained for each in checks)
    report.clean_stops = len(set().union(*(each.clean_stops for each in checks)))
    report.hard_stops = len(set().union(*(each.hard_stops for each in checks)))
    report.kills_in_flight = len(set().union(*(each.kills_in_flight for each in checks)))
    if events:
        report.seconds = events[-1].at - events[0].at
    findings = Findings()
    _count_disturbances(events, report, findings)
    kills = sum(report.kills.values())
    if torn > kills:
        sentence = f"{torn} lines are torn, but only {kills} processes were killed"
        findings.add(Finding.HISTORY, "", sentence)
    report.violations += findings
    report.unexpected = len(report.found(Finding.UNEXPECTED))
    report.altered = len(report.found(Finding.ALTERED))
    return report


def _count_disturbances(events: Sequence[Event], report: Report, findings: Findings) -> None:
    planned: Counter[str] = Counter()
    for event in events:
        match event.what:
            case What.KILL:
                report.kills[event.role] += 1
            case What.PAUSE:
                report.pauses += 1
            case What.FAULT if event.phase == Phase.INVOKED:
                planned[event.name] += 1
            case What.FAULT:
                report.faults[event.name] += 1
    for name, times in planned.items():
        if report.faults[name] < times:
            sentence = f"{name} was planned {times} times and fired {report.faults[name]} times"
            findings.add(Finding.NOT_FIRED, name, sentence)
