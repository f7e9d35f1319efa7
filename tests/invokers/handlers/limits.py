# ruff: noqa: PTH208
"""What a worker process is allowed, as it sees it itself."""

import os
import resource
import signal
from pathlib import Path


def seen(event, context):
    status = dict(
        line.split(":\t", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":\t" in line
    )
    return {
        "no_new_privileges": status["NoNewPrivs"],
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "descriptors": sorted(os.listdir("/proc/self/fd"), key=int),
        "ignored": int(status["SigIgn"], 16),
        "blocked": int(status["SigBlk"], 16),
        "sigpipe": int(signal.SIGPIPE),
        "parent": os.getppid(),
        "oom_score": Path("/proc/self/oom_score_adj").read_text().strip(),
    }
