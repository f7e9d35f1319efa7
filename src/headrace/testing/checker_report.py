"""What a history proved: figures, and each violation as a sentence that names the record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

VIOLATIONS_MAX = 1_000
SHOWN_MAX = 20


class Finding(StrEnum):
    """What can be wrong with a history. `INVARIANTS` says which promise it breaks."""

    LOST = "lost"
    UNEXPECTED = "from nowhere"
    ALTERED = "altered"
    NOT_DRAINED = "not drained"
    DELETED_EARLY = "deleted before success"
    DEAD_LETTER_LATE = "dead letter after the delete"
    DEAD_LETTER_EARLY = "dead-lettered too early"
    DEAD_LETTER_TWICE = "dead-lettered twice"
    ORDER = "order broken"
    DUPLICATE = "duplicated without a cause"
    TOO_MANY_DUPLICATES = "more duplicates than a fault can cause"
    ORPHAN = "a worker outlived its engine"
    NO_FREE_SLOT = "received without a free slot"
    TOO_MANY_AT_ONCE = "more handlers at once than slots"
    BATCH_TOO_LARGE = "batch too large"
    ATTEMPTS = "attempts over the limit"
    EXTENDED_LATE = "extended after its settlement"
    CUT_OFF = "cut off by a clean stop"
    LEFT_HIDDEN = "left hidden by a clean stop"
    NOT_FIRED = "fault that never fired"
    HISTORY = "history that contradicts itself"


INVARIANTS: dict[Finding, int | None] = {
    Finding.LOST: 1,
    Finding.UNEXPECTED: 1,
    Finding.ALTERED: 1,
    Finding.NOT_DRAINED: 1,
    Finding.DELETED_EARLY: 2,
    Finding.DEAD_LETTER_LATE: 2,
    Finding.DEAD_LETTER_EARLY: 2,
    Finding.DEAD_LETTER_TWICE: 4,
    Finding.ORDER: 3,
    Finding.DUPLICATE: 4,
    Finding.TOO_MANY_DUPLICATES: 4,
    Finding.ORPHAN: 4,
    Finding.NO_FREE_SLOT: 5,
    Finding.TOO_MANY_AT_ONCE: 5,
    Finding.BATCH_TOO_LARGE: 7,
    Finding.ATTEMPTS: 8,
    Finding.EXTENDED_LATE: 4,
    Finding.CUT_OFF: 9,
    Finding.LEFT_HIDDEN: 9,
    Finding.NOT_FIRED: None,
    Finding.HISTORY: None,
}
"""The number of the invariant (delivery guarantees) that a finding breaks; None where the test itself is at fault."""


class Cause(StrEnum):
    """Why a record was handed over again."""

    PARTIAL = "named in a partial batch response"
    FAILURE = "its invocation failed"
    TIMEOUT = "its invocation timed out"
    ENGINE_KILLED = "the engine was killed"
    WORKER_KILLED = "its worker was killed"
    LAPSE = "its visibility lapsed while a process stood still"
    HARD_STOP = "the engine was stopped the hard way"
    FAULT = "an injected fault"
    SENT_TWICE = "its producer sent it again"


class Violation(NamedTuple):
    """One thing that must not be. ``record`` is empty where it is about no single one."""

    finding: Finding
    record: str
    sentence: str

    @property
    def invariant(self) -> int | None:
        """Which invariant is broken."""
        return INVARIANTS[self.finding]

    def __str__(self) -> str:
        """Render as one line."""
        number = f"invariant {self.invariant}, " if self.invariant else ""
        return f"{number}{self.finding}: {self.sentence}"


class Findings:
    """Collects violations: each record once for each kind, and no more than anybody reads."""

    def __init__(self) -> None:
        self._violations: dict[tuple[Finding, str], Violation] = {}
        self.left_out = 0

    def add(self, finding: Finding, record: str, sentence: str) -> None:
        """Note one."""
        if (finding, record) in self._violations:
            return
        if len(self._violations) >= VIOLATIONS_MAX:
            self.left_out += 1
            return
        self._violations[finding, record] = Violation(finding, record, sentence)

    def __iter__(self) -> Iterator[Violation]:
        return iter(self._violations.values())


@dataclass(slots=True)
class Report:
    """Counts of records, unless another unit is named, and what is wrong. ``str`` gives the figures in short."""

    attempted: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    """Sent, and the producer never learned whether it was accepted."""
    recovered: int = 0
    """Of the unknown ones those that arrived."""
    handled: int = 0
    """Handled with success at least once."""
    dead_lettered: int = 0
    handled_and_dead_lettered: int = 0
    dropped: int = 0
    pending: int = 0
    """Neither handled nor set aside nor lost: the history ends before its end."""
    lost: int = 0
    unexpected: int = 0
    altered: int = 0
    invocations: int = 0
    deliveries: int = 0
    """Records handed over, each time counted."""
    retries: Counter[Cause] = field(default_factory=Counter)
    """Handed over again after a failure, by cause."""
    duplicates: Counter[Cause] = field(default_factory=Counter)
    """Handed over again after a success, or after an invocation whose end nobody knows, by cause."""
    handled_more_than_once: int = 0
    """Of the handled those with more successes than there were sends."""
    unexplained: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    """Kills by role: engine, worker, producer."""
    kills_in_flight: int = 0
    """Kills of an engine while a handler of its was running."""
    pauses: int = 0
    clean_stops: int = 0
    hard_stops: int = 0
    """Exits after a hard stop, or later than the drain time allows."""
    faults: Counter[str] = field(default_factory=Counter)
    duplicates_per_fault: int = 0
    """The most duplicates that one kill, pause or stop caused."""
    torn: int = 0
    seconds: float = 0.0
    drained: bool = False
    violations: list[Violation] = field(default_factory=list)
    violations_left_out: int = 0

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong and the history goes on until nothing was left to do."""
        return self.drained and not self.violations

    def found(self, finding: Finding) -> list[Violation]:
        """The violations of one kind."""
        return [violation for violation in self.violations if violation.finding is finding]

    def figures(self) -> dict[str, int | float | str]:
        """The figures by name, in the order in which a person asks for them."""
        kills = ", ".join(f"{count} {role}" for role, count in sorted(self.kills.items()))
        return {
            "kills": kills or 0,
            "engine kills in flight": self.kills_in_flight,
            "pauses": self.pauses,
            "clean stops": self.clean_stops,
            "accepted": self.accepted,
            "unknown": f"{self.unknown} ({self.recovered} arrived)",
            "handled": self.handled,
            "of these more than once": self.handled_more_than_once,
            "dead-lettered": self.dead_lettered,
            "of these handled as well": self.handled_and_dead_lettered,
            "invocations": self.invocations,
            "deliveries": self.deliveries,
            "retries after failure": _by_cause(self.retries),
            "duplicates": _by_cause(self.duplicates),
            "duplicates by one fault, at most": self.duplicates_per_fault,
            "unexplained": self.unexplained,
            "lost": self.lost,
            "from nowhere": self.unexpected,
            "altered": self.altered,
            "seconds": round(self.seconds, 1),
        }

    def __str__(self) -> str:
        """Render verdict, figures and the first violations."""
        verdict = "valid" if self.valid else "NOT VALID"
        if not self.drained:
            verdict += " (not drained: it proves nothing)"
        lines = [verdict, *(f"  {name}: {value}" for name, value in self.figures().items())]
        lines += [f"  ! {violation}" for violation in self.violations[:SHOWN_MAX]]
        hidden = len(self.violations) - SHOWN_MAX + self.violations_left_out
        if hidden > 0:
            lines.append(f"  ! and {hidden} more")
        return "\n".join(lines)


def _by_cause(counter: Counter[Cause]) -> str:
    total = sum(counter.values())
    if not total:
        return "0"
    parts = ", ".join(f"{count} because {cause}" for cause, count in counter.most_common())
    return f"{total} ({parts})"
