"""The lock files: what is installed is what was tested, wherever it comes from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import ROOT, name

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(
    r"(?P<name>[a-z0-9._-]+(?:\[[a-z0-9,._-]+\])?)==(?P<version>\S+)(?P<marker> ; .+)? \\"
)
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: Path) -> dict[str, str]:
    return {
        canonicalize_name(found["name"].partition("[")[0]): found["version"]
        for line in lock.read_text(encoding="utf-8").splitlines()
        if (found := PIN.fullmatch(line))
    }


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_a_lock_holds_versions_with_hashes_and_nothing_else(lock):
    """No address, no folder, no option: where a package comes from is the installer's business."""
    lines = lock.read_text(encoding="utf-8").splitlines()

    strange = [line for line in lines if not PIN.fullmatch(line) and not HASH.fullmatch(line)]

    assert strange == []


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_every_version_has_a_hash(lock):
    lines = lock.read_text(encoding="utf-8").splitlines()

    bare = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if PIN.fullmatch(line) and not HASH.fullmatch(following)
    ]

    assert bare == []
    assert pins(lock)


def test_what_is_tested_is_what_users_run():
    runtime = pins(ROOT / "requirements" / "runtime.txt")
    dev = pins(ROOT / "requirements" / "dev.txt")

    assert {each: dev.get(each) for each in runtime} == runtime


def test_every_dependency_is_locked_within_its_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]

    outside = [
        f"{requirement} is locked as {version}"
        for lock, declared in (("runtime", project["dependencies"]), ("dev", extras))
        for requirement in map(Requirement, declared)
        if (
            version := pins(ROOT / "requirements" / f"{lock}.txt").get(
                canonicalize_name(requirement.name)
            )
        )
        is None
        or not requirement.specifier.contains(version)
    ]

    assert outside == [], "run make lock"
