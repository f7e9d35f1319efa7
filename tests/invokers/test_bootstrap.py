"""Our own runtime client: what its parts do, beside the suite that it shares with AWS's."""

from __future__ import annotations

import ast
import datetime as dt
import decimal
import enum
import json
import math
import subprocess
import sys
from collections import OrderedDict, namedtuple
from pathlib import Path

import pytest

from headrace.invokers import bootstrap, launcher
from headrace.invokers.bootstrap import Context, Fault, FunctionFacts, marshal, writes_ascii

# The judge; it has Linux wheels only.
lambda_marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller

Point = namedtuple("Point", "x y")  # noqa: PYI024


class Colour(enum.IntEnum):
    RED = 1


class Odd:
    def __repr__(self):
        return "odd"


VALUES = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    1e300,
    0.1,
    "",
    "text",
    "grüße \u2603 \U0001f600",
    "control \x00 \x1f \x7f",
    '\\ " /',
    [],
    {},
    (),
    [1, [2, (3,)]],
    {"a": {"b": [None, False]}},
    {1: "int", 2.5: "float", False: "bool", None: "none"},
    OrderedDict(b=1, a=2),
    decimal.Decimal("1.10"),
    decimal.Decimal("-0.00"),
    decimal.Decimal("1E+2"),
    decimal.Decimal("123456789012345678901234567890.123456789"),
    {"price": decimal.Decimal("9.99"), "list": [decimal.Decimal(1), decimal.Decimal(2)]},
    Point(1, 2),
    {"point": [Point(decimal.Decimal("1.5"), Point(None, "deep"))]},
    Colour.RED,
    {"bytes": b"in a value"},
    b"raw bytes, not quoted",
    b"\xff\xfe",
]
NOT_JSON = [
    float("nan"),
    float("inf"),
    [-math.inf],
    decimal.Decimal("NaN"),
    decimal.Decimal("sNaN"),
    decimal.Decimal("Infinity"),
]
REFUSED = [
    {1, 2},
    frozenset(),
    object,
    Odd(),
    dt.date(2026, 1, 2),
    1j,
    range(3),
    iter(""),
    {"bytes": b"\xff"},
    {(1, 2): "tuple as key"},
    lambda: None,
]


@pytest.fixture(params=["python3.11", "python3.12"])
def runtime(request, monkeypatch):
    monkeypatch.setenv("AWS_EXECUTION_ENV", f"AWS_Lambda_{request.param}")
    return request.param


def theirs(value) -> bytes:
    text, _ = lambda_marshaller().marshal_response(value)
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("value", [*VALUES, *NOT_JSON], ids=repr)
def test_a_result_is_written_byte_for_byte_as_aws_s_client_writes_it(value, runtime):
    ours = marshal(value, ensure_ascii=writes_ascii(runtime))

    assert ours == theirs(value)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_what_aws_s_client_refuses_is_refused_in_the_same_way(value, runtime):
    with pytest.raises(Exception, match="Unable to marshal response: ") as refused:
        theirs(value)

    with pytest.raises(Fault) as fault:
        marshal(value, ensure_ascii=writes_ascii(runtime))

    assert fault.value.error_type == refused.value.exception_type  # type: ignore[attr-defined]  # AWS's FaultException
    if not isinstance(value, dict):
        assert fault.value.message == refused.value.msg  # type: ignore[attr-defined]  # as above


def test_a_result_too_deep_to_write_is_a_marshal_error():
    value: list[object] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(Fault, match="Unable to marshal response: "):
        marshal(value, ensure_ascii=True)


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_text_that_looks_like_a_marked_number_is_left_alone(ensure_ascii):
    value = {"a": "\ue000", "b": "headrace:", "c": "1.5", "d": ":headrace"}

    assert json.loads(marshal(value, ensure_ascii=ensure_ascii)) == value


def test_a_lone_surrogate_is_escaped_or_refused():
    """Python 3.12's runtime can't encode it: AWS's client dies of it, ours reports it."""
    assert marshal("\ud800", ensure_ascii=True) == b'"\\ud800"'
    with pytest.raises(Fault, match="surrogates not allowed"):
        marshal("\ud800", ensure_ascii=False)


@pytest.mark.parametrize(
    ("runtime", "ascii_only"),
    [
        ("python3.9", True),
        ("AWS_Lambda_python3.11", True),
        ("python3.12", False),
        ("AWS_Lambda_python3.14", False),
        ("", True),
    ],
)
def test_which_runtimes_write_only_ascii(runtime, ascii_only):
    assert writes_ascii(runtime) == ascii_only


def test_time_that_remains_is_never_below_nothing():
    now = [10.0]
    facts = FunctionFacts("f", "$LATEST", "arn", "128", "group", "stream")
    context = Context(aws_request_id="id", function=facts, deadline=12.5, now=lambda: now[0])

    first = context.get_remaining_time_in_millis()
    now[0] = 20.0

    assert (first, context.get_remaining_time_in_millis()) == (2500, 0)


def test_a_context_writes_to_the_log(capsys):
    facts = FunctionFacts("f", "$LATEST", "arn", "128", "group", "stream")
    Context(aws_request_id="id", function=facts, deadline=0, now=lambda: 0).log({"as": "it is"})

    assert capsys.readouterr().out == "{'as': 'it is'}"


def source(module) -> str:
    return Path(module.__file__).read_text(encoding="utf-8")


def imports(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_it_is_written_in_the_syntax_of_python_3_9():
    ast.parse(source(bootstrap), feature_version=(3, 9))


@pytest.mark.parametrize("module", [bootstrap, launcher], ids=lambda each: each.__name__)
def test_what_runs_outside_headrace_uses_the_standard_library_alone(module):
    assert imports(source(module)) - {"__future__"} <= sys.stdlib_module_names


def test_what_a_worker_loads_before_the_handler_is_little():
    """Each module costs every cold start, and hides mistakes of a function that forgets an import."""
    program = (
        "import runpy, sys\n"
        f"runpy.run_path({bootstrap.__file__!r}, run_name='bootstrap')\n"
        "print(*sorted(sys.modules))"
    )
    command = [sys.executable, "-S", "-E", "-I", "-c", program]
    loaded = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()

    assert not {"asyncio", "http", "urllib", "email", "ssl", "subprocess", "inspect"} & set(loaded)
