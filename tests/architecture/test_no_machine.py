"""The project knows nothing of the machines it is written on."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from tests.architecture.tree import ROOT, files, name, text

# Where packages come from on some machine is no business of the project's.
REGISTRIES = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org|repo1?\.maven\.org)\b"
)
# The home of somebody, and an interpreter that lives in one.
HOMES = re.compile(r"(?<![\w.])/root/|(?<![\w.])/(?:home|Users)/(?!me\b|you\b)\w+/|\.pyenv/")
# Settings of installers; what they say must not be repeated here.
INSTALLER = re.compile(r"(?:PIP|UV)_(?:FIND_LINKS|INDEX|INDEX_URL|EXTRA_INDEX_URL|DEFAULT_INDEX)")
# Folders that every machine has: a checkout directly below one has no telling neighbours.
EVERYWHERE = {
    Path("/", each) for each in ("", "home", "mnt", "opt", "root", "srv", "tmp", "usr", "var")
}


def own_words() -> list[str]:
    """What would give away this machine, whichever it is: places, found and not written down."""
    words = [value for key, value in os.environ.items() if INSTALLER.fullmatch(key)]
    neighbourhood = ROOT.parent
    if neighbourhood not in EVERYWHERE | {Path(tempfile.gettempdir()), Path.home()}:
        words += [str(each) for each in neighbourhood.iterdir() if each.is_dir()]
    if Path(sys.base_prefix).is_relative_to(Path.home()):
        words.append(sys.base_prefix)
    return [word for word in words if word.count("/") > 1 or "://" in word]


def test_no_file_names_a_place_on_a_machine():
    words = own_words()

    told = [
        f"{name(path)}: {found}"
        for path in files()
        if path != Path(__file__)
        for found in [word for word in words if word in text(path)] + HOMES.findall(text(path))
    ]

    assert told == []


def test_no_file_names_a_package_registry():
    told = [
        f"{name(path)}: {found}"
        for path in files()
        if path != Path(__file__)
        for found in REGISTRIES.findall(text(path))
    ]

    assert told == []
