"""The handler of the kill tests: writes down what it sees, and does to each record what its body asks for.

Runs beside a copy of `headrace.testing.history`, in workers that may be killed at any line.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

from history import Recorder, What, digest  # type: ignore[import-not-found] # a copy stands beside it

RECORDER = Recorder(os.environ["HISTORY"], engine=os.environ["ENGINE"])
WORK_SECONDS_MAX = float(os.environ.get("WORK_SECONDS_MAX", "0.25"))
CHANCE = random.Random()


class RefusedError(Exception):
    """What a handler raises that fails as a whole."""


def handler(event, context):
    records = event["Records"]
    asked = [json.loads(record["body"]) for record in records]
    RECORDER.record(
        What.INVOKE,
        invocation=context.aws_request_id,
        records=[each["name"] for each in asked],
        digests=[digest(record["body"]) for record in records],
    )
    first = [record["attributes"]["ApproximateReceiveCount"] == "1" for record in records]
    time.sleep(CHANCE.triangular(0.01, WORK_SECONDS_MAX))
    wanted = {each["do"] for each, new in zip(asked, first, strict=True) if new}
    misbehave(wanted, context.aws_request_id)
    failed = [
        index
        for index, each in enumerate(asked)
        if each["do"] in {"always", "slow always"}
        or (each["do"] in {"once", "slow once"} and first[index])
    ]
    RECORDER.record(
        What.RESULT,
        invocation=context.aws_request_id,
        outcome="partial" if failed else "success",
        failed=[asked[index]["name"] for index in failed],
    )
    return {
        "batchItemFailures": [{"itemIdentifier": records[index]["messageId"]} for index in failed]
    }


def misbehave(wanted: set[str], invocation: str) -> None:
    """Do what concerns the whole batch, if one of its new records asks for it."""
    if any(each.startswith("slow") for each in wanted):
        time.sleep(float(os.environ["SLOW_SECONDS"]))
    if "child" in wanted:
        program = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
        )
        subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
        time.sleep(60)
    if "hang" in wanted:
        time.sleep(60)  # the engine kills this worker at the function's timeout
    if "crash" in wanted:
        RECORDER.record(What.RESULT, invocation=invocation, outcome="crash")
        os.kill(os.getpid(), signal.SIGKILL)
    if "raise" in wanted:
        RECORDER.record(What.RESULT, invocation=invocation, outcome="error")
        raise RefusedError(invocation)
