"""What a person may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The comparison takes the product of the lengths: nobody meant a name by a word as long as a page.
_LENGTH_MAX = 100


def nearest(word: str, names: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the one of *names* that is written most like *word*, if any is near."""
    if len(word) > _LENGTH_MAX:
        return None
    by_folded = {name.lower(): name for name in names}
    matches = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=likeness)
    return by_folded[matches[0]] if matches else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return ``did you mean X?``, or nothing."""
    match = nearest(word, names)
    return f"did you mean {match}?" if match else ""
