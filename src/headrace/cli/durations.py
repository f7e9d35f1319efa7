"""Durations and instants as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d|)", re.ASCII)


def seconds_of(text: str) -> float | None:
    """The seconds that *text* says (``90``, ``90s``, ``1.5m``, ``2h``, ``250ms``, ``1d``), or None."""
    found = _DURATION.fullmatch(text.strip())
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def shown_seconds(seconds: float) -> str:
    """A duration in at most two units: ``300 ms``, ``12 s``, ``2 m 5 s``, ``3 h 20 m``, ``2 d 1 h``."""
    if seconds < 0.9995:  # noqa: PLR2004 - what does not round to a second
        return _shown_milliseconds(seconds * 1000)
    if seconds < 9.95:  # noqa: PLR2004 - one decimal while it says something
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for unit, size, smaller, smaller_size in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "m", 60),
        ("m", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def _shown_milliseconds(milliseconds: float) -> str:
    if milliseconds < 0.05:  # noqa: PLR2004 - what rounds to nothing
        return "0 s"
    return f"{milliseconds:.1f} ms" if milliseconds < 9.95 else f"{milliseconds:.0f} ms"  # noqa: PLR2004


def instant(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
