"""How much of a document is read: bounds that no honest template meets, and every bomb does."""

from __future__ import annotations

from headrace.config.nodes import Place
from headrace.errors import Problem

BYTES_MAX = 1_048_576
"""A template's size, CloudFormation's own limit."""

DEPTH_MAX = 64
"""How deep maps and lists may lie in one another."""

NODES_MAX = 100_000
"""Values in a document. A template of 1 MB as cdk writes it has some 40,000."""

ALIASED_NODES_MAX = 10_000
"""Values that a document's aliases may stand for, all together."""


class UnreadableError(Exception):
    """The document can't be read any further; ``problem`` says why."""

    def __init__(self, place: Place, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(place.path, message, suggestion, place.line)


class TooMuchError(UnreadableError):
    """The document is larger, deeper or wider than is read, in whatever language it is written."""


class Budget:
    """Counts what a reader makes; each method answers with a complaint when it is enough."""

    def __init__(self) -> None:
        self.nodes = 0
        self._aliased = 0

    def enter(self, depth: int) -> str | None:
        """Count one more node, at *depth*."""
        self.nodes += 1
        if depth > DEPTH_MAX:
            return f"more than {DEPTH_MAX} maps and lists lie in one another"
        if self.nodes > NODES_MAX:
            return f"the document has more than {NODES_MAX:,} values"
        return None

    def expand(self, nodes: int) -> str | None:
        """Count an alias that stands for *nodes* nodes."""
        self._aliased += nodes
        if self._aliased > ALIASED_NODES_MAX:
            return f"the aliases stand for more than {ALIASED_NODES_MAX:,} values"
        return None
