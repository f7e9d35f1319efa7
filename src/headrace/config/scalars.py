"""Which plain words of YAML are numbers, true or false, or nothing: as CloudFormation reads them.

YAML 1.1 has more: dates, numbers to the base 60 and 8, underscores in numbers. Those stay strings here, since
that is what their writers meant: ``2012-10-17`` is a policy's version, ``012345678901`` an account.
"""

from __future__ import annotations

import re

_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
# Bounded, since Python refuses to read integers of thousands of digits.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+][0-9]{1,2})?")


def is_unicode(text: str) -> bool:
    """Whether *text* can be written to a file: an escape or an argument can hold half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_scalar(text: str) -> str | int | float | bool | None:
    """Return what the unquoted word *text* stands for."""
    if text in _NOTHING:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    return text
