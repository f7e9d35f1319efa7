"""Nothing that the engine has started outlives it, and nothing it started has more than it needs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headrace.aio import tasks
from headrace.invokers.launcher_client import Launch, LauncherClient
from tests.invokers.rig import (
    PATIENCE,
    bare_python,
    is_alive,
    open_descriptors,
    run,
    running,
    until,
    wait_gone,
)

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

pytestmark = LINUX


@pytest.fixture
def python(tmp_path):
    return bare_python(tmp_path)


@pytest.fixture
def engine(python, tmp_path):
    """An engine as its own process: gives it and the pids that must not outlive it."""
    notes = tmp_path / "notes"
    notes.touch()
    started = []

    def start(*options):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.invokers.engine_process", python, notes, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())
        return process, [pids["launcher"], *pids["workers"]]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_workers_and_their_families_die_with_the_engine(engine, number):
    process, pids = engine()
    assert all(map(is_alive, pids))

    process.send_signal(number)

    run(lambda: wait_gone(*pids, seconds=1))


@pytest.mark.kill
def test_they_die_even_if_a_fork_of_the_engine_lives_on(engine):
    """Such a fork may hold the engine's end of every pipe: the death signal does not care."""
    process, pids = engine("--fork")

    process.kill()

    run(lambda: wait_gone(*pids, seconds=1))


@pytest.mark.kill
def test_a_killed_launcher_takes_the_workers_along_and_the_next_invocation_starts_anew(python):
    async def body():
        async with running(python=python) as rig:
            await rig.invoke("plain.echo")
            busy = tasks.spawn(
                rig.invoke("crashes.hangs", timeout_seconds=60, request_id="the-id"), name="busy"
            )
            await rig.log.wait_for("START RequestId: the-id")
            launcher = launcher_of(rig)
            os.kill(launcher, signal.SIGKILL)
            lost = await busy
            after = await rig.invoke("plain.echo", 1)
            return lost, after, launcher, launcher_of(rig)

    lost, after, launcher, successor = run(body)

    assert lost.error is not None
    assert lost.error.message.endswith("Runtime exited with error: signal: killed")
    assert after.payload == b"1"
    assert successor != launcher
    assert not is_alive(launcher)


def test_signals_for_the_whole_service_do_not_reach_the_launcher(python):
    async def body():
        async with running(python=python) as rig:
            await rig.invoke("plain.echo")
            launcher = launcher_of(rig)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(launcher, number)
            await rig.invoke("plain.count")
            return launcher == launcher_of(rig), os.getsid(launcher)

    is_same, session = run(body)

    assert is_same
    assert session != os.getsid(0)


