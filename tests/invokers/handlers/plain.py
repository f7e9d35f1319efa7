# ruff: noqa: LOG015, PLW0603, PTH109, T201
"""Handlers that end well, or badly in the ways that a handler may."""

import decimal
import logging
import os
import sys
from collections import namedtuple

calls = 0
Point = namedtuple("Point", "x y")  # noqa: PYI024


def echo(event, context):
    return event


def nothing(event, context):
    print("nothing to see")


def raises(event, context):
    raise ValueError("boom")


def raises_own(event, context):
    class TooOddError(Exception):
        pass

    raise TooOddError({"odd": True})


def not_a_number(event, context):
    return {"value": float("nan")}


def a_set(event, context):
    return {1, 2}


def some_decimals(event, context):
    return [decimal.Decimal("1.10"), decimal.Decimal(7), decimal.Decimal("NaN")]


def some_bytes(event, context):
    return b'{"raw":   true}'


def a_named_tuple(event, context):
    return Point(1, 2)


def accents(event, context):
    return "grüße \u2603"


def circular(event, context):
    value: list[object] = []
    value.append(value)
    return value


def too_long(event, context):
    return "x" * (event or 7_000_000)


def the_context(event, context):
    logging.warning("a warning")
    return {
        "remaining": context.get_remaining_time_in_millis(),
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "aws_request_id": context.aws_request_id,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "identity": [
            context.identity.cognito_identity_id,
            context.identity.cognito_identity_pool_id,
        ],
        "client_context": context.client_context,
        "trace_id": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def environment(event, context):
    return dict(os.environ)


def process(event, context):
    return {
        "pid": os.getpid(),
        "path": sys.path,
        "directory": os.getcwd(),
        "stdin": sys.stdin.read(),
        "modules": sorted(sys.modules),
        "argv": sys.argv,
        "group": os.getpgid(0),
        "session": os.getsid(0),
    }


def count(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid()}


def exits(event, context):
    sys.exit(event)
