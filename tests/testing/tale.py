"""Tell a history by hand: each call appends an event one tick later, so that a test reads like the story it tells."""

from __future__ import annotations

from headrace.model.outcome import Outcome
from headrace.testing.checker import Rules, check
from headrace.testing.checker_report import Finding, Report
from headrace.testing.history import Event, Phase, What, digest

RULES = Rules(
    batch_size=2, concurrency=2, visibility_seconds=6.0, attempts_max=3, timeout_seconds=4.0
)
TICK = 0.01
WORKER = 100


class Tale:
    """A history under way. Engine ``e1`` is the one that acts unless another is named."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.at = 10.0

    def add(self, what: What, **fields) -> None:
        self.at += TICK
        self.events.append(Event(what, self.at, **fields))

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def send(self, *names: str, group: str = "") -> None:
        fields = {"records": names, "digests": tuple(map(digest, names))}
        self.add(What.PRODUCE, phase=Phase.INVOKED, **fields)
        self.add(What.PRODUCE, groups=(group,) * len(names) if group else (), **fields)

    def begin_send(self, *names: str) -> None:
        self.add(What.PRODUCE, phase=Phase.INVOKED, records=names)

    def refuse(self, *names: str) -> None:
        self.add(What.PRODUCE, phase=Phase.FAILED, records=names)

    def start(self, engine: str) -> None:
        self.add(What.START, engine=engine)

    def receive(self, *names: str, engine: str = "e1") -> None:
        self.add(What.RECEIVE, records=names, engine=engine)

    def invoke(self, invocation: str, *names: str, engine: str = "e1", pid: int = WORKER) -> None:
        self.add(What.INVOKE, invocation=invocation, records=names, engine=engine, pid=pid)

    def result(
        self,
        invocation: str,
        outcome: str = Outcome.SUCCESS,
        *failed: str,
        engine: str = "e1",
        pid: int = WORKER,
    ) -> None:
        self.add(
            What.RESULT,
            invocation=invocation,
            outcome=outcome,
            failed=failed,
            engine=engine,
            pid=pid,
        )

    def handle(self, invocation: str, *names: str, engine: str = "e1", pid: int = WORKER) -> None:
        """An invocation that succeeds."""
        self.invoke(invocation, *names, engine=engine, pid=pid)
        self.result(invocation, engine=engine, pid=pid)

    def fail(self, invocation: str, *names: str, engine: str = "e1") -> None:
        """An invocation that fails as a whole."""
        self.invoke(invocation, *names, engine=engine)
        self.result(invocation, Outcome.ERROR, engine=engine)

    def settle(self, name: str, *names: str, engine: str = "e1") -> None:
        self.add(What.SETTLE, name=name, records=names, engine=engine)

    def set_aside(self, *names: str) -> None:
        self.add(What.DESTINATION, records=names)

    def kill(self, engine: str = "e1") -> None:
        self.add(What.KILL, role="engine", engine=engine)

    def kill_worker(self, pid: int = WORKER, engine: str = "e1") -> None:
        self.add(What.KILL, role="worker", engine=engine, target=pid)

    def pause(self, role: str = "engine", target: int = 1, engine: str = "e1") -> None:
        self.add(What.PAUSE, role=role, engine=engine, target=target)

    def resume(self, target: int = 1) -> None:
        self.add(What.RESUME, target=target)

    def stop(self, engine: str = "e1", *, hard: bool = False) -> None:
        self.add(What.STOP, engine=engine, name="hard" if hard else "soft")

    def exit(self, engine: str = "e1") -> None:
        self.add(What.EXIT, engine=engine, name="0")

    def fault(self, name: str, *names: str) -> None:
        self.add(What.FAULT, name=name, records=names)

    def look(self, *names: str, visible: int = 0, in_flight: int = 0) -> None:
        """Look at the source; *names* are the records in flight."""
        count = in_flight or len(names)
        self.add(What.OBSERVED, records=names, visible=visible, in_flight=count)

    def check(self, rules: Rules = RULES, *, torn: int = 0) -> Report:
        """Check what was told so far."""
        return check(self.events, rules, torn=torn)

    def check_drained(self, rules: Rules = RULES) -> Report:
        """Check it with a last look that finds nothing left."""
        self.look()
        return self.check(rules)


def assert_found(report: Report, finding: Finding, record: str) -> None:
    """Exactly this is wrong, and with this record."""
    assert [(finding, record)] == [(each.finding, each.record) for each in report.violations]
    assert record in report.violations[0].sentence
    assert not report.valid
