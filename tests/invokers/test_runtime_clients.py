"""What a Python handler meets, with AWS's runtime client and with ours: one suite for both."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.invokers import interpreter
from headrace.model.outcome import Outcome
from tests.invokers.rig import AWSLAMBDARIC, BOOTSTRAP, Home, bare_python

OLDEST = "python3.9"


def oldest_python() -> str | None:
    """Python 3.9, if this machine has one: on PATH, or installed beside the running one."""
    beside = Path(sys.base_prefix).parent.glob("3.9*/bin/python3.9")
    for candidate in (shutil.which(OLDEST), *map(str, beside)):
        if candidate:
            try:
                subprocess.run([candidate, "-c", ""], check=True, capture_output=True)
            except subprocess.CalledProcessError:
                continue
            return candidate
    return None


@pytest.fixture(
    scope="module", params=[AWSLAMBDARIC, BOOTSTRAP, pytest.param(OLDEST, marks=pytest.mark.slow)]
)
def python(request, tmp_path_factory):
    """The interpreter of the functions, with one of the runtime clients."""
    if request.param == AWSLAMBDARIC:
        if sys.platform != "linux":
            pytest.skip("AWS's runtime client has Linux wheels only")
        assert importlib.util.find_spec(AWSLAMBDARIC), "it is among the development requirements"
        return sys.executable
    directory = tmp_path_factory.mktemp("python")
    if request.param == BOOTSTRAP:
        return bare_python(directory)
    if (oldest := oldest_python()) is None:
        pytest.skip("no Python 3.9 here")
    return bare_python(directory, oldest)


@pytest.fixture(scope="module")
def home(python):
    """A fleet of its functions."""
    shared = Home(python)
    yield shared
    shared.close()


def failure(response):
    assert response.error is not None
    return response.error.outcome, response.error.error_type, response.error.message


def test_the_client_is_the_one_that_is_meant(python):
    assert interpreter.probe(python).has_awslambdaric == (python == sys.executable)


@pytest.mark.parametrize(
    "event",
    [None, {}, [], "text", 1.5, {"Records": [{"body": "grüße \u2603 \x00"}]}, [["deep"] * 3] * 3],
    ids=str,
)
def test_an_event_reaches_the_handler_and_its_result_comes_back(home, event):
    response = home.invoke("plain.echo", event)

    assert response.error is None
    assert json.loads(response.payload) == event


@pytest.mark.parametrize(
    ("handler", "payload"),
    [
        ("plain.nothing", b"null"),
        ("plain.not_a_number", b'{"value": NaN}'),
        ("plain.some_decimals", b"[1.10, 7, NaN]"),
        ("plain.some_bytes", b'{"raw":   true}'),
        ("plain.a_named_tuple", b'{"x": 1, "y": 2}'),
        ("nested/deep.handler", b'"deep"'),
    ],
)
def test_a_result_is_written_as_lambda_writes_it(home, handler, payload):
    response = home.invoke(handler)

    assert response.error is None
    assert response.payload == payload


@pytest.mark.parametrize(
    ("runtime", "payload"),
    [
        ("python3.11", b'"gr\\u00fc\\u00dfe \\u2603"'),
        ("python3.12", '"grüße \u2603"'.encode()),
    ],
)
def test_newer_runtimes_write_characters_unescaped(home, runtime, payload):
    response = home.invoke("plain.accents", runtime=runtime)

    assert response.payload == payload


def test_an_exception_is_a_function_error_with_its_stack(home):
    response = home.invoke("plain.raises", request_id="the-id")
    document = json.loads(response.payload)

    assert failure(response) == (Outcome.ERROR, "ValueError", "boom")
    assert (document["errorMessage"], document["errorType"], document["requestId"]) == (
        "boom",
        "ValueError",
        "the-id",
    )
    assert len(document["stackTrace"]) == 1
    assert 'plain.py", line' in document["stackTrace"][0]
    assert 'raise ValueError("boom")' in document["stackTrace"][0]
    assert "[ERROR] ValueError: boom" in home.log.texts("stdout")


def test_an_exception_of_the_function_s_own_keeps_its_name(home):
    response = home.invoke("plain.raises_own")

    assert failure(response) == (Outcome.ERROR, "TooOddError", "{'odd': True}")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        ("plain.a_set", "Object of type set is not JSON serializable"),
        ("plain.circular", "Circular reference detected"),
    ],
)
def test_a_result_that_is_no_json_is_a_marshal_error(home, handler, reason):
    response = home.invoke(handler)

    assert failure(response) == (
        Outcome.ERROR,
        "Runtime.MarshalError",
        f"Unable to marshal response: {reason}",
    )


def test_an_event_that_python_can_t_read_is_an_unmarshal_error(home):
    """Deeper than its parser goes."""
    response = home.invoke("plain.echo", b"[" * 100_000 + b"]" * 100_000)

    assert response.error is not None
    assert response.error.error_type == "Runtime.UnmarshalError"


def test_a_response_that_is_too_long_is_an_error_and_the_next_is_served(home):
    sizes = (6_291_554, 6_291_555, 7_000_000, 1)
    fits, *long, after = [home.invoke("plain.too_long", size) for size in sizes]

    assert len(fits.payload) == 6_291_556
    assert fits.error is None
    assert {failure(each) for each in long} == {
        (
            Outcome.ERROR,
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        )
    }
    assert after.payload == b'"x"'


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        (
            "missing.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'missing'",
        ),
        (
            "plain.absent",
            "Runtime.HandlerNotFound",
            "Handler 'absent' missing on module 'plain'",
        ),
        (
            "nested/absent.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'nested/absent': No module named 'nested.absent'",
        ),
        (
            "nodot",
            "Runtime.MalformedHandlerName",
            "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
    ],
)
def test_a_handler_that_can_t_be_found_is_reported(home, handler, error_type, message):
    response = home.invoke(handler)

    assert failure(response) == (Outcome.ERROR, error_type, message)
    assert f"[ERROR] {error_type}: {message}" in home.log.texts("stdout")


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        ("def handler(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index': "),
        (
            "import no_such_thing\n",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': ",
        ),
        ("1 / 0\n", "ZeroDivisionError", "division by zero"),
        ("raise SystemExit(3)\n", "Runtime.ExitError", "exit status 3"),
        ("import os; os._exit(0)\n", "Runtime.ExitError", "exited without providing a reason"),
    ],
)
def test_code_that_can_t_be_loaded_is_reported(home, source, error_type, message):
    response = home.invoke("index.handler", inline_code=source)
    outcome, found, text = failure(response)

    assert (outcome, found) == (Outcome.ERROR, error_type)
    assert message in text


def test_the_context_is_lambda_s(home):
    response = home.invoke(
        "plain.the_context", request_id="the-id", timeout_seconds=9, memory_mb=256
    )
    found = json.loads(response.payload)

    assert 8_000 < found.pop("remaining") <= 9_000
    assert "/[$LATEST]" in found.pop("log_stream_name")
    assert found.pop("trace_id").startswith("Root=1-")
    assert found == {
        "function_name": "plain.the_context",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:plain.the_context",
        "memory_limit_in_mb": "256",
        "aws_request_id": "the-id",
        "log_group_name": "/aws/lambda/plain.the_context",
        "identity": [None, None],
        "client_context": None,
    }
    warning = next(line for line in home.log.lines if "a warning" in line.text)
    assert warning.text.startswith("[WARNING]\t")
    assert warning.text.endswith("Z\tthe-id\ta warning")


def test_the_process_is_the_function_s_own(home):
    """Its code comes first on the path, nothing of ours is on it, and it leads its own group and session."""
    response = home.invoke("plain.process")
    found = json.loads(response.payload)
    root = str(Path(__file__).with_name("handlers"))

    assert found["path"][0] == root
    assert not [entry for entry in found["path"] if entry.endswith("headrace/invokers")]
    assert not [module for module in found["modules"] if module.startswith("headrace")]
    assert found["directory"] == root
    assert found["stdin"] == ""
    assert found["pid"] == found["group"] == found["session"]


def test_what_a_module_holds_stays_between_invocations(home):
    """State leaks on purpose, as in Lambda, and answers still belong to their own requests."""

    found = [json.loads(home.invoke("plain.count").payload) for _ in range(3)]

    assert [each["calls"] for each in found] == [1, 2, 3]
    assert len({each["pid"] for each in found}) == 1


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        (0, "Runtime exited without providing a reason"),
        (None, "Runtime exited without providing a reason"),
        (4, "Runtime exited with error: exit status 4"),
        ("why", "Runtime exited with error: exit status 1"),
    ],
)
def test_sys_exit_ends_the_process(home, argument, reason):
    response = home.invoke("plain.exits", argument, request_id="the-id")

    assert failure(response) == (
        Outcome.ERROR,
        "Runtime.ExitError",
        f"RequestId: the-id Error: {reason}",
    )
