"""A file of JSON lines that one process writes and another reads while it grows."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class JournalWriter:
    """Appends lines; each is in the file when `write` returns. Safe in threads and beside other processes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, *lines: dict[str, Any]) -> None:
        """Append *lines* in one piece."""
        os.write(self._file, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class JournalReader:
    """Reads what has been added since the last look; a line that is not whole yet waits for the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> Iterator[dict[str, Any]]:
        """The new lines, in order; nothing while there is no file."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            yield json.loads(line)
