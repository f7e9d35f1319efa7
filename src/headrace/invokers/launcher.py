"""The process that starts workers, and ends them when the engine is gone.

One launcher serves one engine. It is run as a file with ``python -S -E -I``, uses the standard library alone and has
one thread, so that forking is safe in it. Decision record 0004 says why it exists.

Theory of operation. The engine holds the other end of a socket on standard input. Frames (a length of four bytes,
then JSON) come in: ``start`` (with the worker's standard output and error as passed descriptors) and ``kill``; frames
go out: ``started``, ``failed``, ``exited``. Each worker leads a session and a process group of its own.

Nobody outlives the engine. The socket's end of file says that the engine is gone, however it died; on Linux a death
signal says so too, in case some fork of the engine still holds the socket. Then the launcher kills every group, and on
Linux, being the subreaper, every descendant that left its group, until it has no child left. Should the launcher itself
be killed, the workers' own death signal ends them (Linux).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections import deque
from typing import Any, NoReturn

try:
    import ctypes
except ImportError:  # a Python built without libffi: the socket's end of file must do
    ctypes = None  # type: ignore[assignment]  # looked at before it is used

_IS_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_OOM_SCORE = b"500"  # when memory runs out, the kernel takes workers before the engine
_EXEC_FAILED = 127
_ORPHAN_CHECK_MS = 1000  # where no death signal exists
_DEAD_MARKS = 1000
_RECEIVE_BYTES = 65536
_LENGTH = struct.Struct("!I")
_DESCRIPTORS_PER_START = 2


def _load_prctl() -> Any:  # noqa: ANN401 - a function of the C library
    return ctypes.CDLL(None).prctl if _IS_LINUX and ctypes is not None else None


class Launcher:
    """Starts, reaps and kills workers as the engine asks."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._engine = os.getppid()
        self._prctl = _load_prctl()
        self._pids: dict[int, int] = {}  # worker's number to its process, until it is reaped
        self._workers: dict[int, int] = {}  # and back
        self._marks: dict[int, bytes] = {}
        self._dead_marks: deque[bytes] = deque(maxlen=_DEAD_MARKS)
        self._buffer = bytearray()
        self._descriptors: list[int] = []
        self._wake_read, self._wake_write = os.pipe()

    def run(self) -> NoReturn:
        """Serve until the engine is gone, then end everything."""
        self._set_up()
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        timeout = None if _IS_LINUX else _ORPHAN_CHECK_MS
        while os.getppid() == self._engine:
            ready = dict(poll.poll(timeout))
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, _RECEIVE_BYTES)
                self._reap()
            if self._control.fileno() in ready and not self._serve():
                break
        self._end_everything()
        os._exit(0)

    def _set_up(self) -> None:
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        # The engine stops in two steps and asks for what it needs until the end: a signal sent to the whole
        # service is not for the launcher.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self._prctl is not None:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # A signal that wakes the loop, which then sees that its parent has changed. It comes when the thread
        # that started the launcher ends, which need not be the end of the engine.
        self._set_death_signal(signal.SIGUSR1)

    def _set_death_signal(self, number: signal.Signals) -> None:
        if self._prctl is not None:
            self._prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)

    def _serve(self) -> bool:
        """Read and obey; returns whether the engine is still there."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, _RECEIVE_BYTES, 16)
        except ConnectionError:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - it has no keyword
        self._descriptors += descriptors
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                break
            request = json.loads(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            self._obey(request)
        return bool(data)

    def _obey(self, request: dict[str, Any]) -> None:
        worker = request["worker"]
        if request["do"] == "start":
            descriptors = self._descriptors[:_DESCRIPTORS_PER_START]
            del self._descriptors[:_DESCRIPTORS_PER_START]
            self._start(worker, request, descriptors)
        elif worker in self._pids:
            self._kill_group(self._pids[worker])

    def _tell(self, event: str, worker: int, **details: object) -> None:
        frame = json.dumps({"event": event, "worker": worker, **details}).encode()
        with contextlib.suppress(ConnectionError):  # the read side notices
            self._control.sendall(_LENGTH.pack(len(frame)) + frame)

    def _start(self, worker: int, request: dict[str, Any], outputs: list[int]) -> None:
        failure_read, failure_write = os.pipe()
        launcher = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell("failed", worker, reason=os.strerror(error.errno or 0))
            _close(failure_read, failure_write, *outputs)
            return
        if pid == 0:
            self._set_death_signal(signal.SIGKILL)
            if os.getppid() == launcher:  # else it died before the signal was set
                self._become_worker(request, outputs, failure_write)
            os._exit(_EXEC_FAILED)
        _close(failure_write, *outputs)
        # Ends when the worker has become its program: the descriptor closes by itself then.
        failure = os.read(failure_read, 4096)
        _close(failure_read)
        if failure:
            os.waitpid(pid, 0)
            self._tell("failed", worker, reason=failure.decode())
            return
        self._pids[worker] = pid
        self._workers[pid] = worker
        self._marks[worker] = request["mark"].encode()
        self._tell("started", worker, pid=pid)

    def _become_worker(self, request: dict[str, Any], outputs: list[int], failure: int) -> NoReturn:
        try:
            os.setsid()
            if self._prctl is not None:
                self._prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                _prefer_for_oom_kill()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.set_wakeup_fd(-1)
            for number in (
                signal.SIGINT,
                signal.SIGTERM,
                signal.SIGHUP,
                signal.SIGUSR1,
                signal.SIGCHLD,
                signal.SIGPIPE,
                signal.SIGXFSZ,
            ):
                signal.signal(number, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for target, source in enumerate((nothing, *outputs)):
                os.dup2(source, target)
            os.chdir(request["directory"])
            os.execve(  # noqa: S606 - what the engine asked for, and no shell
                request["command"][0], request["command"], request["environment"]
            )
        except OSError as error:
            os.write(failure, f"{error.strerror}: {error.filename}".encode())
        except BaseException as error:  # noqa: BLE001 - a fork of the launcher must not go on as one
            os.write(failure, repr(error).encode())
        os._exit(_EXEC_FAILED)

    def _reap(self) -> None:
        while (ended := self._next_ended()) is not None:
            pid, status, usage = ended
            # Also after a stranger's end: only now may a process below it have become our child.
            self._kill_strays()
            worker = self._workers.pop(pid, None)
            if worker is not None:
                del self._pids[worker]
                self._tell(
                    "exited",
                    worker,
                    status=os.waitstatus_to_exitcode(status),
                    max_memory_kb=usage.ru_maxrss // (1 if _IS_LINUX else 1024),
                )

    def _next_ended(self) -> tuple[int, int, resource.struct_rusage] | None:
        """Reap one child that has ended, if any; what a worker left behind in its group goes with it."""
        pid = -1
        try:
            if hasattr(os, "waitid"):
                # Looked at before it is reaped: until then its number means its group and no other.
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is None:
                    return None
                pid = ended.si_pid
                self._bury(pid)
            pid, status, usage = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        self._bury(pid)
        return pid, status, usage

    def _bury(self, pid: int) -> None:
        if (worker := self._workers.get(pid)) in self._marks:
            self._dead_marks.append(self._marks.pop(worker))
            self._kill_group(pid)

    def _kill_group(self, leader: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)

    def _kill_strays(self) -> None:
        """Kill what left the group of a worker that is gone: that worker's mark is in its environment."""
        for pid in _children():
            if pid not in self._workers and not _environment_of(pid).isdisjoint(self._dead_marks):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _end_everything(self) -> None:
        for pid in self._workers:
            self._kill_group(pid)
        while True:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            try:
                # Each that ends may hand its own children to us: go on until none is left.
                pid, _ = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            self._kill_group(pid)


def _children() -> list[int]:
    """Our children as the kernel lists them; none where it doesn't."""
    if not _IS_LINUX:
        return []
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as listing:  # noqa: PTH123 - pathlib is slow to import
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


def _environment_of(pid: int) -> set[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as environment:  # noqa: PTH123
            return set(environment.read().split(b"\0"))
    except OSError:
        return set()


def _prefer_for_oom_kill() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as score:  # noqa: PTH123
        score.write(_OOM_SCORE)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


if __name__ == "__main__":
    if sys.platform == "win32":
        sys.exit(errno.ENOSYS)
    Launcher(socket.socket(fileno=0)).run()
