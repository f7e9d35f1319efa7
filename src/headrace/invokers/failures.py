"""Failed invocations in Lambda's own words: one function for each way that an invocation can end badly."""

from __future__ import annotations

import signal

import orjson

from headrace.model.outcome import FunctionError, Outcome, Response

MAX_RESPONSE_BYTES = 6_291_556
"""The longest response that Lambda passes on: 6 MB and a little."""

EXIT_ERROR = "Runtime.ExitError"

# Lambda prints a signal as Go's syscall package names it.
_SIGNAL_NAMES = {
    signal.SIGABRT: "aborted",
    signal.SIGALRM: "alarm clock",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGHUP: "hangup",
    signal.SIGILL: "illegal instruction",
    signal.SIGINT: "interrupt",
    signal.SIGKILL: "killed",
    signal.SIGPIPE: "broken pipe",
    signal.SIGQUIT: "quit",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGUSR2: "user defined signal 2",
}


def failed(error_type: str, message: str, *, outcome: Outcome = Outcome.ERROR) -> Response:
    """An error that the platform reports, not the function itself."""
    document = orjson.dumps({"errorType": error_type, "errorMessage": message})
    return Response(document, FunctionError(outcome, error_type, message))


def timed_out(request_id: str, seconds: float) -> Response:
    """The handler did not answer within *seconds*."""
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    return failed("Sandbox.Timedout", message, outcome=Outcome.TIMED_OUT)


def exited(request_id: str, status: int | None) -> Response:
    """The runtime's process ended.

    *status* is an exit code, a negative signal number, or None when it is not known.
    """
    return failed(EXIT_ERROR, f"RequestId: {request_id} Error: {exit_reason(status)}")


def exit_reason(status: int | None) -> str:
    """How a process ended, as Lambda words it."""
    if not status:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {signal_name(-status)}"


def signal_name(number: int) -> str:
    """The name of a signal as Lambda prints it."""
    return _SIGNAL_NAMES.get(number) or f"signal {number}"  # type: ignore[call-overload]  # an int finds its Signals key


def too_large() -> Response:
    """The response is longer than Lambda passes on."""
    return failed(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
    )


def throttled() -> Response:
    """The function has no concurrency left."""
    return failed("TooManyRequestsException", "Rate Exceeded.", outcome=Outcome.THROTTLED)


def reported(document: bytes, error_type: str = "") -> Response:
    """An error document as the function's runtime posted it; *error_type* is its header."""
    found_type, message = _read_document(document)
    return Response(
        document, FunctionError(Outcome.ERROR, found_type or error_type or "Unhandled", message)
    )


def _read_document(document: bytes) -> tuple[str, str]:
    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    return str(content.get("errorType") or ""), str(content.get("errorMessage") or "")
