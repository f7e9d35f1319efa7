"""Handlers whose time the test decides: they wait for files to appear."""

import os
import time
from pathlib import Path


def waits_for(event, context):
    """Say who runs in ``<gate>.<request id>``, then wait until the gate is there."""
    gate = Path(event["gate"])
    Path(f"{gate}.{context.aws_request_id}").write_text(str(os.getpid()), encoding="utf-8")
    while not gate.exists():
        time.sleep(0.002)
    return {"pid": os.getpid(), "request_id": context.aws_request_id}