def ignored_here():
    """The signals that this process ignores, one bit each: a child inherits them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return int(line.split()[1], 16)
    return 0


def test_a_worker_has_what_it_needs_and_no_more(python):
    async def body():
        async with running(python=python) as rig:
            found = json.loads((await rig.invoke("limits.seen")).payload)
            return found, launcher_of(rig)

    found, launcher = run(body)

    assert found["no_new_privileges"] == "1"
    assert found["core"] == [0, 0]
    assert found["blocked"] == 0
    # What Python itself ignores and what we were started with, and nothing that the launcher does.
    python_ignores = 1 << found["sigpipe"] - 1 | 1 << signal.SIGXFSZ - 1
    assert found["ignored"] & ~python_ignores & ~ignored_here() == 0
    assert found["parent"] == launcher
    assert found["oom_score"] == "500"
    # Standard streams, the Runtime API, and the listing's own.
    assert found["descriptors"] == ["0", "1", "2", "3", "4"]


def test_engines_in_threads_that_end_do_not_take_their_launcher_s_workers_early(python):
    """The death signal is that of the thread which started the launcher: it is checked, not obeyed."""
    found = []

    async def body(started, go_on):
        async with running(python=python) as rig:
            # The launcher starts with the first worker: from a thread that ends at once.
            loop = asyncio.get_running_loop()
            await rig.invoke("plain.echo")
            started.set()
            await loop.run_in_executor(None, go_on.wait)
            found.append(await rig.invoke("plain.count"))
            found.append(await rig.invoke("plain.echo", 2))

    started, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(body(started, go_on)))
    thread.start()
    assert started.wait(PATIENCE)
    go_on.set()
    thread.join(PATIENCE)

    assert [each.error for each in found] == [None, None]


def launcher_of(rig) -> int:
    launcher: int | None = rig.fleet.statistics().launcher_pid
    assert launcher is not None
    return launcher


class Ear:
    """Hears of one process."""

    def __init__(self):
        self.events: list[tuple[object, ...]] = []
        self._heard = asyncio.Event()

    def process_started(self, pid):
        self._hear("started", pid)

    def process_failed(self, reason):
        self._hear("failed", reason)

    def process_exited(self, status, max_memory_kb):
        self._hear("exited", status)

    def _hear(self, *event):
        self.events.append(event)
        self._heard.set()

    async def wait_for(self, kind):
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self.events:
                    if event[0] == kind:
                        return event
                self._heard.clear()
                await self._heard.wait()


def launching(body):
    """Run *body* with a launcher and a function that launches a shell command."""

    async def whole():
        client = LauncherClient()
        nowhere = os.open(os.devnull, os.O_WRONLY)

        def launch(*command, directory=Path("/"), environment=None):
            ear = Ear()
            number = client.launch(
                Launch(
                    command=command,
                    directory=directory,
                    environment=environment or {},
                    mark="MARK=1",
                    stdout=nowhere,
                    stderr=nowhere,
                ),
                ear,
            )
            return number, ear

        try:
            return await body(client, launch)
        finally:
            await client.aclose()
            await client.aclose()
            os.close(nowhere)

    return run(whole)


@pytest.mark.parametrize(
    ("command", "directory", "reason"),
    [
        (["/no/such/program"], "/", "No such file or directory"),
        (["/etc"], "/", "Permission denied"),
        (["/bin/sh"], "/no/such/directory", "No such file or directory: /no/such/directory"),
    ],
)
def test_a_program_that_can_t_be_run_is_told(command, directory, reason):
    async def body(client, launch):
        _, ear = launch(*command, directory=Path(directory))
        return await ear.wait_for("failed")

    assert reason in launching(body)[1]


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)]
)
def test_how_a_process_ended_is_told(script, status):
    async def body(client, launch):
        _, ear = launch("/bin/sh", "-c", script)
        return await ear.wait_for("exited")

    assert launching(body) == ("exited", status)


def test_many_launches_at_once_arrive_with_their_own_descriptors():
    """More than the socket's buffer holds: what can't be sent now is sent later, in order."""

    async def body(client, launch):
        environment = {"PADDING": "x" * 100_000}
        ears = [
            launch("/bin/sh", "-c", f"exit {number}", environment=environment)[1]
            for number in range(50)
        ]
        return [(await ear.wait_for("exited"))[1] for ear in ears]

    assert launching(body) == list(range(50))


def test_a_kill_takes_the_group_and_is_harmless_afterwards():
    async def body(client, launch):
        number, ear = launch("/bin/sh", "-c", "sleep 600 & sleep 600")
        await ear.wait_for("started")
        client.kill(number)
        ended = await ear.wait_for("exited")
        client.kill(number)
        client.kill(12345)
        return ended

    assert launching(body) == ("exited", -9)


def test_a_daemon_is_killed_with_the_worker_that_it_left(tmp_path):
    """It has its own session, and its parent is the launcher: its environment tells whose it is."""
    notes = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ > {notes}.new; mv {notes}.new {notes}; sleep 600' & wait $!; sleep 600"

    async def body(client, launch):
        number, ear = launch(
            "/bin/sh", "-c", script, environment={"MARK": "1", "PATH": os.environ["PATH"]}
        )
        await until(notes.exists)
        daemon = int(notes.read_text())
        assert is_alive(daemon)
        client.kill(number)
        await ear.wait_for("exited")
        await wait_gone(daemon, seconds=1)

    launching(body)


def test_closing_gives_everything_back():
    before = open_descriptors()

    async def body(client, launch):
        _, ear = launch("/bin/sleep", "600")
        pid = (await ear.wait_for("started"))[1]
        launcher = client.pid
        await client.aclose()
        return pid, launcher, client.pid, ear.events[-1]

    pid, launcher, after, last = launching(body)

    assert not is_alive(pid)
    assert not is_alive(launcher)
    assert after is None
    assert last == ("exited", -9)
    assert open_descriptors() == before
