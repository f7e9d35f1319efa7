"""What one worker prints and what Lambda prints about it, each line with its function and request id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.invokers import report
from headrace.invokers.function_log import PLATFORM, STDERR, STDOUT, LogLine, escape
from headrace.invokers.output import OutputPipe

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from headrace.invokers.function_log import LogSink
    from headrace.model.function import FunctionSettings


class WorkerLog:
    """The two output pipes of a worker, and the lines around its invocations.

    What is printed between two invocations is filed under the first. Nothing is formatted while the sink wants
    nothing.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sink: LogSink, settings: FunctionSettings
    ) -> None:
        self._sink = sink
        self._settings = settings
        self._request_id = ""
        self._init_seconds: float | None = None
        self._loop = loop
        self._pipes: list[OutputPipe] = []

    def open(self) -> tuple[int, int]:
        """Open the pipes; gives the ends that are for the worker. Raises `OSError`."""
        for stream in (STDOUT, STDERR):
            self._pipes.append(OutputPipe(self._loop, self._printer(stream)))
        stdout, stderr = self._pipes
        return stdout.writable, stderr.writable

    def close_writable(self) -> None:
        """Give up our copies of the worker's ends."""
        for pipe in self._pipes:
            pipe.close_writable()

    def close(self) -> None:
        """Print what is left in the pipes and close them. Idempotent."""
        for pipe in self._pipes:
            pipe.close()

    @property
    def is_enabled(self) -> bool:
        """Whether lines are wanted now."""
        return self._sink.is_enabled()

    def platform(self, text: str) -> None:
        """Print a line of the platform's."""
        if self._sink.is_enabled():
            line = LogLine(self._settings.name, self._request_id, PLATFORM, escape(text))
            self._sink.write(line)

    def init_ended(self, seconds: float) -> None:
        """The worker is ready after *seconds*: the first report will say so."""
        self._init_seconds = seconds

    def init_failed(self, seconds: float) -> None:
        """The worker will never be ready."""
        if self._sink.is_enabled():
            self.platform(report.init_report_line(seconds, status="error"))

    def begin(self, request_id: str) -> None:
        """Open an invocation."""
        self._request_id = request_id
        if self._sink.is_enabled():
            self.platform(report.start_line(request_id))

    def end(self, *, seconds: float, max_memory_bytes: int, status: str) -> None:
        """Close the invocation, after all that it has printed."""
        for pipe in self._pipes:
            pipe.flush()
        self.platform(report.end_line(self._request_id))
        self.platform(
            report.report_line(
                self._request_id,
                seconds=seconds,
                memory_mb=self._settings.memory_mb,
                max_memory_bytes=max_memory_bytes,
                init_seconds=self._init_seconds,
                status=status,
            )
        )
        self._init_seconds = None

    def _printer(self, stream: str) -> Callable[[str], None]:
        sink, function = self._sink, self._settings.name

        def emit(text: str) -> None:
            if sink.is_enabled():
                sink.write(LogLine(function, self._request_id, stream, escape(text)))

        return emit
