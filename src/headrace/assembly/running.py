"""Run a template: its queues in their stores, its functions in worker processes, its mappings between them.

Theory of operation. Making a `TemplateRun` decides everything that can be decided without starting anything and raises every
problem at once; it opens the stores and brings the declared queues into line. `TemplateRun.run` takes the engine's lock on
each store, starts what workers need, runs the mappings, and closes everything in the reverse order, whatever happens.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.assembly.binding import Bindings, BoundQueue
from headrace.assembly.lifecycle import run_with_stores
from headrace.assembly.queues import OpenStores, declare_queues
from headrace.assembly.service import TIMEOUT_SECONDS, Service
from headrace.config.suggestions import did_you_mean
from headrace.engine.engine import DRAIN_SECONDS
from headrace.engine.mapping_runner import MappingRunner
from headrace.engine.slots import SlotPool
from headrace.errors import ConfigurationError, Problem
from headrace.invokers.environment import EnvironmentRules, parse_environment_variables
from headrace.invokers.fleet import WorkerFleet
from headrace.policy import concurrency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

    from headrace.abc import Clock
    from headrace.assembly.service import RunEnd
    from headrace.config.application import Application
    from headrace.engine.statistics import BatchReport
    from headrace.invokers.function_log import LogSink
    from headrace.model.function import FunctionSettings
    from headrace.model.mapping import MappingId, QueueMapping
    from headrace.model.queue import QueueAttributes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What differs from place to place; see ``headrace run --help``."""

    store: Path
    local: bool = False
    bindings: Mapping[str, str] = field(default_factory=dict)
    until_idle: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS
    drain_seconds: float = DRAIN_SECONDS
    only: tuple[str, ...] = ()
    max_workers: int | None = None
    env_vars: Path | None = None
    aws: bool = False


def default_ceiling() -> int:
    """How many workers run at most where nothing else is said: twice the cores, at least 4."""
    return max(4, 2 * (os.cpu_count() or 1))


def environment_rules(
    application: Application, *, env_vars: Path | None, aws: bool
) -> tuple[EnvironmentRules, list[Problem]]:
    """What workers inherit, and what is wrong with the file of ``--env-vars``."""
    if env_vars is None:
        return EnvironmentRules(allow_aws=aws), []
    names = set(application.functions) | {f.name for f in application.functions.values()}
    try:
        content = env_vars.read_bytes()
    except OSError as error:
        return EnvironmentRules(allow_aws=aws), [
            Problem(f"--env-vars {env_vars}", f"can't be read: {error.strerror}")
        ]
    variables, problems = parse_environment_variables(content, names)
    return EnvironmentRules(variables=variables, allow_aws=aws), problems


