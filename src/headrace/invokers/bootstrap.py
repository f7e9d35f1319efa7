"""A Lambda runtime client of the standard library alone, for functions whose environment lacks ``awslambdaric``.

It is run as a file by the function's own interpreter, which may be Python 3.9, and imports nothing of
Headrace. In-process handlers share `marshal`, `Context` and `error_document` with it, so that a handler's
answer reads the same wherever it runs. What it does, words included, follows AWS's own client.

Theory of operation: load the handler, or post why it can't be loaded and exit with 1. Then for ever: ask
for the next invocation, call the handler, post what it gave. One connection, kept alive. When the other end
goes away the process ends. What leaves the handler as `SystemExit` or another `BaseException` ends the
process, as in Lambda.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.path:
    # A script's own directory comes first on the path: the function's modules belong there instead.
    sys.path.pop(0)

import importlib
import json
import logging
import os
import socket
import time
import traceback
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, NoReturn

if TYPE_CHECKING:
    from types import TracebackType

_API = "/2018-06-01/runtime/"
_SEPARATORS = ("\r", "\u00a0")  # Lambda's client keeps a traceback together by these
# Around a number inside a JSON string; private characters and our name, so that no text holds them.
_DECIMAL_START = "\ue000headrace:"
_DECIMAL_END = ":headrace\ue000"
_LOG_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
_RECEIVE_BYTES = 65536
_ACCEPTED = 202
_TOO_LARGE = 413


class Fault(Exception):  # noqa: N818 - AWS's word
    """Something that the runtime, not the handler, has to report."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace or []


class Identity:
    """Who called, for callers with Cognito; an event source mapping has none."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class Context:
    """The second argument of a handler: Lambda's context object.

    *deadline* and *now* are on one scale, in seconds: the wall clock's in a worker process, the event
    loop's in process.
    """

    client_context: Any = None
    tenant_id: str | None = None

    def __init__(
        self,
        *,
        aws_request_id: str,
        function: FunctionFacts,
        deadline: float,
        now: Callable[[], float],
    ) -> None:
        self.aws_request_id = aws_request_id
        self.function_name = function.name
        self.function_version = function.version
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = function.memory_mb
        self.log_group_name = function.log_group
        self.log_stream_name = function.log_stream
        self.identity = Identity()
        self._deadline = deadline
        self._now = now

    def get_remaining_time_in_millis(self) -> int:
        """How long the handler may still run; never below 0."""
        return max(0, int((self._deadline - self._now()) * 1000))

    def log(self, message: object) -> None:
        """Write *message* to the function's log as it is."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(aws_request_id={self.aws_request_id}, function_name={self.function_name})"


class FunctionFacts(NamedTuple):
    """What a context says about its function."""

    name: str
    version: str
    arn: str
    memory_mb: str
    log_group: str
    log_stream: str


def marshal(value: object, *, ensure_ascii: bool) -> bytes:
    """Encode what a handler returned, as Lambda does; raises `Fault` for what is no JSON.

    Decimals keep their digits, NaN stays ``NaN`` (which is no valid JSON), named tuples are objects, bytes
    are taken as a finished response. From Python 3.12 on Lambda writes non-ASCII characters unescaped.
    """
    if value is None:
        return b"null"
    if isinstance(value, bytes):
        return value
    try:
        return _encode(value, ensure_ascii=ensure_ascii).encode()
    except Exception as error:  # noqa: BLE001 - whatever a handler's own objects raise is its answer
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def writes_ascii(runtime: str) -> bool:
    """Whether Lambda's Python *runtime* escapes non-ASCII characters in responses."""
    minor = runtime.rpartition(".")[2]
    return not (minor.isdigit() and int(minor) >= 12)  # noqa: PLR2004


def _encode(value: object, *, ensure_ascii: bool) -> str:
    decimals = False

    def default(item: object) -> object:
        nonlocal decimals
        if isinstance(item, Decimal):
            decimals = True
            return f"{_DECIMAL_START}{'NaN' if item.is_nan() else item}{_DECIMAL_END}"
        if isinstance(item, bytes):
            return item.decode()
        raise TypeError(f"Object of type {type(item).__name__} is not JSON serializable")

    text = json.dumps(value, default=default, ensure_ascii=ensure_ascii)
    if _holds_named_tuple(value):
        text = json.dumps(_plain(value), default=default, ensure_ascii=ensure_ascii)
    if decimals:
        # The json module can't write a number from text: take away the quotes that mark them.
        text = text.replace(json.dumps(_DECIMAL_START, ensure_ascii=ensure_ascii)[:-1], "")
        text = text.replace(json.dumps(_DECIMAL_END, ensure_ascii=ensure_ascii)[1:], "")
    return text


