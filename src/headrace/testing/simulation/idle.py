"""When a simulation has nothing left to do, and if it never has, what holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.aio.virtual_time import Pause
from headrace.errors import DeadlockError, NotIdleError, VirtualTimeError

if TYPE_CHECKING:
    from headrace.testing.simulation.mappings import SimulatedMapping
    from headrace.testing.simulation.world import World

_BODY_LENGTH = 60


class StuckError(NotIdleError, DeadlockError):
    """There is something left to do, and nothing that would ever do it."""


def run_until_idle(world: World, limit: float) -> None:
    """Run until no mapping has anything to do any more; raises `NotIdleError` after *limit* seconds."""
    try:
        pause = world.drive(limit, until=lambda: is_idle(world))
    except VirtualTimeError as error:
        if not str(error).startswith("time stands still"):
            raise
        raise NotIdleError(f"{error}: {_what_holds(world)}") from error
    match pause:
        case Pause.DEADLINE if not is_idle(world):
            raise NotIdleError(f"not idle after {limit:g} s: {_what_holds(world)}")
        case Pause.NOTHING_LEFT:
            raise StuckError(f"nothing would ever happen, but {_what_holds(world)}")


def is_idle(world: World) -> bool:
    """Whether nothing runs, and no queue of an enabled mapping holds a message."""
    if world.running or world.is_down or world.faults.is_waiting:
        return False
    for mapping in world.mappings.values():
        if not mapping.is_settled or (mapping.settings.enabled and mapping.queue.count):
            return False
    return True


def _what_holds(world: World) -> str:
    for mapping in world.mappings.values():
        if mapping.settings.enabled and mapping.queue.count:
            return _messages(world, mapping)
        if not mapping.is_settled:
            return f"{mapping.name} is still {mapping.state}"
    if world.running:
        invocation = next(iter(world.running.values()))
        return f"{invocation!r} has not ended"
    return "a fault is still to come" if world.faults.is_waiting else "the engine is down"


def _messages(world: World, mapping: SimulatedMapping) -> str:
    queue = mapping.queue
    oldest = queue.peek()[0]
    body = (
        oldest.body if len(oldest.body) <= _BODY_LENGTH else oldest.body[: _BODY_LENGTH - 3] + "..."
    )
    text = (
        f"{queue.name} still holds {queue.count} message{'s' if queue.count > 1 else ''} for {mapping.name}, "
        f"first {oldest.message_id} ({body!r}), {oldest.state} and received {oldest.receive_count} times"
    )
    if mapping.function.concurrency == 0:
        return f"{text}; {mapping.function.name} has a reserved concurrency of 0, so it is never invoked"
    if error := _last_error(world, mapping, oldest.message_id):
        text += f"; last error: {error}"
    elif running := [each for each in world.running.values() if each.mapping == mapping.name]:
        text += f"; {running[0]!r} has not ended"
    if mapping.queue.dead_letter is None and oldest.receive_count > 1:
        text += f" (without a dead-letter queue a message comes back for ever: sim.queue({queue.name!r}, dead_letter=…))"
    return text


def _last_error(world: World, mapping: SimulatedMapping, message_id: str) -> str:
    for invocation in reversed(world.invocations[-1000:]):
        if invocation.mapping == mapping.name and invocation.error:
            ids = {record["messageId"] for record in invocation.records}
            if message_id in ids:
                return invocation.error
    errors = [each.last_source_error for each in mapping.statistics if each.last_source_error]
    return errors[-1] if errors else ""
