"""The versions matrix: the quick tests on every Python and with and without the extras.

`make test` is one Python in place; these sessions install the built package in an environment of
their own each. A Python that is not on this machine is skipped by nox.
"""

from __future__ import annotations

import nox

nox.options.sessions = ["tests", "minimal"]
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
QUICK = "not slow and not integration and not kill and not powerloss"


def install(session: nox.Session, lock: str) -> None:
    """Install one lock file, by hash, and then the package as a user would get it."""
    session.install("--require-hashes", "-r", f"requirements/{lock}.txt")
    session.install("--no-deps", "--no-build-isolation", ".")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the quick tests, or what is given after `--`."""
    install(session, "dev")
    session.run("pytest", *(session.posargs or ["-q", "-m", QUICK]))


@nox.session(python=PYTHONS)
def minimal(session: nox.Session) -> None:
    """Import the package and print the help with nothing installed but what it must have."""
    install(session, "runtime")
    session.run("python", "-c", "import headrace")
    session.run("headrace", "--help")
