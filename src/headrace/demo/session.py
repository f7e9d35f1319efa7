"""One demonstration from beginning to end: the shop, its producer, its payments service, and the engine.

Theory of operation. The template and its handlers are copied into a directory of the demonstration's own, with the store and
what the witnesses write down. The payments service is started first (the template wants to know its address), then the
engine in this process with real worker processes, as `headrace run` does it, then the producer. Several times a second the
journals are read and whoever looks on gets a `Snapshot`. When the producer has ended and every order is done, or time is
over, or somebody asks, the engine stops as it always does, and the books are judged.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.aio import tasks
from headrace.assembly.running import RunOptions, TemplateRun
from headrace.config.template import load_template
from headrace.demo.journal import JournalReader
from headrace.demo.ledger import Ledger
from headrace.demo.processes import ChildProcess
from headrace.demo.snapshot import MappingView, Snapshot, view
from headrace.demo.verdict import Books, Verdict, judge
from headrace.errors import HeadraceError
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from headrace.abc import Clock

SHOP = Path(__file__).parents[1] / "examples" / "shop"
LOOK_SECONDS = 0.25
LATE_SECONDS = 45.0
LIMIT = 4
WORKERS = 8
LONG_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the demonstration feeds orders, and how soon a failed one is tried again."""

    feed_seconds: float
    visibility_seconds: int

    @classmethod
    def lasting(cls, seconds: float) -> Plan:
        """A plan for about *seconds* in all: an order that fails three times needs its share after the last one is sent."""
        visibility = 4 if seconds >= LONG_SECONDS else 2
        return cls(max(2.0, seconds - 3 * visibility - 2), visibility)


