"""``headrace doctor``: what is here, and what is in the way."""

from __future__ import annotations

import platform

import pytest

from headrace.cli import doctor
from headrace.store import file, filesystem


@pytest.fixture(autouse=True)
def one_interpreter(monkeypatch):
    """Asking every Python of a machine takes long; the one that runs this will do."""
    monkeypatch.setattr(doctor, "INTERPRETERS", ())


def test_a_machine_that_is_well_is_told_so(headrace):
    examined = headrace("doctor")

    assert examined.code == 0
    assert examined.out.splitlines()[-1] == "all well"


def test_what_is_here_is_told_as_json(orders, tmp_path):
    found = orders("doctor", "--json").object

    assert found["python"]["version"] == platform.python_version()
    assert found["sqlite"]["walResetBugFixed"] is True
    assert found["store"]["path"] == str(tmp_path / "headrace.db")
    assert found["store"]["schemaVersion"] >= 1
    assert found["runtimes"][0]["version"] == platform.python_version()
    assert "uvloop" in found["extras"]
    assert found["problems"] == []


def test_looking_makes_no_store(headrace, tmp_path):
    assert "not made yet" in headrace("doctor").out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(b"my diary"), "not an SQLite file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.chmod(0o400), "read-only"),
    ],
    ids=["other", "empty", "read-only"],
)
def test_a_store_that_would_be_refused_is_a_problem(orders, tmp_path, spoil, told):
    spoil(tmp_path / "headrace.db")

    examined = orders("doctor")

    assert examined.code == 1
    assert "PROBLEM" in examined.out
    assert told in examined.out


def test_a_network_file_system_is_a_problem(headrace, monkeypatch):
    monkeypatch.setattr(filesystem, "type_of", lambda *_args, **_kwargs: "nfs4")

    found = headrace("doctor", "--json")

    assert found.code == 1
    assert found.object["store"]["isNetwork"] is True
    assert "network file system (nfs4)" in found.object["problems"][0]


def test_an_unsound_sqlite_is_a_problem(headrace, monkeypatch):
    monkeypatch.setattr(file, "sqlite_verdict", lambda: ("3.40.1", False))

    examined = headrace("doctor")

    assert examined.code == 1
    assert "SQLite 3.40.1 can corrupt a file" in examined.out


def test_a_python_that_does_not_answer_is_passed_over(headrace, monkeypatch, tmp_path):
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr(doctor, "INTERPRETERS", (str(broken),))

    assert len(headrace("doctor", "--json").object["runtimes"]) == 1


def test_an_extra_that_lacks_something_is_not_installed(headrace, monkeypatch):
    monkeypatch.setattr(doctor, "_is_installed", lambda _name: False)

    assert headrace("doctor", "--json").object["extras"]["uvloop"] is False
    assert "uvloop: not installed" in headrace("doctor").out
