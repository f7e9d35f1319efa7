"""Run a function of a bench in a process of its own, so that its CPU is counted apart.

``python -m bench.children MODULE:FUNCTION`` reads the arguments as JSON from standard input and prints the answer as JSON.
A function that talks with its bench while it runs does so by lines on the same two pipes (`Child`).
"""

from __future__ import annotations

import importlib
import json
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from bench.places import ROOT

if TYPE_CHECKING:
    from types import TracebackType

_TIMEOUT_SECONDS = 900.0
_END_SECONDS = 30.0


class ChildFailedError(Exception):
    """A measuring process ended without an answer."""


def call(function: str, **arguments: Any) -> dict[str, float]:  # noqa: ANN401 - whatever JSON takes
    """Call ``module:name`` in a new process and wait for its answer."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.children", function],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise ChildFailedError(f"{function} ended with {done.returncode}:\n{done.stderr}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


class Child:
    """A call that runs beside its bench. Leaving the block ends its standard input, which asks it to end."""

    def __init__(self, function: str, **arguments: Any) -> None:  # noqa: ANN401
        self._function = function
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.children", function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.tell(json.dumps(arguments))

    def tell(self, line: str) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Wait for its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildFailedError(f"{self._function} ended with {self._process.wait()}")
        return line.strip()

    def hear_json(self) -> dict[str, Any]:
        """Wait for its answer."""
        answer: dict[str, Any] = json.loads(self.hear())
        return answer

    def has_said_something(self) -> bool:
        """Whether `hear` would not have to wait; right as long as no line lies half read."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process as process:  # closes the pipes
            try:
                if kind is None:
                    process.communicate(timeout=_END_SECONDS)
            finally:
                process.kill()


def main() -> None:
    """Be the new process."""
    module, _, name = sys.argv[1].partition(":")
    arguments = json.loads(sys.stdin.readline())
    answer = getattr(importlib.import_module(module), name)(**arguments)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