class TemplateRun:
    """A template that is ready to run once. Belongs to the event loop that runs it."""

    def __init__(
        self,
        application: Application,
        options: RunOptions,
        *,
        clock: Clock,
        chance: Random,
        observe: Callable[[BatchReport], None] | None = None,
        note: Callable[[str], None],
        log: LogSink | None = None,
    ) -> None:
        application.require_valid()
        self._options = options
        self._note = note
        self._clock = clock
        mappings = _chosen(application, options.only)
        rules, problems = environment_rules(application, env_vars=options.env_vars, aws=options.aws)
        bindings = Bindings.read(
            application,
            store=options.store if options.local else None,
            bindings=options.bindings,
        )
        bound = {
            m.mapping_id: bindings.source_of(m.mapping_id, application.sources[m.mapping_id])
            for m in mappings
        }
        problems += bindings.problems
        reserved = _reserved(application, mappings)
        ceiling = self._ceiling(reserved)
        pools = _pools(ceiling, reserved, problems)
        if problems:
            raise ConfigurationError(problems)
        self._fleet = WorkerFleet(ceiling=ceiling, clock=clock, log=log, environment=rules)
        self._stores = OpenStores(clock=clock)
        with contextlib.ExitStack() as undo:
            undo.callback(self._stores.close)
            declare_queues(self._stores, application, bindings, note=note)
            self._service = Service(
                [
                    self._runner(
                        mapping,
                        bound[mapping.mapping_id],
                        function=application.functions[mapping.function],
                        slots=pools[mapping.function],
                        chance=chance,
                        observe=observe,
                    )
                    for mapping in mappings
                ],
                drain_seconds=options.drain_seconds,
                until_idle=options.until_idle,
                timeout_seconds=options.timeout_seconds,
            )
            undo.pop_all()

    @property
    def runners(self) -> tuple[MappingRunner, ...]:
        """The mappings, each with its settings, statistics and state."""
        return self._service.runners

    @property
    def fleet(self) -> WorkerFleet:
        """The worker processes."""
        return self._fleet

    async def backlog(self) -> dict[MappingId, QueueAttributes]:
        """Each mapping's source as it was at the last look, about a second ago at most."""
        return dict(self._service.backlog)

    def stop(self) -> None:
        """Receive no more; `run` returns once what is in flight is settled. Idempotent."""
        self._service.stop()

    def abort(self) -> None:
        """Stop, and give up what is in flight. Idempotent."""
        self._service.abort()

    async def run(self) -> RunEnd:
        """Run until stopped, idle or stuck, then close everything. To be called once."""
        return await run_with_stores(
            self._service, self._stores, resources=self._fleet, note=self._note
        )

    def _ceiling(self, reserved: Mapping[str, int | None]) -> int:
        """How many workers run at most; a default makes room for what functions have reserved."""
        if self._options.max_workers is not None:
            return self._options.max_workers
        needed = sum(count or 0 for count in reserved.values()) + (None in reserved.values())
        if needed > default_ceiling():
            self._note(
                f"up to {needed} workers, for the reserved concurrency of the functions (--max-workers)"
            )
        return max(default_ceiling(), needed)

    def _runner(
        self,
        mapping: QueueMapping,
        bound: BoundQueue | None,
        *,
        function: FunctionSettings,
        slots: SlotPool,
        chance: Random,
        observe: Callable[[BatchReport], None] | None,
    ) -> MappingRunner:
        assert bound is not None  # noqa: S101 - else there was a problem
        return MappingRunner(
            mapping=mapping,
            source=self._stores.source(
                bound, region=function.region, windowed=mapping.batch_window_seconds > 0
            ),
            invoker=self._fleet.invoker(function),
            slots=slots,
            clock=self._clock,
            chance=chance,
            observe=observe,
        )


def _chosen(application: Application, only: tuple[str, ...]) -> tuple[QueueMapping, ...]:
    """The mappings to run: all, or those that ``--only`` names."""
    known = {mapping.mapping_id: mapping for mapping in application.mappings}
    problems = [
        Problem(
            f"--only {name}",
            "the template has no mapping of that name",
            did_you_mean(name, list(known)),
        )
        for name in only
        if name not in known
    ]
    if not application.mappings:
        problems.append(
            Problem(
                "$.Resources",
                "the template has no event source mapping to run",
                "add an event of type SQS to a function",
            )
        )
    if problems:
        raise ConfigurationError(problems)
    return tuple(m for m in application.mappings if not only or m.mapping_id in only)


def _reserved(
    application: Application, mappings: tuple[QueueMapping, ...]
) -> dict[str, int | None]:
    """ReservedConcurrentExecutions of each function that a mapping uses, by logical id."""
    return {
        mapping.function: application.functions[mapping.function].reserved_concurrency
        for mapping in mappings
    }


def _pools(
    ceiling: int, reserved: Mapping[str, int | None], problems: list[Problem]
) -> dict[str, SlotPool]:
    """The pool of each function; functions without reserved concurrency share one."""
    try:
        capacities = concurrency.carve(ceiling, reserved)
    except ConfigurationError as error:
        problems.extend(error.problems)
        return {}
    pools = {name: SlotPool(capacity) for name, capacity in capacities.items()}
    return {
        name: pools[concurrency.SHARED if count is None else name]
        for name, count in reserved.items()
    }
