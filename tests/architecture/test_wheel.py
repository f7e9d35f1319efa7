"""What a user installs is the whole package and nothing but the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from tests.architecture.tree import PACKAGE, ROOT, SRC


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_the_wheel_carries_every_file_of_the_package(wheel):
    """Modules, the type marker, and the examples that `headrace demo` runs."""
    ours = {
        path.relative_to(SRC).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and not is_left_behind(path)
    }

    packed = {each for each in wheel.namelist() if ".dist-info/" not in each}

    assert ours == packed


@pytest.mark.slow
def test_the_wheel_carries_the_licence(wheel):
    assert [each for each in wheel.namelist() if each.endswith("licenses/LICENSE")]


def is_left_behind(path):
    """Tell what a run leaves in the tree: compiled modules, and a store made beside a template."""
    return "__pycache__" in path.parts or ".db" in path.suffixes
