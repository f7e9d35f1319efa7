"""The lines that Lambda's platform prints around an invocation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.invokers.context import VERSION
from headrace.model.outcome import Outcome

if TYPE_CHECKING:
    from headrace.model.outcome import FunctionError

_MEBIBYTE = 1_048_576


def start_line(request_id: str) -> str:
    """What opens an invocation."""
    return f"START RequestId: {request_id} Version: {VERSION}"


def end_line(request_id: str) -> str:
    """What closes it."""
    return f"END RequestId: {request_id}"


def init_start_line(version: str) -> str:
    """What opens a worker's start."""
    return f"INIT_START Runtime Version: python:{version}"


def init_report_line(seconds: float, *, status: str) -> str:
    """How a worker's start ended when it did not end well."""
    return f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: {status}"


def report_line(
    request_id: str,
    *,
    seconds: float,
    memory_mb: int,
    max_memory_bytes: int,
    init_seconds: float | None,
    status: str = "",
) -> str:
    """What an invocation took; *init_seconds* for a worker's first one, *status* as `status_of` words it."""
    milliseconds = seconds * 1000
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: {math.ceil(max_memory_bytes / _MEBIBYTE)} MB"
    )
    if init_seconds is not None:
        line += f"\tInit Duration: {init_seconds * 1000:.2f} ms"
    if status:
        line += f"\tStatus: {status}"
    return line


def status_of(error: FunctionError, *, is_out_of_memory: bool) -> str:
    """How an invocation ended that the platform had to end."""
    if error.outcome is Outcome.TIMED_OUT:
        return "timeout"
    return f"error\tError Type: {'Runtime.OutOfMemory' if is_out_of_memory else error.error_type}"
