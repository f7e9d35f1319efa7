"""One worker process: start it, give it one event at a time, watch it, end it.

Theory of operation. STARTING until its runtime client asks for an event for the first time; then FREE and BUSY in turn;
ENDING once its end was asked for; ENDED when it is gone. A FREE worker may be given an invocation a moment before it
asks for it (``_pending``): should it end in between, the invocation was never delivered and goes back to the owner.

Whatever ends the process while BUSY answers the invocation: with the blame that `_kill` was given (timed out, out of
memory), else with how the process ended. The answer is given when the process is gone, so that nothing of the handler
runs on beside a retry.
"""

from __future__ import annotations

import asyncio
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from headrace.invokers import failures, report
from headrace.invokers.environment import WorkerPlace, worker_environment
from headrace.invokers.launcher_client import Launch
from headrace.invokers.memory import ResidentSize
from headrace.invokers.runtime_api import RuntimeApi
from headrace.invokers.worker_log import WorkerLog
from headrace.model.outcome import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.invokers.function_pool import FunctionPool
    from headrace.invokers.invocation import Invocation
    from headrace.invokers.program import Program
    from headrace.invokers.workshop import Workshop

_END_SECONDS = 5.0  # for a process that was killed to be gone
_ASK_SECONDS = 5.0  # for a runtime client to ask for the next event after an answer
_KILLED = -9


