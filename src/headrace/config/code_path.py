"""Where a function's code lies on this machine.

A template is its user's own file, as trusted as a Makefile: it may name a directory outside its own (``../src``
is common) and follow links. What can't be a directory of code on any machine is refused before it is touched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.config.nodes import shown
from headrace.config.suggestions import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH_MAX = 4096
_DRIVE = re.compile(r"[A-Za-z]:([\\/]|$)")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_ARCHIVES = (".zip", ".jar", ".tar", ".tgz", ".tar.gz")


class CodePathError(ValueError):
    """The path can't be used; the message says what was expected and found.

    ``right_for_aws`` marks what AWS takes and Headrace does not yet: no mistake of the writer.
    """

    def __init__(self, message: str, suggestion: str = "", *, right_for_aws: bool = False) -> None:
        super().__init__(message)
        self.suggestion = suggestion
        self.right_for_aws = right_for_aws


def find_code(text: str, directory: Path) -> Path:
    """Return the directory that *text*, written in a template in *directory*, names; raise `CodePathError`."""
    _check_text(text)
    path = directory / text
    try:
        if path.is_dir():
            return path.resolve()
        if path.is_file():
            raise _about_file(text)
        if path.exists():
            raise CodePathError(f"expected a directory, {shown(text)} is a device or a pipe")
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise CodePathError(f"{shown(text)} can't be read: {error.strerror}") from error
    suggestion = did_you_mean(path.name, siblings) or f"it would be {shown(str(path))}"
    raise CodePathError(f"expected a directory, {shown(text)} does not exist", suggestion)


def _about_file(text: str) -> CodePathError:
    if text.lower().endswith(_ARCHIVES):
        message = f"archives such as {shown(text)} can't be run yet by Headrace"
        return CodePathError(message, "name the directory", right_for_aws=True)
    message = f"expected a directory, {shown(text)} is a file"
    return CodePathError(message, "name the directory that it lies in")


def _check_text(text: str) -> None:
    if not text or len(text) > _LENGTH_MAX or not text.isprintable():
        raise CodePathError(f"expected a path of printable characters, got {shown(text)}")
    if _DRIVE.match(text):
        raise CodePathError(
            f"expected a path without a drive, got {shown(text)}", "in WSL a drive is /mnt/c"
        )
    if any(_DEVICES.fullmatch(part) for part in re.split(r"[\\/]", text)):
        raise CodePathError(f"{shown(text)} names a device")
