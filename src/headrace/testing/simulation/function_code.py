"""The code of a template's functions, loaded into this process and called as if it were alone.

Theory of operation. A function's directory comes first on the import path, its environment and working directory are set, while
its module is imported and while its handler runs; afterwards everything is as it was. An asynchronous handler gets them
for each of its steps.

A module that the test has imported already is used as it is, so what the test patches is patched. Otherwise it is
imported afresh for each simulation, as a new instance of a function would, and forgotten at the simulation's end. Two
functions may have modules of one name in different directories.
"""

from __future__ import annotations

import inspect
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigurationError, Problem
from headrace.invokers import bootstrap
from headrace.invokers.context import VERSION, log_group

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Iterator, Mapping

    from headrace.model.function import FunctionSettings
    from headrace.testing.simulation.functions import Handler


class CodeLoader:
    """Loads the functions of one simulation and forgets their modules at its end."""

    def __init__(self) -> None:
        self._loaded: dict[str, Path] = {}
        """Modules that came in for a function, each with the directory that it came from."""

    def load(self, settings: FunctionSettings) -> tuple[Handler, ModuleType]:
        """The handler of a function, to be called from anywhere, and its module."""
        surroundings = Surroundings(settings)
        try:
            with surroundings.entered():
                handler, module = self._import(settings)
        except Exception as error:
            message = error.message if isinstance(error, bootstrap.Fault) else repr(error)
            path = f"$.Resources.{settings.logical_id}"
            raise ConfigurationError(
                [Problem(path, f"its handler {settings.handler} can't be loaded: {message}")]
            ) from error
        return surroundings.around(handler), module

    def close(self) -> None:
        """Forget what was imported."""
        for name, directory in self._loaded.items():
            module = sys.modules.get(name)
            if module is not None and _comes_from(module, directory):
                del sys.modules[name]
        self._loaded.clear()

    def _import(self, settings: FunctionSettings) -> tuple[Handler, ModuleType]:
        name, _, attribute = settings.handler.rpartition(".")
        if settings.inline_code is not None:
            module = ModuleType(name)
            module.__file__ = str(settings.code / f"{name}.py")
            code = compile(settings.inline_code, module.__file__, "exec")
            exec(code, module.__dict__)  # noqa: S102 - the function's own code, as its template holds it
            if not hasattr(module, attribute):
                raise bootstrap.Fault(
                    "Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{name}'"
                )
            handler: Handler = getattr(module, attribute)
            return handler, module
        name = name.replace("/", ".")
        with self._room_for(name.partition(".")[0], settings.code.resolve()):
            handler = bootstrap.load_handler(settings.handler)
            return handler, sys.modules[name]

    @contextmanager
    def _room_for(self, package: str, directory: Path) -> Iterator[None]:
        """Move modules of other functions out of the way, and afterwards back again."""
        in_the_way = {
            name: module
            for name, module in list(sys.modules.items())
            if self._loaded.get(name, directory) != directory
            or (name.partition(".")[0] == package and not _comes_from(module, directory))
        }
        for name in in_the_way:
            del sys.modules[name]
        before = set(sys.modules)
        try:
            yield
        finally:
            for name in sorted(set(sys.modules) - before):
                if not _comes_from(sys.modules[name], directory):
                    continue
                if name in in_the_way:
                    del sys.modules[name]
                else:
                    self._loaded[name] = directory
            sys.modules.update(in_the_way)


class Surroundings:
    """What a function's code finds around it."""

    def __init__(self, settings: FunctionSettings) -> None:
        self._directory = str(settings.code.resolve())
        self._variables = _variables(settings)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Environment, working directory and import path of the function."""
        before = {name: os.environ.get(name) for name in self._variables}
        directory = os.getcwd()  # noqa: PTH109 - on the path of every call
        os.environ.update(self._variables)
        os.chdir(self._directory)
        sys.path.insert(0, self._directory)
        try:
            yield
        finally:
            sys.path.remove(self._directory)
            os.chdir(directory)
            _restore(before)

    def around(self, handler: Handler) -> Handler:
        """*handler* as a callable that may be called from anywhere."""
        if inspect.iscoroutinefunction(handler):

            async def call_async(event: Any, context: Any) -> Any:  # noqa: ANN401 - a handler
                return await _Stepped(handler(event, context), self)

            return call_async

        def call(event: Any, context: Any) -> Any:  # noqa: ANN401 - a handler
            with self.entered():
                return handler(event, context)

        return call


class _Stepped:
    """A coroutine each step of which runs in a function's surroundings."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], surroundings: Surroundings) -> None:
        self._coroutine = coroutine
        self._surroundings = surroundings

    def __await__(self) -> Generator[Any, Any, Any]:
        step, sent = self._coroutine.send, None
        while True:
            try:
                with self._surroundings.entered():
                    waited_for = step(sent)
            except StopIteration as end:
                return end.value
            try:
                sent = yield waited_for
                step = self._coroutine.send
            except BaseException as error:  # noqa: BLE001 - passed on as it is
                sent, step = error, self._coroutine.throw


def _variables(settings: FunctionSettings) -> dict[str, str]:
    """The template's variables and Lambda's own; the region only where the test has set none."""
    region = {
        name: settings.region
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION")
        if name not in os.environ
    }
    return {
        **region,
        **settings.environment,
        "_HANDLER": settings.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": settings.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(settings.name),
        "LAMBDA_TASK_ROOT": str(settings.code),
    }


def _restore(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _comes_from(module: ModuleType, directory: Path) -> bool:
    file = getattr(module, "__file__", None)
    paths = [file] if file else list(getattr(module, "__path__", []))
    return any(Path(path).resolve().is_relative_to(directory) for path in paths)
