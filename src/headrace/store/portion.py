"""Read rows with bodies in portions: as many as were asked for, but no more bytes than fit."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import apsw

BYTES_MAX = 8 * 1024 * 1024
"""One transaction reads about so many bytes of bodies, whatever was asked for."""

_AT_ONCE = 20


def portion(cursor: apsw.Cursor, *, body_at: int) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows of *cursor* up to `BYTES_MAX` of what stands in column *body_at*, and whether these were all."""
    rows: list[tuple[Any, ...]] = []
    size, body_of = 0, itemgetter(body_at)
    while size < BYTES_MAX:
        some = list(islice(cursor, _AT_ONCE))
        rows += some
        if len(some) < _AT_ONCE:
            return rows, True
        size += sum(map(len, map(body_of, some)))
    cursor.close()
    return rows, False
