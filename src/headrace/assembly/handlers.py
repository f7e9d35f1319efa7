"""Run handlers that are callables of this process: what `headrace.App` is made of."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.assembly.lifecycle import run_with_stores
from headrace.assembly.queues import Declared, OpenStores, with_dead_letters
from headrace.assembly.service import Service
from headrace.engine.mapping_runner import MappingRunner
from headrace.engine.slots import SlotPool
from headrace.invokers.in_process import InProcessInvoker
from headrace.model.function import FunctionSettings
from headrace.policy import concurrency
from headrace.sources.store import StoreQueueSource
from headrace.store.queues import Queues

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from headrace.abc import Clock
    from headrace.assembly.service import RunEnd
    from headrace.engine.statistics import BatchReport
    from headrace.model.mapping import QueueMapping


@dataclass(frozen=True, slots=True)
class HandledMapping:
    """A mapping and the callable that it hands batches to."""

    mapping: QueueMapping
    handler: Callable[[Any, Any], Any]
    function: FunctionSettings


class _Invokers:
    """One invoker for each handler, closed together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._invokers: dict[str, InProcessInvoker] = {}

    def of(self, handled: HandledMapping) -> InProcessInvoker:
        """The invoker of a mapping's handler."""
        name = handled.function.logical_id
        if name not in self._invokers:
            self._invokers[name] = InProcessInvoker(
                handled.handler, handled.function, clock=self._clock
            )
        return self._invokers[name]

    async def start(self) -> None:
        """Threads start with the first invocation."""

    async def aclose(self) -> None:
        """Give up what runs."""
        for invoker in self._invokers.values():
            await invoker.aclose()


class HandlersRun:
    """Mappings to handlers of this process, ready to run once. Belongs to the event loop that runs it."""

    def __init__(
        self,
        mappings: Sequence[HandledMapping],
        *,
        store: Path,
        queues: Sequence[Declared],
        ceiling: int,
        drain_seconds: float,
        until_idle: bool,
        timeout_seconds: float,
        clock: Clock,
        chance: Random,
        note: Callable[[str], None],
        observe: Callable[[BatchReport], None] | None = None,
    ) -> None:
        capacities = concurrency.carve(
            ceiling,
            {one.function.logical_id: one.function.reserved_concurrency for one in mappings},
        )
        pools = {name: SlotPool(capacity) for name, capacity in capacities.items()}
        self._note = note
        self._invokers = _Invokers(clock)
        self._stores = OpenStores(clock=clock)
        with contextlib.ExitStack() as undo:
            undo.callback(self._stores.close)
            opened = self._stores.open(store)
            Queues(opened).apply(with_dead_letters(queues))
            runners = []
            for one in mappings:
                Queues(opened).get(one.mapping.source)
                reserved = one.function.reserved_concurrency is not None
                runners.append(
                    MappingRunner(
                        mapping=one.mapping,
                        source=StoreQueueSource(
                            opened,
                            one.mapping.source,
                            null_attribute_digest=one.mapping.batch_window_seconds > 0,
                        ),
                        invoker=self._invokers.of(one),
                        slots=pools[one.function.logical_id if reserved else concurrency.SHARED],
                        clock=clock,
                        chance=chance,
                        observe=observe,
                    )
                )
            self.service = Service(
                runners,
                drain_seconds=drain_seconds,
                until_idle=until_idle,
                timeout_seconds=timeout_seconds,
            )
            undo.pop_all()

    async def run(self) -> RunEnd:
        """Run until stopped, idle or stuck, then close everything. To be called once."""
        return await run_with_stores(
            self.service, self._stores, resources=self._invokers, note=self._note
        )
