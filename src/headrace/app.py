"""`App`: queues of one store, and the functions of this program that handle them."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.aio.clock import SystemClock
from headrace.aio.signals import two_step_stop
from headrace.assembly.handlers import HandledMapping, HandlersRun
from headrace.assembly.queues import with_dead_letters
from headrace.assembly.running import default_ceiling
from headrace.assembly.service import RunEndReason
from headrace.config.mapping_settings import queue_mapping_from_settings
from headrace.errors import ConfigurationError, NotIdleError, Problem
from headrace.model.function import FunctionSettings
from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.producer import STORE_DEFAULT, STORE_VARIABLE, Queue
from headrace.sources.sqs_record import queue_arn
from headrace.store.queue_settings import check_settings
from headrace.store.queues import Queues
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.store.port import StorePort

H = TypeVar("H", bound="Callable[..., Any]")
_logger = logging.getLogger("headrace")


class DeclaredQueue(Queue):
    """A queue of an `App`: a producer too; the first use makes it in the store, or brings it into line."""

    def __init__(self, name: str, app: App) -> None:
        super().__init__(name, store=app.store)
        self._app = app

    def _opened(self) -> StorePort:
        self._app.declare()
        return super()._opened()


class App:
    """Queues of one store, and functions of this process that handle what is sent to them.

    *store* is a path (default: ``HEADRACE_STORE``, else ``./headrace.db``); the file is made with the first use. Settings of mappings have
    AWS's own names and meaning; what AWS refuses is refused, in its words, by `ConfigurationError`. *max_workers* is the ceiling
    of concurrent invocations of all functions together (default: twice the cores, at least 4).
    """

    def __init__(
        self,
        *,
        store: str | os.PathLike[str] | None = None,
        max_workers: int | None = None,
        drain_seconds: float = 8.0,
    ) -> None:
        self.store = Path(
            os.environ.get(STORE_VARIABLE, STORE_DEFAULT) if store is None else store
        ).absolute()
        self.max_workers = max_workers
        self.drain_seconds = drain_seconds
        self._queues: dict[str, tuple[QueueSettings, frozenset[str]]] = {}
        self._mappings: list[HandledMapping] = []
        self._declared = False
        self._running: HandlersRun | None = None

    def queue(
        self,
        name: str,
        *,
        visibility_timeout: int | None = None,
        delay: int | None = None,
        retention: int | None = None,
        dead_letter: tuple[str, int] | None = None,
    ) -> DeclaredQueue:
        """Declare a queue; times are in seconds, *dead_letter* is (queue, max receive count).

        What is left out keeps SQS's default, or the value that an existing queue has.
        """
        given = {
            "visibility_timeout_seconds": visibility_timeout,
            "delay_seconds": delay,
            "retention_seconds": retention,
            "redrive_policy": None if dead_letter is None else RedrivePolicy(*dead_letter),
        }
        values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        settings = QueueSettings(name, **values)
        check_settings(settings)
        self._queues[name] = (settings, frozenset(values))
        self._declared = False
        return DeclaredQueue(name, self)

    def mapping(
        self,
        queue: Queue | str,
        *,
        name: str | None = None,
        timeout: float = 30,
        concurrency: int | None = None,
        beyond_aws: bool = False,
        **settings: object,
    ) -> Callable[[H], H]:
        """Map *queue* to the decorated ``handler(event, context)``, which may be a coroutine function.

        *settings* are those of ``AWS::Lambda::EventSourceMapping``: ``BatchSize``, ``MaximumBatchingWindowInSeconds``,
        ``FunctionResponseTypes``, ``ScalingConfig``, ``Enabled``. *timeout* is the function's, in seconds: it is reported, the
        handler itself can't be killed. *concurrency* reserves that many invocations for the function. The mapping is called *name*,
        else ``<function>From<queue>``.
        """
        source = queue if isinstance(queue, str) else queue.name

        def decorate(handler: H) -> H:
            self._add(
                handler,
                source,
                mapping_id=name or f"{_name_of(handler)}From{source}",
                function=FunctionSettings(
                    logical_id=_name_of(handler),
                    name=_name_of(handler),
                    handler=f"{handler.__module__}.{_name_of(handler)}",
                    runtime=f"python{sys.version_info[0]}.{sys.version_info[1]}",
                    code=Path.cwd(),
                    timeout_seconds=timeout,
                    reserved_concurrency=concurrency,
                ),
                beyond_aws=beyond_aws,
                settings=settings,
            )
            return handler

        return decorate

    def declare(self) -> None:
        """Make the declared queues in the store, or bring them into line. Idempotent; done by itself with the first use."""
        if not self._declared:
            with Store.open(self.store) as store:
                Queues(store).apply(with_dead_letters(list(self._queues.values())))
            self._declared = True

    def run(self, *, until_idle: bool = False, timeout: float = 300) -> None:
        """Run the mappings until SIGINT, SIGTERM or `stop`, or until their queues are empty.

        The first signal lets deliveries finish (at most the drain time), a second Ctrl-C does not. Raises `NotIdleError` when
        *until_idle* is set and nothing has succeeded for *timeout* seconds.
        """
        asyncio.run(self.arun(until_idle=until_idle, timeout=timeout))

    async def arun(self, *, until_idle: bool = False, timeout: float = 300) -> None:  # noqa: ASYNC109 - of the run, not of a call
        """Like `run`, in the running loop."""
        run = HandlersRun(
            self._mappings,
            store=self.store,
            queues=list(self._queues.values()),
            ceiling=default_ceiling() if self.max_workers is None else self.max_workers,
            drain_seconds=self.drain_seconds,
            until_idle=until_idle,
            timeout_seconds=timeout,
            clock=SystemClock(),
            chance=Random(),  # noqa: S311 - request ids and jitter
            note=_logger.info,
        )
        self._running = run
        try:
            with two_step_stop(ask=run.service.stop, insist=run.service.abort):
                end = await run.run()
        finally:
            self._running = None
        if end.reason is RunEndReason.STUCK:
            raise NotIdleError(end.message)

    def stop(self) -> None:
        """Ask a run to stop, from its own event loop: a handler's, use a signal or `loop.call_soon_threadsafe`."""
        if self._running is not None:
            self._running.service.stop()

    def _add(
        self,
        handler: Callable[..., Any],
        source: str,
        *,
        mapping_id: str,
        function: FunctionSettings,
        beyond_aws: bool,
        settings: dict[str, object],
    ) -> None:
        declared, given = self._queues.get(source, (None, frozenset()))
        known = declared is not None and "visibility_timeout_seconds" in given
        mapping, problems = queue_mapping_from_settings(
            settings,
            mapping_id=mapping_id,
            function=function.logical_id,
            source=source,
            function_timeout=function.timeout_seconds,
            queue_visibility=declared.visibility_timeout_seconds if declared and known else None,
            beyond_aws=beyond_aws,
        )
        for other in self._mappings:
            if other.mapping.mapping_id == mapping_id or (
                (other.mapping.source, other.handler) == (source, handler)
            ):
                problems.append(
                    Problem(
                        "$",
                        f'An event source mapping with SQS arn (" {queue_arn(source)} ") and function '
                        f'(" {function.name} ") already exists. Please update or delete the existing '
                        f"mapping with UUID {other.mapping.mapping_id}",
                        "give this one another name=",
                    )
                )
        if mapping is None or problems:
            raise ConfigurationError(problems)
        self._mappings.append(HandledMapping(mapping, handler, function))


def _name_of(handler: Callable[..., Any]) -> str:
    return str(getattr(handler, "__name__", type(handler).__name__))
