# ruff: noqa: T201
"""Handlers that print, sometimes far too much."""

import os
import sys


def some_lines(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    print("unfinished", end="")
    sys.stdout.flush()


def as_told(event, context):
    """Write the bytes whose hexadecimal form is the event."""
    os.write(1, bytes.fromhex(event))


def flood(event, context):
    """Write *event* megabytes without a single line's end."""
    chunk = b"x" * 1_048_576
    for _ in range(event):
        os.write(1, chunk)
    return "done"


def flood_of_lines(event, context):
    chunk = b"a line of no use\n" * 65_536
    for _ in range(event):
        os.write(1, chunk)
    return "done"


def prints_and_dies(event, context):
    print("last words", flush=True)
    sys.stdout.write("cut sho")
    sys.stdout.flush()
    os._exit(1)
