"""The order in which a run opens and closes what it needs.

Theory of operation. First the lock that makes this process the one engine of each store; a predecessor that is just stopping (a
deploy) is waited for. Then what invokes functions; then the mappings. Everything ends in the reverse order, whatever
happens: mappings first, so that workers live until the last delivery is settled, stores last.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

from headrace.assembly.service import RunEnd, RunEndReason
from headrace.errors import StoreRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.assembly.queues import OpenStores
    from headrace.assembly.service import Service
    from headrace.store.locks import EngineLock

ENGINE_WAIT_SECONDS = 10.0


class Resources(Protocol):
    """What invokes functions."""

    async def start(self) -> None:
        """Open what is needed."""
        ...

    async def aclose(self) -> None:
        """End everything. Idempotent."""
        ...


async def run_with_stores(
    service: Service, stores: OpenStores, *, resources: Resources, note: Callable[[str], None]
) -> RunEnd:
    """Run *service* to its end, then close *resources* and *stores*."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(stores.aclose)
        for lock in stores.engine_locks():
            if not await _acquired(lock, service, note):
                return RunEnd(RunEndReason.STOPPED, "stopped")
            stack.callback(lock.release)
        stack.push_async_callback(resources.aclose)
        await resources.start()
        return await service.run()


async def _acquired(lock: EngineLock, service: Service, note: Callable[[str], None]) -> bool:
    """Take an engine's lock; a predecessor that is just stopping gets the time for it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ENGINE_WAIT_SECONDS
    noted = False
    while not service.stopping:
        try:
            lock.acquire()
        except StoreRefusedError as error:
            if loop.time() >= deadline:
                raise
            if not noted:
                noted = True
                note(f"waiting up to {ENGINE_WAIT_SECONDS:g} s: {error}")
            await asyncio.sleep(0.1)
        else:
            return True
    return False