class State(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    FREE = "free"
    BUSY = "busy"
    ENDING = "ending"
    ENDED = "ended"


class WorkerOwner(Protocol):
    """Who decides what a worker does next."""

    def worker_free(self, worker: WorkerProcess) -> None:
        """It may be given an invocation."""
        ...

    def worker_busy(self, worker: WorkerProcess) -> None:
        """It has been given one."""
        ...

    def worker_ended(self, worker: WorkerProcess) -> None:
        """Its process is gone. See ``init_failure`` and ``undelivered``."""
        ...


class WorkerProcess:
    """A process that runs one function. All methods belong to one loop.

    After the end ``init_failure`` makes the response for those who waited for this worker's start, if the start
    failed; ``undelivered`` is the invocation that it was given and never had; ``has_crashed`` says that it ended
    by itself. ``has_answered`` says that it has lived through an invocation.
    """

    def __init__(self, pool: FunctionPool, owner: WorkerOwner, workshop: Workshop) -> None:
        self.pool = pool
        self.settings = settings = pool.settings
        self.state = State.STARTING
        self.free_since = 0.0
        self.init_failure: Callable[[str], Response] | None = None
        self.undelivered: Invocation | None = None
        self.has_crashed = False
        self.has_answered = False
        self._owner = owner
        self._workshop = workshop
        self._loop = asyncio.get_running_loop()
        self._log = WorkerLog(self._loop, workshop.log, settings)
        self._api = RuntimeApi(self, settings.arn)
        self._number: int | None = None
        self._memory: ResidentSize | None = None
        self._max_memory_bytes = 0
        self._is_out_of_memory = False
        self._blame: Callable[[str], Response] | None = None
        self._current: Invocation | None = None
        self._pending: Invocation | None = None
        self._started = self._loop.time()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, program: Program) -> None:
        """Start the process; raises `OSError` or `FunctionUnavailableError` if that can't even be tried."""
        await self._api.start()
        if self.state is State.STARTING:
            self._launch(program)
        else:
            self._api.close()  # it was ended in the meantime

    @property
    def is_launched(self) -> bool:
        """Whether the launcher has been asked for the process: from then on it says what becomes of it."""
        return self._number is not None

    def fail_start(self, reason: str) -> None:
        """Give the start up."""
        # AWS: what can't be executed is an invalid entry point.
        self._finish(
            lambda request_id: failures.failed(
                "Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: {reason}"
            )
        )

    def assign(self, invocation: Invocation) -> None:
        """Give a FREE worker an invocation."""
        invocation.worker = self
        self._pending = invocation
        self.state = State.BUSY
        if self._api.is_waiting:
            self._deliver(invocation)
        else:
            self._set_deadline(self._loop.time() + _ASK_SECONDS)

    def give_up(self, invocation: Invocation) -> None:
        """Nobody waits for *invocation* any more: end its handler."""
        if self._pending is invocation:
            self._pending = None
            self._free()
        elif self._current is invocation:
            self._kill(None)

    def end(self) -> None:
        """End the process; an invocation that it has fails as by SIGKILL. Idempotent."""
        self._kill(None)

    def check_memory(self) -> None:
        """End the process if it holds more than the function's memory."""
        limit_mb = self.settings.memory_mb
        now = self._look_at_memory(limit_mb << 20)
        if now > limit_mb << 20 and self.state is State.BUSY:
            self._log.platform(
                f"headrace: ended with {now >> 20} MB in memory: MemorySize is {limit_mb} MB"
            )
            self._is_out_of_memory = True
            self._kill(lambda request_id: failures.exited(request_id, _KILLED))

    def _look_at_memory(self, limit: int) -> int:
        now = self._memory.bytes_now(limit) if self._memory is not None else 0
        self._max_memory_bytes = max(now, self._max_memory_bytes)
        return now

    def _launch(self, program: Program) -> None:
        place = WorkerPlace(
            runtime_api=self._api.address,
            task_root=str(program.directory),
            log_stream=self._workshop.log_stream(secrets.token_hex(16)),
            refusing_endpoint=self._workshop.refusing_url,
        )
        environment = worker_environment(self.settings, self._workshop.rules, place)
        stdout, stderr = self._log.open()
        launch = Launch(
            command=program.command,
            directory=program.directory,
            environment=environment,
            mark=f"AWS_LAMBDA_LOG_STREAM_NAME={place.log_stream}",
            stdout=stdout,
            stderr=stderr,
        )
        self._number = self._workshop.launcher.launch(launch, self)
        self._log.close_writable()
        self._set_deadline(self._started + self._init_limit)
        self._log.platform(report.init_start_line(program.version))

    @property
    def _init_limit(self) -> float:
        # AWS: a start that takes longer than 10 s is begun again under the function's own timeout.
        return max(self._workshop.init_timeout_seconds, self.settings.timeout_seconds)

    def process_started(self, pid: int) -> None:
        """The launcher has started it."""
        self._memory = ResidentSize(pid)

    def process_failed(self, reason: str) -> None:
        """The launcher could not start it."""
        self.fail_start(reason)

    def process_exited(self, status: int, max_memory_kb: int) -> None:
        """The process is gone: answer for it."""
        self._max_memory_bytes = max(self._max_memory_bytes, max_memory_kb * 1024)
        self._finish(lambda request_id: failures.exited(request_id, status))

    def _kill(self, blame: Callable[[str], Response] | None) -> None:
        if self.state in (State.ENDING, State.ENDED):
            return
        was_starting = self.state is State.STARTING
        self.state = State.ENDING
        self._blame = blame
        if was_starting:
            self.init_failure = blame
        if self._number is None:
            self._finish(lambda request_id: failures.exited(request_id, _KILLED))
        else:
            self._workshop.launcher.kill(self._number)
            self._set_deadline(self._loop.time() + _END_SECONDS)

    def _finish(self, how: Callable[[str], Response]) -> None:
        """Answer for a process that is gone and give back what it had."""
        if self.state is State.ENDED:
            return
        if self.state is State.STARTING:
            self.init_failure = how
        self.has_crashed = self.state is not State.ENDING
        self._log.close()  # first what it has printed, then what the platform says
        if self.init_failure is not None:
            self._log.init_failed(self._loop.time() - self._started)
        if self._memory is not None:
            self._memory.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._api.close()
        self.state = State.ENDED
        if self._current is not None:
            self._end_by_platform(self._current, (self._blame or how)(self._current.request_id))
        self.undelivered, self._pending = self._pending, None
        self._owner.worker_ended(self)

    def runtime_ready(self) -> None:
        """It asks for an event."""
        if self.state is State.STARTING:
            self._log.init_ended(self._loop.time() - self._started)
            self._free()
        elif self._pending is not None and self.state is State.BUSY:
            self._deliver(self._pending)

    def runtime_responded(self, payload: bytes) -> None:
        """It answered."""
        self._answer_and_free(Response(payload))

    def runtime_failed(self, document: bytes, error_type: str) -> None:
        """It reported the handler's error."""
        self._answer_and_free(failures.reported(document, error_type))

    def runtime_exceeded(self) -> None:
        """Its answer was too long."""
        self._answer_and_free(failures.too_large())

    def runtime_init_failed(self, document: bytes, error_type: str) -> None:
        """It can't load the handler: nothing more will come of it."""
        if self.state is State.STARTING:
            self._kill(lambda _: failures.reported(document, error_type))

    def _deliver(self, invocation: Invocation) -> None:
        self._pending = None
        self._current = invocation
        invocation.is_delivered = True
        invocation.started = self._loop.time()
        timeout = self.settings.timeout_seconds
        self._set_deadline(invocation.started + timeout)
        now = self._workshop.clock.now()
        self._api.deliver(
            invocation.event,
            invocation.request_id,
            deadline_ms=int((now + timeout) * 1000),
            trace_id=self._workshop.trace_id(now),
        )
        self._log.begin(invocation.request_id)
        self._owner.worker_busy(self)

    def _answer_and_free(self, response: Response) -> None:
        if self._current is None or self.state is not State.BUSY:
            return  # it is being killed: the blame answers
        self.has_answered = True
        self._answer(self._current, response)
        self._free()

    def _end_by_platform(self, invocation: Invocation, response: Response) -> None:
        status = ""
        if response.error is not None:
            self._log.platform(response.error.message)
            status = report.status_of(response.error, is_out_of_memory=self._is_out_of_memory)
        self._answer(invocation, response, status=status)

    def _answer(self, invocation: Invocation, response: Response, *, status: str = "") -> None:
        self._current = None
        if self._log.is_enabled:
            self._look_at_memory(self.settings.memory_mb << 20)
            self._log.end(
                seconds=self._loop.time() - invocation.started,
                max_memory_bytes=self._max_memory_bytes,
                status=status,
            )
        invocation.respond(response)

    def _free(self) -> None:
        self.state = State.FREE
        self.free_since = self._loop.time()
        self._deadline = None
        self._owner.worker_free(self)

    def _set_deadline(self, deadline: float) -> None:
        """Be called at *deadline*. The timer stays where it is if it comes earlier: setting one costs more."""
        self._deadline = deadline
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._fire)
            return
        match self.state:
            case State.STARTING:
                limit = self._init_limit
                self._kill(lambda request_id: failures.timed_out(request_id, limit))
            case State.BUSY if self._current is not None:
                seconds = self.settings.timeout_seconds
                self._kill(lambda request_id: failures.timed_out(request_id, seconds))
            case State.BUSY:
                self._kill(None)  # it answered and never asked again
            case State.ENDING:
                # Not even SIGKILL ended it in time (it hangs in the kernel): go on without it.
                self._finish(lambda request_id: failures.exited(request_id, _KILLED))
