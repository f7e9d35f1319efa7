"""What the words of a template can refer to, and the error for a word that refers to nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.errors import Problem
from headrace.model.function import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.config.findings import Findings
    from headrace.config.nodes import Place, Value
    from headrace.config.parameters import Parameters

CHARACTERS_MAX = 5_000_000
"""What a template's functions may build, all together: two variables named twice in each other grow fast."""

_CHAIN_MAX = 40


class UnresolvedError(Exception):
    """A value that can't be told; ``problem`` is None where the reason has been noted already.

    ``asked`` marks what no template can tell: what is known only after a deployment, or kept elsewhere.
    """

    def __init__(
        self,
        at: Place | Value | None = None,
        message: str = "",
        suggestion: str = "",
        *,
        asked: bool = False,
    ) -> None:
        super().__init__(message)
        self.asked = asked
        self.problem = None if at is None else Problem(at.path, message, suggestion, at.line)


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of ``Resources``. ``properties`` has ``Globals`` merged in and no function around it."""

    logical_id: str
    type: str
    value: Value
    properties: Value
    false_condition: str | None = None


@dataclass(slots=True)
class Scope:
    """Everything that a function in a template may name."""

    parameters: Parameters
    findings: Findings
    maps: Value
    conditions: Value
    resources: dict[str, Resource] = field(default_factory=dict)
    region: str = REGION
    stack_name: str = "headrace"
    uses_sam: bool = False
    condition_values: dict[str, bool] = field(default_factory=dict)
    _in_progress: list[str] = field(default_factory=list)
    _characters: int = 0

    def pseudo_parameters(self) -> dict[str, str]:
        """The pseudo parameters that are strings."""
        stack = f"arn:aws:cloudformation:{self.region}:{ACCOUNT_ID}:stack/{self.stack_name}/local"
        return {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": stack,
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def spend(self, characters: int, at: Value) -> None:
        """Count what a function has built; raise when it is too much."""
        self._characters += characters
        if self._characters > CHARACTERS_MAX:
            message = f"the template's functions build more than {CHARACTERS_MAX:,} characters"
            raise UnresolvedError(at, message)

    @contextmanager
    def working_out(self, what: str, at: Value) -> Iterator[None]:
        """Mark *what* as being worked out; raise if it is already, since then it needs itself."""
        if what in self._in_progress:
            cycle = [*self._in_progress[self._in_progress.index(what) :], what]
            raise UnresolvedError(at, f"cyclic reference: {' → '.join(cycle)}")
        if len(self._in_progress) >= _CHAIN_MAX:
            raise UnresolvedError(
                at, f"more than {_CHAIN_MAX} names and conditions need each other"
            )
        self._in_progress.append(what)
        try:
            yield
        finally:
            self._in_progress.pop()
