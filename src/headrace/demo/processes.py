"""The two processes beside the engine, started and ended."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from headrace.errors import HeadraceError

START_SECONDS = 20.0
END_SECONDS = 10.0


class ChildProcess:
    """A module of this package as a process. It ends when its standard input does; what it says on error is kept."""

    def __init__(self, module: str, *arguments: object, directory: Path) -> None:
        self.module = module
        self._errors = directory / f"{module}.err"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own words
                [sys.executable, "-m", f"headrace.demo.{module}", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=directory,
            )

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone. Raises `HeadraceError` if it failed."""
        code = self._process.poll()
        if code:
            raise HeadraceError(
                f"the {self.module} process ended with {code}: {self._last_words()}"
            )
        return code is not None

    async def first_line(self) -> str:
        """Wait for the first line that the process prints."""
        late = asyncio.get_running_loop().call_later(START_SECONDS, self._process.kill)
        line = await asyncio.to_thread(self._read_line)
        late.cancel()
        if not line:
            raise HeadraceError(f"the {self.module} process did not start: {self._last_words()}")
        return line.decode().strip()

    def end(self) -> None:
        """Ask the process to end, wait for it, and insist after a while. Idempotent."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_line(self) -> bytes:
        return self._process.stdout.readline() if self._process.stdout is not None else b""

    def _last_words(self) -> str:
        lines = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
