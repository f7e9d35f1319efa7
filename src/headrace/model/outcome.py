"""What an invocation gave."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How one invocation ended, told apart as AWS tells them apart (semantics C.1)."""

    SUCCESS = "success"
    PARTIAL = "partial"
    ERROR = "error"
    THROTTLED = "throttled"
    TIMED_OUT = "timed_out"


class FunctionError(NamedTuple):
    """Why an invocation has no usable response.

    ``outcome`` is ``ERROR``, ``THROTTLED`` or ``TIMED_OUT``. ``error_type`` and ``message`` are
    Lambda's own words, for example ``Sandbox.Timedout`` and
    ``RequestId: … Error: Task timed out after 1.00 seconds`` (semantics H.3).
    """

    outcome: Outcome
    error_type: str
    message: str


class Response(NamedTuple):
    """What an invoker brings back: the handler's JSON as bytes, or an error.

    With an error, ``payload`` holds Lambda's error document (``errorMessage``, ``errorType`` …) or
    nothing.
    """

    payload: bytes
    error: FunctionError | None = None
