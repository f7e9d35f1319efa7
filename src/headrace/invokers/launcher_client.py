"""The engine's side of the launcher: start a worker, kill it, hear of its end.

A launcher that is lost (killed by someone) takes its workers with it; the next start makes a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from headrace.errors import FunctionUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCRIPT = Path(__file__).with_name("launcher.py")
_LENGTH = struct.Struct("!I")
_RECEIVE_BYTES = 65536
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Launch:
    """A process to start: it leads its own group; ``mark`` is an environment entry that no other worker has."""

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    mark: str
    stdout: int
    stderr: int


class Listener(Protocol):
    """Hears what becomes of a launch: ``started`` then ``exited``, or ``failed`` alone."""

    def process_started(self, pid: int) -> None:
        """The program runs."""
        ...

    def process_failed(self, reason: str) -> None:
        """The program could not be run."""
        ...

    def process_exited(self, status: int, max_memory_kb: int) -> None:
        """The process ended: *status* is an exit code or a negative signal number."""
        ...


class LauncherClient:
    """Owns one launcher process; belongs to the loop that first launches."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._last_number = 0
        self._listeners: dict[int, Listener] = {}
        self._pids: dict[int, int] = {}
        self._received = bytearray()
        self._unsent: deque[tuple[memoryview, list[int]]] = deque()
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The launcher's own process, while there is one."""
        return self._process.pid if self._process is not None else None

    def launch(self, launch: Launch, listener: Listener) -> int:
        """Ask for a process; gives the number to kill it by. The descriptors are duplicated.

        Raises `OSError` without free descriptors, `FunctionUnavailableError` if the launcher itself can't be started.
        """
        if self._socket is None:
            self._start()
        outputs = [os.dup(launch.stdout), os.dup(launch.stderr)]
        self._last_number += 1
        number = self._last_number
        self._listeners[number] = listener
        request = {
            "do": "start",
            "worker": number,
            "command": list(launch.command),
            "directory": str(launch.directory),
            "environment": dict(launch.environment),
            "mark": launch.mark,
        }
        self._send(request, outputs)
        return number

    def kill(self, number: int) -> None:
        """Kill a worker's process group. Its listener hears of the exit later."""
        if number in self._listeners and self._socket is not None:
            self._send({"do": "kill", "worker": number}, [])

    async def aclose(self) -> None:
        """End the launcher and with it every worker. Idempotent."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            self._lost()

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # S: no site, E and I: nobody's environment decides what it runs. A session of its own keeps a
            # terminal's Ctrl-C from it.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-S", "-E", "-I", str(_SCRIPT)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise FunctionUnavailableError(
                f"The launcher of workers can't be run: {error}"
            ) from error
        finally:
            theirs.close()
        ours.setblocking(False)  # noqa: FBT003 - it has no keyword
        self._socket = ours
        self._ended.clear()
        self._loop.add_reader(ours, self._receive)

    def _send(self, request: dict[str, Any], descriptors: list[int]) -> None:
        # Not orjson: the environment may hold bytes that are no UTF-8, which Python keeps as lone surrogates.
        frame = json.dumps(request).encode()
        self._unsent.append((memoryview(_LENGTH.pack(len(frame)) + frame), descriptors))
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        connection, loop = self._socket, self._loop
        if connection is None or loop is None:
            return
        try:
            while self._unsent:
                data, descriptors = self._unsent[0]
                sent = (
                    socket.send_fds(connection, [data], descriptors)
                    if descriptors
                    else connection.send(data)
                )
                _close(descriptors)
                if sent < len(data):
                    self._unsent[0] = (data[sent:], [])
                else:
                    self._unsent.popleft()
        except BlockingIOError:
            loop.add_writer(connection, self._flush)
            return
        except OSError:
            self._lost()
            return
        loop.remove_writer(connection)

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._received += data
        while len(self._received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                return
            message = orjson.loads(self._received[_LENGTH.size : end])
            del self._received[:end]
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        number = message["worker"]
        match message["event"]:
            case "started":
                self._pids[number] = message["pid"]
                self._listeners[number].process_started(message["pid"])
            case "failed":
                self._listeners.pop(number).process_failed(message["reason"])
            case "exited":
                self._pids.pop(number, None)
                self._listeners.pop(number).process_exited(
                    message["status"], message["max_memory_kb"]
                )

    def _lost(self) -> None:
        """The launcher is gone: so are its workers, by its own hand, their death signal or ours."""
        if self._socket is None or self._loop is None:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        for _, descriptors in self._unsent:
            _close(descriptors)
        self._unsent.clear()
        self._received.clear()
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._pids.clear()
        listeners, self._listeners = list(self._listeners.values()), {}
        if self._process is not None:
            # It closes its socket by ending, and has cleaned up before: this waits for next to nothing.
            self._process.kill()
            self._process.wait()
            self._process = None
        self._ended.set()
        for listener in listeners:
            listener.process_exited(-signal.SIGKILL, 0)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    descriptors.clear()
