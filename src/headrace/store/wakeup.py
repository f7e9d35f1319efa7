"""Tell other processes what changed: datagrams between sockets beside the store.

Theory of operation. Whoever waits binds a socket of its own in the store's socket directory; whoever commits sends each of them the
topics that changed. A datagram is a hint, never the truth: one that is lost costs a waiter the time until its next
look of its own (`writer`), one too many costs an empty look. The socket of a process that died refuses, and is removed.
A listener that is too slow to read is told again a little later, for a while.

A socket's path has little room (108 bytes on Linux, 104 on macOS). Where the store's own path is too long for
that, the sockets lie in a private directory of the user under the runtime or temporary directory, named by a hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import StoreRefusedError
from headrace.store.changes import EVERYTHING
from headrace.store.transaction import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH_BYTES_MAX = 103
_NAME_BYTES = 25
DATAGRAM_BYTES_MAX = 4096
RETRY_SECONDS = 0.005
RETRIES_MAX = 200
_SUFFIX = ".sock"
_LISTING_SETTLED_NS = 50_000_000
_numbers = itertools.count()


def socket_directory(run_directory: Path) -> Path:
    """Where the sockets of a store lie, made if need be, for this user only."""
    if len(os.fsencode(run_directory)) + _NAME_BYTES <= PATH_BYTES_MAX:
        run_directory.mkdir(mode=0o700, exist_ok=True)
        return run_directory
    place = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(os.fsencode(place)) + 64 > PATH_BYTES_MAX:
        place = Path("/tmp")  # noqa: S108 - the directory below is checked to be ours alone
    private = place / f"headrace-{os.getuid()}"
    _make_private(private)
    digest = hashlib.sha256(os.fsencode(run_directory.resolve())).hexdigest()[:16]
    _make_private(private / digest)
    return private / digest


def _make_private(directory: Path) -> None:
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StoreRefusedError(
            f"{directory} is not a private directory of this user: remove it, or set XDG_RUNTIME_DIR"
        )


class WakeSocket:
    """A listener's socket. Non-blocking; `fileno` is for an event loop."""

    def __init__(self, directory: Path, owner: str) -> None:
        self.path = directory / f"{owner}-{next(_numbers)}{_SUFFIX}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - positional in the standard library
        self._socket.bind(os.fspath(self.path))

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._socket.fileno()

    def read(self) -> dict[str, int]:
        """What was told since the last time."""
        told: dict[str, int] = {}
        for _ in range(64):  # the loop calls again if there is more
            try:
                datagram = self._socket.recv(DATAGRAM_BYTES_MAX)
            except (BlockingIOError, InterruptedError):
                break
            _merge(told, _decoded(datagram))
        return told

    def unlink(self) -> None:
        """Take the name away, so that nobody tells us any more."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()


class Bell:
    """Tells every listening socket of a store but those of its *owner*. Belongs to one thread."""

    def __init__(self, directory: Path, owner: str) -> None:
        self._ours = f"{owner}-"
        self._directory = directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - positional in the standard library
        self._listed: list[str] = []
        self._listed_at_ns = -1
        self._untold: dict[str, dict[str, int]] = {}
        self._retries: dict[str, int] = {}
        self._told_due: dict[str, int] = {}

    @property
    def pending(self) -> bool:
        """Whether some listener was too slow and is to be told again by `ring` soon."""
        return bool(self._untold)

    def ring(self, told: Mapping[str, int], now_ms: int) -> None:
        """Tell the other listeners, and those again that could not take it before."""
        fresh = {topic: due for topic, due in told.items() if self._is_news(topic, due, now_ms)}
        for name in self._listeners():
            if fresh or name in self._untold:
                self._tell(name, {**self._untold.pop(name, {}), **fresh})
        if self._untold:
            self._untold = {n: told for n, told in self._untold.items() if n in self._listed}

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _is_news(self, topic: str, due_ms: int, now_ms: int) -> bool:
        """Whether listeners don't know already of an instant that comes no later and has not passed."""
        if due_ms == NOW:
            return True
        known = self._told_due.get(topic, NOW)
        if now_ms < known <= due_ms:
            return False
        self._told_due[topic] = due_ms
        return True

    def _listeners(self) -> list[str]:
        try:
            changed_at_ns = os.stat(self._directory).st_mtime_ns  # noqa: PTH116 - cheap, once a commit
        except OSError:  # the directory was removed: listeners look by themselves now and then
            return []
        if changed_at_ns != self._listed_at_ns:
            self._listed = [
                name
                for name in os.listdir(self._directory)  # noqa: PTH208 - names are all we need
                if name.endswith(_SUFFIX) and not name.startswith(self._ours)
            ]
            # A socket made in the same tick of the file system's clock would go unseen: list again then.
            settled = time.time_ns() - changed_at_ns > _LISTING_SETTLED_NS
            self._listed_at_ns = changed_at_ns if settled else -1
        return self._listed

    def _tell(self, name: str, told: dict[str, int]) -> None:
        path = f"{self._directory}/{name}"
        try:
            self._socket.sendto(_encoded(told), path)
        except BlockingIOError:
            self._keep_for_later(name, told)
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - its process is dead
        except OSError:
            pass  # gone, or not to be reached: its own look will find the change
        else:
            self._retries.pop(name, None)

    def _keep_for_later(self, name: str, told: dict[str, int]) -> None:
        retries = self._retries[name] = self._retries.get(name, 0) + 1
        if retries <= RETRIES_MAX:
            self._untold[name] = told


def _encoded(told: Mapping[str, int]) -> bytes:
    datagram = "\n".join(f"{due} {topic}" for topic, due in told.items()).encode()
    return datagram if len(datagram) <= DATAGRAM_BYTES_MAX else f"{NOW} {EVERYTHING}".encode()


def _decoded(datagram: bytes) -> dict[str, int]:
    told: dict[str, int] = {}
    for line in datagram.decode("utf-8", "replace").splitlines():
        due, _, topic = line.partition(" ")
        if topic and due.isdecimal():
            _merge(told, {topic: int(due)})
    return told


def _merge(told: dict[str, int], more: Mapping[str, int]) -> None:
    for topic, due_ms in more.items():
        told[topic] = min(told.get(topic, due_ms), due_ms)
