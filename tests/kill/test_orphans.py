"""When the engine is killed, everything that it started is gone a second later."""

from __future__ import annotations

import time

import pytest

from tests.kill import processes
from tests.kill.rig import ALL_WELL, Rig
from tests.kill.settings import Settings

GONE_SECONDS = 1.0


@pytest.mark.kill
def test_workers_and_what_they_started_die_with_the_engine(tmp_path):
    """Also a child of a handler that left its process group and ignores SIGTERM."""
    settings = Settings(batch_size=1, timeout_seconds=30, visibility_seconds=30)
    with Rig(tmp_path, settings) as rig:
        rig.produce(3, {"child": 1})
        rig.produce(50, ALL_WELL)
        rig.start_engine()
        follower = rig.follow()
        for _ in range(3):
            assert rig.wait_for(follower, rig.is_work), rig.told()
        time.sleep(0.5)
        inside = rig.workers()
        below = rig.kill_engine()
        survivors = processes.survivors([*below, *inside], GONE_SECONDS)

        assert len(below) >= 1 + settings.workers
        assert len(inside) > settings.workers
        assert survivors == []
        assert rig.workers() == []