class Session:
    """A demonstration in *directory*, which exists and is empty. Belongs to the event loop that runs it."""

    def __init__(
        self,
        directory: Path,
        *,
        seconds: float,
        clock: Clock,
        chance: Random,
        look: Callable[[Snapshot], None],
    ) -> None:
        self.directory = directory
        self.store = directory / "shop.db"
        self._plan = Plan.lasting(seconds)
        self._clock = clock
        self._chance = chance
        self._look = look
        self._ledger = Ledger()
        self._sent = JournalReader(directory / "sent.jsonl")
        self._calls = JournalReader(directory / "payments.jsonl")
        self._interrupted = False
        self._run: TemplateRun | None = None
        self._started = 0.0
        self._failure: HeadraceError | BrokenPipeError | None = None

    def stop(self) -> None:
        """End early, in good order. Idempotent."""
        self._interrupted = True

    def abort(self) -> None:
        """End early and don't wait for handlers. Idempotent."""
        self._interrupted = True
        if self._run is not None:
            self._run.abort()

    async def run(self) -> tuple[Verdict, Snapshot]:
        """Run until everything is done or somebody stops it; returns the judgement and the last look."""
        self._started = asyncio.get_running_loop().time()
        await asyncio.to_thread(shutil.copytree, SHOP, self.directory / "shop", ignore=_left_behind)
        payments = ChildProcess(
            "payments", self.directory / "payments.jsonl", LIMIT, directory=self.directory
        )
        try:
            port = await payments.first_line()
            with (self.directory / "functions.log").open("w", encoding="utf-8") as self._ledger.log:
                await self._run_engine(f"http://127.0.0.1:{port}/payments")
        finally:
            await asyncio.to_thread(payments.end)
        self._read_journals()
        snapshot = await self._snapshot()
        return judge(await asyncio.to_thread(self._books)), snapshot

    async def _run_engine(self, payments_url: str) -> None:
        application = load_template(
            self.directory / "shop" / "template.yaml",
            parameters={
                "PaymentsUrl": payments_url,
                "PaymentsAtOnce": str(LIMIT),
                "FunctionTimeout": str(self._plan.visibility_seconds),
                "OrdersVisibilityTimeout": str(self._plan.visibility_seconds),
            },
        )
        self._run = run = TemplateRun(
            application,
            RunOptions(store=self.store, local=True, max_workers=WORKERS),
            clock=self._clock,
            chance=self._chance,
            observe=self._ledger.take_report,
            note=lambda _: None,
            log=self._ledger,
        )
        producer = ChildProcess(
            "producer",
            self.store,
            self.directory / "sent.jsonl",
            self._plan.feed_seconds,
            directory=self.directory,
        )
        watch = tasks.spawn(self._watch(run, producer), name="demonstration")
        try:
            await run.run()
        finally:
            watch.cancel()
            await asyncio.to_thread(producer.end)
        if self._failure is not None:
            raise self._failure

    async def _watch(self, run: TemplateRun, producer: ChildProcess) -> None:
        try:
            while not self._is_over(producer):
                self._look(await self._snapshot())
                await asyncio.sleep(LOOK_SECONDS)
                self._read_journals()
            await asyncio.to_thread(producer.end)
        except (HeadraceError, BrokenPipeError) as error:  # whoever reads what is shown may leave
            self._failure = error
        finally:
            run.stop()

    def _is_over(self, producer: ChildProcess) -> bool:
        seconds = asyncio.get_running_loop().time() - self._started
        if self._interrupted or seconds > self._plan.feed_seconds + LATE_SECONDS:
            return True
        if not producer.has_ended:
            return False
        self._read_journals()
        ledger = self._ledger
        done = len(ledger.charged) + self._dead_letters
        return (
            done >= len(ledger.sent)
            and ledger.audited >= ledger.copies
            and ledger.called_out >= ledger.at_the_counter
        )

    def _read_journals(self) -> None:
        self._ledger.take_sent(self._sent.read())
        self._ledger.take_calls(self._calls.read())

    @property
    def _dead_letters(self) -> int:
        return (
            sum(runner.statistics.dead_lettered for runner in self._run.runners) if self._run else 0
        )

    async def _snapshot(self) -> Snapshot:
        ledger = self._ledger
        return Snapshot(
            seconds=asyncio.get_running_loop().time() - self._started,
            pace=ledger.pace,
            sent=len(ledger.sent),
            paid=len(ledger.charged),
            dead=self._dead_letters,
            at_once=ledger.at_once_last,
            at_once_max=ledger.at_once_max,
            limit=LIMIT,
            mappings=await self._views(),
        )

    async def _views(self) -> tuple[MappingView, ...]:
        if self._run is None:
            return ()
        backlog = await self._run.backlog()
        return tuple(
            view(
                runner,
                backlog.get(runner.mapping.mapping_id),
                self._ledger.mappings.get(runner.mapping.mapping_id),
            )
            for runner in self._run.runners
        )

    def _books(self) -> Books:
        ledger = self._ledger
        with Store.open(self.store, create=False) as store:
            queues = Queues(store)
            messages = {
                name: {message.message_id for message in queues.peek(name)}
                for name in ("OrdersQueue", "OrdersDeadLetters", "AuditQueue", "CounterQueue")
            }
        mappings = ledger.mappings.values()
        return Books(
            sent=ledger.sent,
            charged=ledger.charged,
            dead=messages["OrdersDeadLetters"],
            left=messages["OrdersQueue"],
            limit=LIMIT,
            at_once_max=ledger.at_once_max,
            refused=ledger.calls["refused"],
            charged_before=ledger.calls["charged before"],
            repeats=sum(each.retries for each in mappings),
            repeats_unexplained=sum(each.retries_unexplained for each in mappings),
            copies=ledger.copies,
            audited=ledger.audited,
            audit_left=len(messages["AuditQueue"]),
            at_the_counter=ledger.at_the_counter,
            called_out=ledger.called_out,
            counter_left=len(messages["CounterQueue"]),
            interrupted=self._interrupted,
        )


def _left_behind(_: str, names: list[str]) -> list[str]:
    """What runs leave in the example's directory."""
    return [name for name in names if name == "__pycache__" or ".db" in name]
