"""One run and everything that shows it: live status or lines, events, logs, the status server.

Theory of operation. The address of the status server is bound and the run is made before anything starts, so that
wrong input ends the command while nothing has happened. While it runs, everything that may wait for a reader (terminal, pipe,
scrape) is done by threads of its own, from a board that the engine's loop fills. The summary is printed when all
of them have ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.aio.clock import SystemClock
from headrace.aio.signals import two_step_stop
from headrace.aio.tasks import spawn
from headrace.assembly.running import TemplateRun
from headrace.assembly.service import RunEnd, RunEndReason
from headrace.cli import run_lines
from headrace.cli.command import FAILED, INTERRUPTED
from headrace.cli.logs import Logs
from headrace.cli.output import note, safe
from headrace.cli.run_events import Events
from headrace.server.board import Board, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.assembly.running import RunOptions
    from headrace.config.application import Application
    from headrace.server.status import StatusServer

_logger = logging.getLogger("headrace.run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a person wants to see of a run, and how."""

    title: str
    status: str | None
    json: bool
    log_format: str
    log_level: str

    @property
    def is_live(self) -> bool:
        """Whether standard error is a terminal that can be drawn on, and free for it."""
        is_plain = self.json or self.log_format == "json" or os.environ.get("TERM") == "dumb"
        return sys.stderr.isatty() and not is_plain


class RunSession:
    """Runs *application* once."""

    def __init__(self, application: Application, options: RunOptions, shown: Shown) -> None:
        self._application = application
        self._options = options
        self._shown = shown
        self._board = Board()
        self._run: TemplateRun | None = None
        self._events: Events | None = None
        self._is_given_up = False

    async def run(self) -> int:
        """Run until stopped, idle or stuck; returns the exit code."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with self._status_server() as server, self._showing():
            self._run = self._made()
            self._tell_start(server)
            with two_step_stop(ask=self._stop, insist=self._give_up):
                end = await self._watched(self._run)
        seconds = loop.time() - began
        if self._events is not None:
            self._events.end(
                self._board, reason=end.reason.value, message=end.message, seconds=seconds
            )
        else:
            run_lines.print_summary(self._board, message=end.message, seconds=seconds)
        return self._code(end)

    def _code(self, end: RunEnd) -> int:
        if end.reason is RunEndReason.STUCK:
            note(f"headrace: {safe(end.message)}")
            return FAILED
        return INTERRUPTED if self._is_given_up else 0

    @contextlib.contextmanager
    def _status_server(self) -> Iterator[StatusServer | None]:
        if self._shown.status is None:
            yield None
            return
        from headrace.server.status import StatusServer, parse_address

        with StatusServer(self._board, parse_address(self._shown.status)) as server:
            yield server

    @contextlib.contextmanager
    def _showing(self) -> Iterator[None]:
        """Logs to standard error, below them a live status where that is a terminal."""
        with contextlib.ExitStack() as stack:
            write = None
            if self._shown.is_live:
                from headrace.cli.run_live import LiveStatus

                live = LiveStatus(self._board, f"headrace run {self._shown.title}", sys.stderr)
                write = stack.enter_context(live).write
            stack.enter_context(
                Logs(form=self._shown.log_format, level=self._shown.log_level, write=write)
            )
            yield

    def _made(self) -> TemplateRun:
        loop = asyncio.get_running_loop()
        if self._shown.json:
            self._events = Events(gone=lambda: loop.call_soon_threadsafe(self._stop))
        run = TemplateRun(
            self._application,
            self._options,
            clock=SystemClock(),
            chance=random.Random(),  # noqa: S311 - jitter and ids of requests
            observe=None if self._events is None else self._events.invoked,
            note=lambda text: _logger.info("%s", text),
        )
        self._board.runners = run.runners
        return run

    def _tell_start(self, server: StatusServer | None) -> None:
        for line in self._application.passed_over:
            _logger.info("passed over: %s", line)
        for problem in self._application.problems:
            _logger.warning("%s", problem)
        run_lines.tell_found(self._board.runners)
        if self._events is not None:
            self._events.started(self._board.runners)
        if server is not None:
            _logger.info("status: %s/metrics, /healthz and /readyz", server.url)
            if server.is_open_to_others:
                _logger.warning(
                    "the status at %s can be read by other machines; there is no authentication",
                    server.url,
                )

    async def _watched(self, run: TemplateRun) -> RunEnd:
        watches = [spawn(self._board.keep(run.backlog), name="board")]
        if not self._shown.is_live:
            watches.append(spawn(run_lines.tell_changes(self._board), name="lines"))
        try:
            return await run.run()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.wait(watches)
            self._board.backlog = await run.backlog()

    def _stop(self) -> None:
        self._board.phase = Phase.STOPPING
        _logger.info(
            "stopping: what runs is finished and settled, within %g s; Ctrl-C again gives it up",
            self._options.drain_seconds,
        )
        if self._run is not None:
            self._run.stop()

    def _give_up(self) -> None:
        self._is_given_up = True
        _logger.warning("giving up what runs; its records are released")
        if self._run is not None:
            self._run.abort()
