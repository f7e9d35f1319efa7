"""A handler's module and name are looked for without running any code."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.config.handlers import check_handler, check_inline_handler


def found(tmp_path, source: str | bytes, handler: str = "app.handler", file: str = "app.py") -> Any:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    return sought(handler, tmp_path)


def sought(handler: str, code) -> Any:
    return check_handler(handler, code)


@pytest.mark.parametrize(
    "source",
    [
        "def handler(event, context): pass",
        "async def handler(event, context): pass",
        "class handler: pass",
        "handler = make()",
        "handler: object = make()",
        "a, (handler, b) = make()",
        "from powertools import handler",
        "import handler.deep",
        "from other import process as handler",
        "from other import *",
        "if True:\n    def handler(event, context): pass",
        "try:\n    from a import handler\nexcept ImportError:\n    handler = None",
        "with x as handler: pass",
        "def __getattr__(name): return print",
        "x = '\\d'\ndef handler(e, c): pass",
        "def handler(e, c): return 1 is 1",
        "# coding: latin-1\ndef handler(e, c): pass",
    ],
)
def test_a_name_may_be_bound_in_every_way(tmp_path, source):
    assert found(tmp_path, source) is None


@pytest.mark.parametrize(
    ("handler", "file"),
    [
        ("app.handler", "app/__init__.py"),
        ("shop.app.handler", "shop/app.py"),
        ("shop/app.handler", "shop/app.py"),
        ("a/b.c.handler", "a/b/c.py"),
    ],
)
def test_a_module_may_lie_in_a_package(tmp_path, handler, file):
    assert found(tmp_path, "def handler(e, c): pass", handler, file) is None


@pytest.mark.parametrize("file", ["app.so", "app.cpython-312-x86_64-linux-gnu.so", "app.pyc"])
def test_a_compiled_module_is_taken_on_trust(tmp_path, file):
    assert found(tmp_path, b"\x7fELF", file=file) is None


@pytest.mark.parametrize(
    ("source", "message", "suggestion"),
    [
        (
            "def handlr(event, context): pass",
            'the module "app" defines no "handler"',
            "did you mean handlr?",
        ),
        ("", 'the module "app" defines no "handler"', ""),
        ("def f():\n    handler = 1", 'the module "app" defines no "handler"', ""),
    ],
)
def test_a_name_that_is_not_found_is_a_doubt(tmp_path, source, message, suggestion):
    finding = found(tmp_path, source)

    assert finding.doubt
    assert (finding.message, finding.suggestion) == (message, suggestion)


@pytest.mark.parametrize("source", ["def handler(:\n", b"\0", b"# coding: nonsense\n"])
def test_code_that_is_no_python_is_a_doubt(tmp_path, source):
    finding = found(tmp_path, source)

    assert finding.doubt
    assert finding.message.startswith('the module "app" can\'t be read')


def test_code_that_no_parser_can_follow_is_a_doubt(tmp_path):
    finding = found(tmp_path, "x = " + "(" * 5_000 + ")" * 5_000)

    assert finding.doubt


def test_a_very_large_module_is_taken_on_trust(tmp_path):
    assert found(tmp_path, "#" * 1_100_000) is None


@pytest.mark.parametrize(
    ("handler", "message", "suggestion"),
    [
        ("handler", 'expected module.function, got "handler"', "such as app.lambda_handler"),
        (".handler", 'expected module.function, got ".handler"', "such as app.lambda_handler"),
        ("app.", 'expected module.function, got "app."', "such as app.lambda_handler"),
        ("ap.handler", 'there is no module "ap" in "{directory}"', "did you mean app?"),
        ("zzz.handler", 'there is no module "zzz" in "{directory}"', "there is app, second"),
        ("nowhere.zzz.handler", 'there is no module "nowhere.zzz" in "{directory}"', ""),
    ],
)
def test_a_module_that_is_not_found_is_told(tmp_path, handler, message, suggestion):
    directory = tmp_path / "x"
    directory.mkdir()
    (directory / "app.py").touch()
    (directory / "second.py").touch()

    finding = sought(handler, directory)

    assert not finding.doubt
    assert finding.message == message.format(directory=directory)
    assert finding.suggestion == suggestion


def test_a_directory_that_can_not_be_listed_is_told(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)

    assert sought("app.handler", tmp_path).message.endswith("can't be read: Permission denied")


@pytest.mark.parametrize(
    ("handler", "message", "suggestion"),
    [
        ("index.handler", None, None),
        (
            "app.handler",
            'inline code is the module index, got "app.handler"',
            "write index.handler",
        ),
        ("index.handle", 'the module "index" defines no "handle"', "did you mean handler?"),
    ],
)
def test_inline_code_is_the_module_index(handler, message, suggestion):
    finding: Any = check_inline_handler(handler, "def handler(event, context): pass")

    assert (
        (finding.message, finding.suggestion) == (message, suggestion)
        if message
        else finding is None
    )
