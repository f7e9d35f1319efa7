"""What an operation sees of the store: statements, and what it tells its transaction.

An *operation* is a plain function of a transaction, which is a connection and the time. It runs inside a transaction that
it neither begins nor ends, possibly beside others, possibly twice (when a neighbour failed and the group is
repeated), so it changes nothing but the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from headrace.aio import failpoints

if TYPE_CHECKING:
    from random import Random

    import apsw

    from headrace.abc import Clock

T = TypeVar("T")
R = TypeVar("R")

Operation: TypeAlias = Callable[["Transaction"], T]
"""One piece of work: transaction -> result."""

CombinedOperation: TypeAlias = Callable[["Transaction", Sequence[R]], Sequence[T]]
"""Work for several callers at once: requests in, for each its result out."""

NOW = 0
"""As a due time: whatever changed may be visible at once."""


def declare_step(name: str, what: str) -> str:
    """Declare the failpoints before and after the commit of a durable step; returns *name* for `Transaction.steps`."""
    failpoints.declare(f"store.{name}.before_commit", f"{what}: done, not yet committed")
    failpoints.declare(f"store.{name}.after_commit", f"{what}: committed, nobody told yet")
    return name


def milliseconds(clock: Clock) -> int:
    """The clock's time as the store keeps it: whole milliseconds since the epoch."""
    # A float of this size is off by less than a microsecond: 30.0 s later must not read as 29,999 ms.
    return int(clock.now() * 1000 + 0.01)


class Transaction:
    """One connection and the time, as operations see them."""

    __slots__ = (
        "_random",
        "changed",
        "committing",
        "connection",
        "execute",
        "executemany",
        "now_ms",
        "steps",
    )

    def __init__(self, connection: apsw.Connection, random: Random) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany
        self._random = random
        self.now_ms = 0
        """Milliseconds since the epoch: the same for everything in a transaction."""
        self.committing = False
        """Set from the beginning of ``COMMIT`` on: a failure then leaves open whether it happened."""
        self.changed: dict[str, int] = {}
        """Topics whose waiters are to be told after the commit, and from when there is something for them."""
        self.steps: set[str] = set()
        """Failpoints around the commit, by the first part of their names."""

    def clear(self) -> None:
        """Forget what was told, for the next transaction."""
        self.changed = {}
        self.committing = False
        self.steps.clear()

    def tell(self, topic: str, due_ms: int = NOW) -> None:
        """Have the waiters of *topic* told after the commit that there is something from *due_ms* on."""
        known = self.changed.get(topic)
        if known is None or due_ms < known:
            self.changed[topic] = due_ms

    def new_message_id(self) -> str:
        """Draw a random UUID (version 4) in its usual spelling."""
        digits = f"{self._random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )

    def first(self, statement: str, bindings: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        """The first row that *statement* gives, or None."""
        for row in self.execute(statement, bindings):
            return row  # type: ignore[no-any-return]
        return None

    def value(self, statement: str, bindings: tuple[Any, ...] = ()) -> Any:  # noqa: ANN401 - SQL value
        """The first column of the first row, or None."""
        row = self.first(statement, bindings)
        return None if row is None else row[0]
