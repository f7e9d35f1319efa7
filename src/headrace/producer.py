"""The producer: `Queue` sends to a queue of a store from any program, without what running handlers needs."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from headrace.store.message import prepare
from headrace.store.send import send_messages
from headrace.store.shared import SHARED
from headrace.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from headrace.store.message import Attributes, Prepared
    from headrace.store.port import StorePort
    from headrace.store.transaction import Operation

STORE_VARIABLE = "HEADRACE_STORE"
STORE_DEFAULT = "headrace.db"
CHUNK_MESSAGES = 500
CHUNK_BYTES = 4 * 1024 * 1024


class Queue:
    """Sends messages to one queue of a store, from any thread, any event loop, and on both sides of a fork.

    *store* is the path of a store that exists (default: ``HEADRACE_STORE``, else ``./headrace.db``), or an open
    store. The file is opened with the first call. What a call returned for is as durable as the store: with its default
    it survives a power cut. Raises `QueueNotFoundError` (with the nearest names), `MessageRefusedError`,
    `StoreRefusedError`, and `StoreUnavailableError`, after which nothing was sent unless its text says otherwise.
    """

    def __init__(
        self, name: str, *, store: str | os.PathLike[str] | StorePort | None = None
    ) -> None:
        self.name = name
        given = os.environ.get(STORE_VARIABLE, STORE_DEFAULT) if store is None else store
        self._path: Path | None = None
        self._store: StorePort | None = None
        if isinstance(given, str | os.PathLike):
            self._path = Path(given).absolute()
        else:
            self._store = given

    def send(
        self, body: str, *, delay: int | None = None, attributes: Attributes | None = None
    ) -> str:
        """Send one message; returns its id once it is durable. *delay* is in seconds, 0 to 900 (None: the queue's)."""
        message = prepare(body, delay_seconds=delay, attributes=attributes)
        return self._opened().write_sync(self._sending([message]))[0]

    async def asend(
        self, body: str, *, delay: int | None = None, attributes: Attributes | None = None
    ) -> str:
        """Like `send`, without blocking the running loop. Cancelling does not undo it."""
        message = prepare(body, delay_seconds=delay, attributes=attributes)
        store = await self._opened_in_thread()
        return (await store.write(self._sending([message])))[0]

    def send_many(self, bodies: Iterable[str], *, delay: int | None = None) -> list[str]:
        """Send any number of messages, some hundred in a transaction; returns their ids in order.

        If a body is refused, those of earlier transactions have been sent; the error's notes say how many.
        """
        store = self._opened()
        ids: list[str] = []
        with _telling_how_many(ids):
            for chunk in _chunks(bodies, delay):
                ids += store.write_sync(self._sending(chunk))
        return ids

    async def asend_many(self, bodies: Iterable[str], *, delay: int | None = None) -> list[str]:
        """Like `send_many`, without blocking the running loop."""
        store = await self._opened_in_thread()
        ids: list[str] = []
        with _telling_how_many(ids):
            for chunk in _chunks(bodies, delay):
                ids += await store.write(self._sending(chunk))
        return ids

    def close(self) -> None:
        """Give the store back. Idempotent; the next call opens it again."""
        if self._path is not None:
            store, self._store = self._store, None
            if isinstance(store, Store):
                SHARED.let_go(store, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _sending(self, messages: list[Prepared]) -> Operation[list[str]]:
        return partial(send_messages, name=self.name, messages=messages)

    def _opened(self) -> StorePort:
        store = self._store
        if store is None:
            store = self._store = SHARED.hold(self._path or STORE_DEFAULT, self)
        return store

    async def _opened_in_thread(self) -> StorePort:
        return self._store if self._store is not None else await asyncio.to_thread(self._opened)


class _telling_how_many:  # noqa: N801 - reads as a statement
    """Adds to a refusal how many messages were sent before it."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(f"{len(self._ids)} messages were sent before this one")


def _chunks(bodies: Iterable[str], delay: int | None) -> Iterator[list[Prepared]]:
    """Prepared messages in portions that one transaction takes without making others wait."""
    chunk: list[Prepared] = []
    size = 0
    for body in bodies:
        message = prepare(body, delay_seconds=delay)
        if chunk and (len(chunk) == CHUNK_MESSAGES or size + message.size_bytes > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(message)
        size += message.size_bytes
    if chunk:
        yield chunk
