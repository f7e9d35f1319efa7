"""A handler's answer that is no JSON."""

from __future__ import annotations


class RawResponse(bytes):
    """What a handler returns to answer with these very bytes: ``return RawResponse(b"not JSON")``.

    Lambda's Python runtime encodes every other answer; only a runtime of one's own, or a broken one, answers like this.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"RawResponse({super().__repr__()})"
