"""Named points at which a test may end the process.

Each durable step calls ``failpoints.reached("store.commit.after")`` and the like. In production that is one
comparison. With ``HEADRACE_FAILPOINT=NAME`` or ``NAME:N`` in the environment, the process kills itself with SIGKILL
when the point is reached for the N-th time (first: 1): nothing is flushed, no ``finally`` runs.
"""

from __future__ import annotations

import os
import signal

POINTS: dict[str, str] = {}
"""Every declared point with the step that it stands at; the kill test goes through them all."""

_name, _, _count = os.environ.get("HEADRACE_FAILPOINT", "").partition(":")
_remaining = int(_count or 1)


def declare(name: str, step: str) -> str:
    """Register a point at import, so that a test can list them all. Returns *name*."""
    POINTS[name] = step
    return name


def reached(name: str) -> None:
    """Kill this process if the environment asks for it here."""
    if name == _name:
        _hit()


def _hit() -> None:
    global _remaining  # noqa: PLW0603 - the one counter of the one armed point
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
