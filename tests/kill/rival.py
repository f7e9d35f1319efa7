"""A second consumer for the kill tests: takes what becomes visible while the engine stands still.

Run as ``python rival.py STORE QUEUE HISTORY NAME`` until SIGTERM. It handles everything with success.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys

from headrace.errors import SourceError
from headrace.sources.store import StoreQueueSource
from headrace.store.writer import Store
from headrace.testing.history import Recorder, What, digest


async def consume(source: StoreQueueSource, recorder: Recorder, name: str) -> None:
    for number in itertools.count():
        await source.wait_visible()
        try:
            records = (await source.receive(10)).records
        except SourceError:
            await asyncio.sleep(0.2)
            continue
        if records:
            bodies = [json.loads(record.encoded)["body"] for record in records]
            recorder.record(
                What.INVOKE,
                invocation=f"{name}-{number}",
                records=[json.loads(body)["name"] for body in bodies],
                digests=[digest(body) for body in bodies],
            )
            recorder.record(What.RESULT, invocation=f"{name}-{number}", outcome="success")
            await source.delete(records)  # what could not be deleted comes back, to whomever


async def main(store_path: str, queue: str, history: str, name: str) -> None:
    store = Store.open(store_path, create=False)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await consume(StoreQueueSource(store, queue), Recorder(history, engine=name), name)
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
