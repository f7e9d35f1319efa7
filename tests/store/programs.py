"""Run little programs in processes of their own, line by line."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from contextlib import contextmanager

HEADER = """
import asyncio, os, signal, sys, time
from pathlib import Path
from headrace.producer import Queue
from headrace.model.queue import QueueSettings
from headrace.sources.store import StoreQueueSource
from headrace.store.queues import Queues
from headrace.store.writer import Store
path = sys.argv[1]
def say(*words): print(*words, flush=True)
"""


class Program:
    """A running program: what it prints, what it is told."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid

    def line(self):
        """The next line that it prints; raises if it ended instead."""
        text = self.process.stdout.readline()
        if not text:
            raise AssertionError(f"ended with {self.process.wait(10)}")
        return text.rstrip("\n")

    def tell(self, text=""):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def end(self):
        """Wait for a good end."""
        rest = self.process.stdout.read()
        assert self.process.wait(30) == 0
        return rest.split("\n")[:-1]


@contextmanager
def program(code, path, *arguments, **environment):
    """Start *code*, with *path* and whatever else it is given as its arguments."""
    source = HEADER + textwrap.dedent(code)
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", source]
    process = subprocess.Popen(
        [*command, os.fspath(path), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield Program(process)
        finally:
            if process.poll() is None:
                process.kill()


def run(code, path, *arguments, **environment):
    """Run *code* to its good end; returns the lines that it printed."""
    with program(code, path, *arguments, **environment) as running:
        return running.end()
