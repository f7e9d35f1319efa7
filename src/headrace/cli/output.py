"""What commands print: results to standard output, everything else to standard error.

Whatever a message, a handler or a file holds is shown so that it can't move the cursor, change the direction of
text or begin a line of its own: on a terminal by escapes, in JSON by JSON's own escapes.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BIDI = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
# A tab is harmless; of the rest JSON escapes what is below a blank by itself.
_UNSAFE = re.compile(f"[\x00-\x08\x0a-\x1f\x7f-\x9f{_BIDI}\ud800-\udfff]")
_NOT_ASCII = re.compile("[^\x00-\x7e]")


def safe(text: str) -> str:
    """*text* on one line, with control and bidirectional characters written as ``\\x1b`` or ``\\u202e``."""
    return text if text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def shortened(text: str, length: int) -> str:
    """*text*, safe to print, in at most *length* characters."""
    shown = safe(text[: length + 1])
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def json_text(value: Any, *, ascii_only: bool = False) -> str:  # noqa: ANN401 - whatever JSON takes
    """*value* as JSON on one line that is safe to print, and the same value to whoever reads it."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)
    return (_NOT_ASCII if ascii_only else _UNSAFE).sub(_json_escaped, text)


def _json_escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"


def _takes_unicode(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "") == "utf8"


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON takes
    """Print *value* to standard output as one line of JSON."""
    print_line(json_text(value, ascii_only=not _takes_unicode(sys.stdout.encoding)))


def print_line(text: str = "") -> None:
    """Print one line, which is safe already, to standard output."""
    sys.stdout.write(_encodable(text, sys.stdout.encoding) + "\n")


def note(text: str) -> None:
    """Tell a person something, on standard error."""
    sys.stdout.flush()
    sys.stderr.write(_encodable(text, sys.stderr.encoding) + "\n")
    sys.stderr.flush()


def _encodable(text: str, encoding: str | None) -> str:
    if _takes_unicode(encoding):
        return text
    name = encoding or "ascii"
    return text.encode(name, "backslashreplace").decode(name)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, indent: int = 0
) -> None:
    """Print *rows* in aligned columns to standard output; numbers stand on the right."""
    from rich.cells import cell_len

    shown = [[safe(str(cell)) for cell in row] for row in rows]
    given = [list(columns), *shown]
    widths = [max(cell_len(row[at]) for row in given) for at in range(len(columns))]
    right = [
        bool(shown) and all(_is_number(row[at]) for row in shown) for at in range(len(columns))
    ]
    for row in given:
        cells = []
        for at, cell in enumerate(row):
            filling = " " * (widths[at] - cell_len(cell))
            cells.append(filling + cell if right[at] else cell + filling)
        print_line((" " * indent + "  ".join(cells)).rstrip())


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-\d.,]+( (s|ms|%))?|-", text))


def amount(number: int, noun: str, plural: str = "") -> str:
    """``1 message``, ``1,234 messages``; a *plural* other than with an s is given."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
