"""What belongs to the test kit's interface and comes with later versions: refused by name."""

from __future__ import annotations

from headrace.errors import ConfigurationError


def not_yet(what: str, with_what: str = "") -> ConfigurationError:
    """The error for something that does not exist yet."""
    together = f" with {with_what}," if with_what else ""
    return ConfigurationError(f"{what} come{together} in a later version of Headrace")
