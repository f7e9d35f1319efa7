"""How the ceiling of workers is carved into pools, and who may take a slot (semantics B.2, design "Functions").

The ceiling acts as Lambda's account concurrency. Reserved concurrency is carved from it: such a function has a pool of
its own. The others share the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARED = ""
"""The name of the pool of every function without reserved concurrency."""


def carve(ceiling: int, reserved: Mapping[str, int | None]) -> dict[str, int]:
    """The capacity of each pool: one for each function with reserved concurrency, and `SHARED`.

    *reserved* holds each function with its ReservedConcurrentExecutions or None. Raises `ConfigurationError` when the
    reservations leave nothing for the functions that have none.
    """
    own = {function: count for function, count in reserved.items() if count is not None}
    rest = ceiling - sum(own.values())
    needs_rest = len(own) < len(reserved)
    if rest < (1 if needs_rest else 0):
        names = ", ".join(f"{function}: {count}" for function, count in own.items() if count)
        raise ConfigurationError(
            [
                Problem(
                    path="--max-workers",
                    message=f"expected at least {sum(own.values()) + needs_rest} for the reserved "
                    f"concurrency of the functions ({names})"
                    + (" and one worker for the others" if needs_rest else "")
                    + f", got {ceiling}",
                    suggestion="raise --max-workers or lower ReservedConcurrentExecutions",
                )
            ]
        )
    return {**own, SHARED: max(rest, 0)}


def kept_free(others_without_slot: int, capacity: int) -> int:
    """Slots of a shared pool that a mapping which already holds one leaves alone.

    One for each other mapping that holds none, so that a slow mapping never shuts out an idle one; at most half of
    the pool, so that idle mappings don't starve a busy one.
    """
    return min(others_without_slot, capacity // 2)
