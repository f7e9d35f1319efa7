"""The door to the store as others see it: `writer.Store` in a process, `inline.InlineStore` in a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.abc import Clock
    from headrace.store.changes import Changes
    from headrace.store.transaction import CombinedOperation, Operation, R, T


class StorePort(Protocol):
    """Runs operations in transactions and says when something changed."""

    @property
    def clock(self) -> Clock:
        """The wall time that operations get."""
        ...

    async def write(self, operation: Operation[T]) -> T:
        """Run *operation* and return its result once it is committed.

        A cancelled caller does not undo the operation. Raises what the operation raises, and `StoreError`.
        """
        ...

    async def write_combined(self, operation: CombinedOperation[R, T], request: R) -> T:
        """Like `write`, for an *operation* that may serve many requests with one call."""
        ...

    def write_sync(self, operation: Operation[T]) -> T:
        """Like `write`, blocking the calling thread."""
        ...

    async def read(self, operation: Operation[T]) -> T:
        """Run *operation*, which changes nothing, on a consistent view of what is committed."""
        ...

    def read_sync(self, operation: Operation[T]) -> T:
        """Like `read`, blocking the calling thread."""
        ...

    def changes(self, topic: str) -> Changes:
        """What the running event loop knows of *topic*; belongs to that loop."""
        ...

    def close(self) -> None:
        """Finish what was submitted and give everything back. Idempotent."""
        ...

    async def aclose(self) -> None:
        """Like `close`, without blocking the loop."""
        ...
