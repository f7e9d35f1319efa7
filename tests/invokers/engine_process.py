"""An engine of its own for tests that kill it: prints the pids that matter, then goes on for ever."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from headrace.aio import tasks
from tests.invokers.rig import pids, running, until


async def main(python: str, notes: Path) -> None:
    async with running(python=python, ceiling=3) as rig:
        event = {"notes": str(notes), "then": "hang", "double_fork": True}
        await rig.invoke("plain.process")  # stays warm
        invoker = rig.fleet.invoker(rig.settings("crashes.spawns", timeout_seconds=900))
        invoking = tasks.spawn(
            invoker.invoke(json.dumps(event).encode(), request_id="busy"), name="busy"
        )
        await until(lambda: len(pids(notes)) == 6)
        family = pids(notes)
        warm = json.loads((await rig.invoke("plain.process")).payload)["pid"]
        if "--fork" in sys.argv and os.fork() == 0:
            os.execvp("sleep", ["sleep", "2"])  # noqa: S606, S607
        told = {"launcher": rig.fleet.statistics().launcher_pid, "workers": [warm, *family]}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await invoking


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
