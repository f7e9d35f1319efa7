"""Whoever types what a page says gets what the page says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from headrace.demo.session import SHOP
from tests.docs.pages import Page, pages_that_run

pytestmark = [pytest.mark.slow, pytest.mark.integration]
PATIENCE_SECONDS = 90
# The two commands of the checkout itself: the whole suite would run itself.
NOT_HERE = ("make ", "git ")


@pytest.mark.parametrize("page", pages_that_run(), ids=lambda page: page.name)
def test_a_page_does_what_it_says(page, tmp_path):
    """In one empty directory, from top to bottom, as a reader would."""
    if page.path.is_relative_to(SHOP):
        shutil.copytree(SHOP, tmp_path, dirs_exist_ok=True)
    with ExitStack() as others:
        for block in page.blocks():
            if block.title and block.is_run:
                file = tmp_path / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
            elif block.kind == "console" and block.is_run:
                steps = [step for step in block.steps() if not step.command.startswith(NOT_HERE)]
                for step in steps:
                    where = f"{page.name}:{block.line}: {step.command}"
                    if block.goes_on:
                        others.enter_context(Terminal(step.command, tmp_path))
                        continue
                    output, code = run(step.command, tmp_path)
                    expected = block.exit_code if step is steps[-1] else 0
                    assert code == expected, f"{where}\n{output}"
                    assert step.missing(output) is None, f"{where}\n{output}"


def environment():
    scripts = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}


def run(command, directory):
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return output, process.returncode


class Terminal:
    """A command that goes on beside the others, until Ctrl-C at the end of its page."""

    def __init__(self, command, directory):
        self.command = command
        self.log = directory.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                cwd=directory,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self):
        """Wait until it has said something: then it has begun."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.log.stat().st_size and self.process.poll() is None:
            assert time.monotonic() < deadline, self.command
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_SECONDS)
        assert self.process.returncode == 0, self.log.read_text()


def test_a_page_that_is_wrong_is_found_out(tmp_path):
    """The test of the tests: a command that fails, and one that prints something else."""
    wrong = [
        "```console\n$ headrace queue peek Orders\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
    ]
    for index, text in enumerate(wrong):
        path = tmp_path / f"{index}.md"
        path.write_text(text)
        directory = tmp_path / str(index)
        directory.mkdir()
        with pytest.raises(AssertionError):
            check(path, directory)


def check(path, directory):
    [block] = Page(path).blocks()
    for step in block.steps():
        output, code = run(step.command, directory)
        assert code == 0
        assert step.missing(output) is None
