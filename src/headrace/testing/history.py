"""What happened, one JSON line an event, written down by those it happened to.

A history is recorded outside the engine: by producers, by handlers, by whoever kills and restarts. They append to one
file. Each event is one ``os.write`` to a descriptor opened with ``O_APPEND``, so the lines of several processes never mix,
and nothing is kept back in a buffer when a process is killed. A kill may tear a line all the same; therefore an event
begins with its line feed, and a torn one swallows no other.

This file needs nothing but the standard library and may be copied beside a handler. Simulations make the same
`Event` with virtual times. `checker` says what a history proves.

A line holds ``what``, ``at`` (monotonic seconds, one clock for all processes of a machine), and of the other fields of
`Event` those that are set.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from enum import StrEnum
from typing import Any, NamedTuple


class What(StrEnum):
    """The kinds of events."""

    PRODUCE = "produce"
    """Records are sent to a source."""
    RECEIVE = "receive"
    """Records are taken from it (seen in simulations, or by a proxy)."""
    FILTER = "filter"
    """Records are dropped by a named policy (``name``): a filter, age, retention."""
    INVOKE = "invoke"
    """A handler starts with a batch. Written by the handler, first thing."""
    RESULT = "result"
    """That handler ends: ``outcome``, and the records that ``failed``."""
    SETTLE = "settle"
    """The source is told: ``name`` is ``delete``, ``release`` or ``extend``."""
    DESTINATION = "destination"
    """Records are in a dead-letter queue or at a failure destination."""
    START = "start"
    """An ``engine`` starts."""
    STOP = "stop"
    """An engine is asked to stop: ``name`` is ``soft`` (finish first) or ``hard``."""
    EXIT = "exit"
    """An engine has ended by itself; ``name`` is its exit code."""
    KILL = "kill"
    """A process is killed: ``role`` is ``engine``, ``worker`` or ``producer``, ``target`` its process id."""
    PAUSE = "pause"
    """A process is stopped where it stands (SIGSTOP): ``role`` and ``target``."""
    RESUME = "resume"
    """It goes on."""
    FAULT = "fault"
    """A fault ``name``: *invoked* when a schedule plans it, *ok* when it fires."""
    OBSERVED = "observed"
    """A source was looked at: how many are ``visible``, ``in_flight``, ``delayed``; ``records`` are those in flight."""


class Phase(StrEnum):
    """How far an operation got. *Unknown*: it may have happened or not."""

    INVOKED = "invoked"
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Event(NamedTuple):
    """One thing that happened.

    ``records`` are names that the sender chose, each once; a receiver reads them out of the bodies. ``digests``
    (of bodies) and ``groups`` (message group, shard and key) run parallel to them or are empty. ``engine`` names
    one incarnation: after a restart it is another. ``source`` may stay empty where there is only one.
    """

    what: str
    at: float
    phase: str = Phase.OK
    source: str = ""
    engine: str = ""
    records: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    invocation: str = ""
    outcome: str = ""
    failed: tuple[str, ...] = ()
    name: str = ""
    role: str = ""
    target: int = 0
    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    pid: int = 0
    wall: float = 0.0


class History(NamedTuple):
    """Events in the order of their times, and how many lines were torn."""

    events: list[Event]
    torn: int = 0


_DEFAULTS = Event._field_defaults


def digest(body: str | bytes) -> str:
    """What stands for a body in a history: it differs if one byte does."""
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return hashlib.sha256(data).hexdigest()[:32]


def to_line(event: Event) -> bytes:
    """The event as it is appended to a file, its line feed first."""
    known = event._asdict()
    fields = {key: value for key, value in known.items() if value != _DEFAULTS.get(key)}
    return b"\n" + json.dumps(fields, separators=(",", ":")).encode("ascii")


def from_line(line: bytes) -> Event | None:
    """The event of a line; None if the line is torn."""
    try:
        fields = json.loads(line)
        return Event(**{key: _frozen(value) for key, value in fields.items()})
    except (ValueError, TypeError, AttributeError):
        return None


def read(path: str | os.PathLike[str]) -> History:
    """Read a history. Torn lines are left out and counted."""
    with open(path, "rb") as file:  # noqa: PTH123 - one import less where this file is copied
        lines = [line for line in file.read().split(b"\n") if line]
    events = [event for event in map(from_line, lines) if event is not None]
    return History(sorted(events, key=_moment), torn=len(lines) - len(events))


class Recorder:
    """Appends events to a file. Safe in threads, after a fork and beside other processes.

    *always* are fields that every event of this recorder has, such as ``engine`` or ``source``.
    """

    def __init__(self, path: str | os.PathLike[str], **always: Any) -> None:  # noqa: ANN401 - fields of an event
        self._always = always
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def record(self, what: What, **fields: Any) -> Event:  # noqa: ANN401 - fields of an event
        """Append an event that happens now; it is in the file when this returns."""
        event = Event(
            what=what,
            at=time.monotonic(),
            wall=time.time_ns() / 1e9,
            pid=os.getpid(),
            **{**self._always, **fields},
        )
        os.write(self._file, to_line(event))
        return event

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - JSON
    return tuple(value) if isinstance(value, list) else value


def _moment(event: Event) -> float:
    return event.at