def _holds_named_tuple(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_named_tuple(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return hasattr(value, "_asdict") or any(_holds_named_tuple(item) for item in value)
    return False


def _plain(value: Any) -> Any:  # noqa: ANN401
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def error_document(
    error: BaseException, request_id: str, *, skip: tuple[str, ...]
) -> dict[str, Any]:
    """Describe *error* as Lambda does; leading frames of the files in *skip* are left out."""
    if isinstance(error, Fault):
        return _document(error.message, error.error_type, request_id=request_id, trace=error.trace)
    frames = _own_frames(error.__traceback__, skip)
    return _document(
        str(error),
        type(error).__name__,
        request_id=request_id,
        trace=traceback.format_list(frames),
    )


def _own_frames(trace: TracebackType | None, skip: tuple[str, ...]) -> list[traceback.FrameSummary]:
    frames = list(traceback.extract_tb(trace))
    while frames and (
        frames[0].filename in skip or frames[0].filename.startswith("<frozen importlib")
    ):
        del frames[0]
    return frames


def _document(
    message: str, error_type: str, *, request_id: str, trace: list[str]
) -> dict[str, Any]:
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": trace,
    }


def load_handler(name: str) -> Callable[[Any, Any], Any]:
    """Import the handler that ``module.function`` or ``folder/module.function`` names."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace
        ) from error
    try:
        handler: Callable[[Any, Any], Any] = getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        ) from None
    return handler


class RuntimeApi:
    """One kept-alive connection to the Runtime API."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f" HTTP/1.1\r\nHost: {address}\r\n"
        self._next = f"GET {_API}invocation/next{self._host}\r\n".encode()
        self._received = bytearray()

    def next_invocation(self) -> tuple[dict[str, str], bytes]:
        """Wait for an event; gives the answer's headers, in lower case, and its body."""
        self._socket.sendall(self._next)
        _, headers, body = self._answer()
        return headers, body

    def post(self, path: str, body: bytes, error_type: str = "") -> int:
        """Post *body* below the API's root; gives the answer's status."""
        head = f"POST {_API}{path}{self._host}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        if error_type:
            head += f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        return self._answer()[0]

    def _answer(self) -> tuple[int, dict[str, str], bytes]:
        data = self._received
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        status_line, *lines = data[:end].decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body_end = end + 4 + int(headers.get("content-length", "0"))
        while len(data) < body_end:
            data += self._receive()
        body = bytes(data[end + 4 : body_end])
        del data[:body_end]
        return int(status_line.split(" ", 2)[1]), headers, body

    def _receive(self) -> bytes:
        data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            # The engine is gone, or has given this worker up: nothing is left to do here.
            raise SystemExit(0)
        return data


class _RequestFilter(logging.Filter):
    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


def _set_up_logging() -> _RequestFilter:
    logging.Formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    requests = _RequestFilter()
    handler.addFilter(requests)
    logging.getLogger().addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level in logging._nameToLevel:  # noqa: SLF001 - the public function is of Python 3.11
        logging.getLogger().setLevel(level)
    return requests


def _log_error(document: dict[str, Any]) -> None:
    line, indent = _SEPARATORS
    lines = [f"[ERROR] {document['errorType']}: {document['errorMessage']}"]
    if document["stackTrace"]:
        lines.append("Traceback (most recent call last):")
    for element in document["stackTrace"]:
        for text in element.splitlines():
            stripped = text.lstrip(" ")
            lines.append(indent * (len(text) - len(stripped)) + stripped)
    sys.stdout.write(line.join(lines) + "\n")


def _facts() -> FunctionFacts:
    read = os.environ.get
    return FunctionFacts(
        name=read("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=read("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        arn="",
        memory_mb=read("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
        log_group=read("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        log_stream=read("AWS_LAMBDA_LOG_STREAM_NAME", ""),
    )


def _serve(
    api: RuntimeApi, handler: Callable[[Any, Any], Any], requests: _RequestFilter
) -> NoReturn:
    facts = _facts()
    ascii_only = writes_ascii(os.environ.get("AWS_EXECUTION_ENV", ""))
    while True:
        headers, event = api.next_invocation()
        request_id = headers["lambda-runtime-aws-request-id"]
        requests.request_id = request_id
        if (trace_id := headers.get("lambda-runtime-trace-id")) is None:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        else:
            os.environ["_X_AMZN_TRACE_ID"] = trace_id
        context = Context(
            aws_request_id=request_id,
            function=facts._replace(arn=headers.get("lambda-runtime-invoked-function-arn", "")),
            deadline=int(headers["lambda-runtime-deadline-ms"]) / 1000,
            now=time.time,  # noqa: TID251 - a worker process has no other clock
        )
        path, body, error_type = _call(handler, event, context, ascii_only=ascii_only)
        sys.stdout.flush()
        sys.stderr.flush()
        status = api.post(f"invocation/{request_id}/{path}", body, error_type)
        if status not in (_ACCEPTED, _TOO_LARGE):
            # The engine does not know this invocation any more: state is lost, a new process is cleaner.
            raise SystemExit(1)


def _call(
    handler: Callable[[Any, Any], Any], event: bytes, context: Context, *, ascii_only: bool
) -> tuple[str, bytes, str]:
    try:
        try:
            decoded = json.loads(event)
        except Exception as error:  # noqa: BLE001 - RecursionError too
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
        return "response", marshal(handler(decoded, context), ensure_ascii=ascii_only), ""
    except Exception as error:  # noqa: BLE001 - a handler's exception is its answer
        document = error_document(error, context.aws_request_id, skip=(__file__,))
        _log_error(document)
        return "error", json.dumps(document).encode(), document["errorType"]


def main(handler_name: str) -> NoReturn:
    """Serve the function until the engine goes away."""
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT") or str(os.getcwd()))  # noqa: PTH109 - as a script starts: fast
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream unless the handler replaced it
    requests = _set_up_logging()
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(handler_name)
    except Exception as error:  # noqa: BLE001 - whatever the module raises is reported
        document = error_document(error, "", skip=(__file__, importlib.__file__))
        _log_error(document)
        api.post("init/error", json.dumps(document).encode(), document["errorType"])
        raise SystemExit(1) from None
    _serve(api, handler, requests)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ["_HANDLER"])
