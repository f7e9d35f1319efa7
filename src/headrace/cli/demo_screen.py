"""What `headrace demo` shows: a live screen on a terminal, else lines, or JSON lines; and how it ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from headrace.cli.durations import shown_seconds
from headrace.cli.output import print_json, print_line, print_table

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType
    from rich.table import Table

    from headrace.demo.snapshot import Snapshot
    from headrace.demo.verdict import Verdict

LINES_EVERY_SECONDS = 5.0
JSON_EVERY_SECONDS = 1.0


class Show(Protocol):
    """A way to show the demonstration: as a context while it runs, then its end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def look(self, snapshot: Snapshot) -> None:
        """Take note of how things stand, several times a second."""
        ...

    def end(self, verdict: Verdict, snapshot: Snapshot) -> None:
        """Show how it ended."""
        ...


class Periodic:
    """Shows every so many seconds."""

    every_seconds: float

    def __init__(self) -> None:
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def look(self, snapshot: Snapshot) -> None:
        """Show *snapshot* if it is time."""
        if snapshot.seconds >= self._next:
            self._next = snapshot.seconds + self.every_seconds
            self.show(snapshot)
            sys.stdout.flush()

    def show(self, snapshot: Snapshot) -> None:
        """Show *snapshot*."""
        raise NotImplementedError


class JsonShow(Periodic):
    """One JSON object a second, and one at the end."""

    every_seconds = JSON_EVERY_SECONDS

    def show(self, snapshot: Snapshot) -> None:
        """Print *snapshot* as a line."""
        print_json(snapshot.as_json())

    def end(self, verdict: Verdict, snapshot: Snapshot) -> None:
        """Print the summary as a line."""
        print_json({"summary": verdict.as_json(), "last": snapshot.as_json()})


class LineShow(Periodic):
    """A line now and then, and the summary."""

    every_seconds = LINES_EVERY_SECONDS

    def show(self, snapshot: Snapshot) -> None:
        """Print *snapshot* as a line."""
        print_line(line(snapshot))

    def end(self, verdict: Verdict, snapshot: Snapshot) -> None:
        """Print the summary."""
        print_summary(verdict, snapshot)


class LiveShow:
    """A screen that is redrawn, and the summary below its last state."""

    def __init__(self, seconds: float, console: Console | None = None) -> None:
        from rich.live import Live

        self._of_seconds = seconds
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def look(self, snapshot: Snapshot) -> None:
        """Draw *snapshot*."""
        self._live.update(screen(snapshot, self._of_seconds), refresh=True)

    def end(self, verdict: Verdict, snapshot: Snapshot) -> None:
        """Print the summary."""
        print_summary(verdict, snapshot)


def line(snapshot: Snapshot) -> str:
    """How things stand, on one line."""
    main = snapshot.main
    return (
        f"{snapshot.seconds:3.0f} s  {snapshot.pace}: {snapshot.sent:,} orders sent, {snapshot.paid:,} paid, "
        f"{snapshot.dead:,} dead letters, {snapshot.on_their_way:,} on their way; "
        f"{main.batches:,} batches of {main.size_mean:.1f}, waited {shown_seconds(main.latency.p50)} "
        f"(95 %: {shown_seconds(main.latency.p95)}), {main.retries:,} retries, "
        f"oldest {shown_seconds(main.age_of_oldest_seconds)}; payments {snapshot.at_once} of {snapshot.limit} at once"
    )


def screen(snapshot: Snapshot, of_seconds: float) -> RenderableType:
    """How things stand, as a screen."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    head = Text.assemble(
        ("headrace demo", "bold"),
        f"   {snapshot.seconds:.0f} s of about {of_seconds:.0f}   ",
        (snapshot.pace, "cyan"),
        ("   Ctrl-C ends it", "dim"),
    )
    orders = Text.assemble(
        f"orders    {snapshot.sent:>6,} sent   ",
        (f"{snapshot.paid:>6,} paid", "green"),
        "   ",
        (f"{snapshot.dead:>4,} dead letters", "red" if snapshot.dead else "dim"),
        f"   {snapshot.on_their_way:>5,} on their way",
    )
    bar = "■" * min(snapshot.at_once, snapshot.limit) + "□" * (snapshot.limit - snapshot.at_once)
    payments = Text.assemble(
        "payments  ",
        (bar, "yellow"),
        f"  {snapshot.at_once} at once; the limit is {snapshot.limit}, the most so far {snapshot.at_once_max}",
    )
    return Padding(Group(head, Text(), orders, payments, Text(), _table(snapshot)), (1, 2))


def _table(snapshot: Snapshot) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("mapping", no_wrap=True)
    for title in ("batches", "size", "waited", "95 %", "retries", "backlog", "oldest"):
        table.add_column(title, justify="right", no_wrap=True)
    for view in snapshot.mappings:
        table.add_row(
            view.mapping,
            f"{view.batches:,}",
            f"{view.size_mean:.1f}/{view.batch_size}",
            shown_seconds(view.latency.p50),
            shown_seconds(view.latency.p95),
            f"{view.retries:,}",
            f"{view.waiting + view.in_flight:,}",
            shown_seconds(view.age_of_oldest_seconds),
        )
    return table


def print_summary(verdict: Verdict, snapshot: Snapshot) -> None:
    """What became of the orders, how they were batched, and what was checked."""
    dead = ", ".join(f"{count:,} {kind}" for kind, count in sorted(verdict.dead.items()))
    print_line()
    print_line(f"What became of {verdict.sent:,} orders in {snapshot.seconds:.0f} s")
    print_line(
        f"  {verdict.paid:>6,} paid, {verdict.paid_after_failures:,} of them after their payment had failed twice"
    )
    print_line(f"  {sum(verdict.dead.values()):>6,} dead letters" + (f": {dead}" if dead else ""))
    if verdict.left:
        print_line(f"  {verdict.left:>6,} still in the queue")
    print_line()
    print_line("How batch size and window traded waiting for invocations")
    print_table(
        ("mapping", "size", "window", "batches", "records each", "half waited", "95 % waited"),
        [
            (
                view.mapping,
                view.batch_size,
                f"{view.batch_window_seconds:g} s",
                f"{view.batches:,}",
                f"{view.size_mean:.1f}",
                shown_seconds(view.latency.p50),
                shown_seconds(view.latency.p95),
            )
            for view in snapshot.mappings
        ],
        indent=2,
    )
    print_line()
    print_line("What was checked")
    for check in verdict.checks:
        print_line(f"  {'ok    ' if check.ok else 'FAILED'}  {check.text}")
    print_line()
    print_line("All as promised." if verdict.ok else "Not as promised: see what FAILED above.")
