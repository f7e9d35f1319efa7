"""``AWS::Serverless::Function`` and ``AWS::Lambda::Function``: a function's settings and its code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.config.environment import read_environment
from headrace.config.function_code import CODE_KEYS, Code, ElsewhereError, read_code
from headrace.config.handlers import check_handler, check_inline_handler
from headrace.config.metadata import headrace_metadata, read_metadata
from headrace.config.nodes import Node, Value, shown
from headrace.config.properties import check_value
from headrace.config.references import physical_name
from headrace.config.resources import SAM_FUNCTION_TYPE
from headrace.config.schema import FunctionMetadata, FunctionProperties
from headrace.config.scope import Resource, UnresolvedError
from headrace.config.suggestions import did_you_mean
from headrace.config.vocabulary import FUNCTION_LOST, FUNCTION_WITHOUT_MEANING
from headrace.errors import Problem
from headrace.model.function import FunctionSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from headrace.config.intrinsics import Resolver

_PYTHON = re.compile(r"python3\.\d{1,2}")
_OTHER_LANGUAGES = ("nodejs", "java", "dotnet", "go1", "ruby", "provided", "python2")
_RECENT = [f"python3.{minor}" for minor in range(8, 15)]


@dataclass(slots=True)
class ReadFunction:
    """A declared function: ``settings`` are None where they can't be used.

    ``obstacles`` are what is right for AWS but not to be had here: told if a mapping needs the function.
    """

    logical_id: str
    name: str
    settings: FunctionSettings | None = None
    timeout_seconds: int | None = None
    beyond_aws: bool = False
    obstacles: list[Problem] = field(default_factory=list)

    @property
    def runs_elsewhere(self) -> bool:
        """Whether the function is one that only AWS can run."""
        return any(obstacle.severity == "error" for obstacle in self.obstacles)


def read_functions(
    resolver: Resolver, resources: Iterable[Resource], directory: Path | None
) -> dict[str, ReadFunction]:
    """Return every function of *resources* that has a name, by its logical id."""
    functions: dict[str, ReadFunction] = {}
    first: dict[str, str] = {}
    for resource in resources:
        try:
            name = physical_name(resolver, resource)
        except UnresolvedError as error:
            resolver.note(error)
            continue
        functions[resource.logical_id] = _FunctionReader(resolver, resource, directory).read(name)
        if name in first:
            message = f"{first[name]} is a function of the same name, {shown(name)}"
            resolver.scope.findings.error(resource.properties, message, "rename one")
        first.setdefault(name, resource.logical_id)
    return functions


class _FunctionReader:
    """Reads one function."""

    def __init__(self, resolver: Resolver, resource: Resource, directory: Path | None) -> None:
        self._resolver = resolver
        self._findings = resolver.scope.findings
        self._resource = resource
        self._directory = directory
        self._metadata = read_metadata(resolver, resource, FunctionMetadata)
        self._obstacles: list[Problem] = []

    def read(self, name: str) -> ReadFunction:
        """Read the function, whose name is *name*."""
        function = ReadFunction(
            self._resource.logical_id,
            name,
            beyond_aws=self._metadata.beyond_aws,
            obstacles=self._obstacles,
        )
        if not self._is_image():
            self._read(function)
        return function

    def _read(self, function: ReadFunction) -> None:
        kept = self._kept()
        names = [*FUNCTION_WITHOUT_MEANING, *FUNCTION_LOST, *CODE_KEYS[self._resource.type]]
        checked = check_value(
            FunctionProperties, kept, self._findings, other_names=[*names, "Environment"]
        )
        environment, python = self._environment(), self._python()
        properties = checked.settings
        if properties is None:
            return
        if "Timeout" not in checked.wrong:
            function.timeout_seconds = properties.timeout_seconds
        code = self._code() if self._is_python(kept.at("Runtime"), properties.runtime) else None
        if code is None:
            return
        self._check_handler(kept.at("Handler"), properties.handler, code)
        function.settings = FunctionSettings(
            logical_id=function.logical_id,
            name=function.name,
            handler=properties.handler,
            runtime=properties.runtime,
            code=code.directory,
            inline_code=code.inline,
            timeout_seconds=properties.timeout_seconds,
            memory_mb=properties.memory_mb,
            environment=environment,
            reserved_concurrency=properties.reserved_concurrency,
            python=python,
            region=self._resolver.scope.region,
        )

    def _kept(self) -> Value:
        """The properties that are honoured, resolved."""
        read_elsewhere = CODE_KEYS[self._resource.type] | {"Environment"}
        if self._resource.type == SAM_FUNCTION_TYPE:
            read_elsewhere |= {"Events"}
        kept: dict[str, Node] = {}
        for key, value in self._resource.properties.entries.items():
            if key in FUNCTION_LOST:
                if value.raw != []:
                    self._note_obstacle(value, FUNCTION_LOST[key], severity="warning")
            elif key not in FUNCTION_WITHOUT_MEANING and key not in read_elsewhere:
                kept[key] = self._resolver.resolve(value).node
        return self._resource.properties.holding(kept)

    def _note_obstacle(self, at: Value, message: str, *, severity: str = "error") -> None:
        self._obstacles.append(Problem(at.path, message, line=at.line, severity=severity))

    def _is_image(self) -> bool:
        package = self._resource.properties.get("PackageType")
        image = self._resource.properties.get("ImageUri")
        at = image if package is None or package.raw != "Image" else package
        if at is None:
            return False
        self._note_obstacle(at, "functions in container images can't be run yet by Headrace")
        return True

    def _environment(self) -> dict[str, str]:
        environment = self._resource.properties.get("Environment")
        return {} if environment is None else read_environment(self._resolver, environment)

    def _is_python(self, at: Value, runtime: str) -> bool:
        if _PYTHON.fullmatch(runtime):
            return True
        if runtime.startswith(_OTHER_LANGUAGES):
            message = (
                f"functions for {shown(runtime)} can't be run yet by Headrace: expected python3"
            )
            self._note_obstacle(at, message)
        else:
            message = f"expected a runtime such as python3.12, got {shown(runtime)}"
            self._findings.error(at, message, did_you_mean(runtime, _RECENT))
        return False

    def _code(self) -> Code | None:
        try:
            return read_code(self._resolver, self._resource, self._directory)
        except ElsewhereError as error:
            self._obstacles.append(error.problem)
        except UnresolvedError as error:
            self._resolver.note(error)
        return None

    def _check_handler(self, at: Value, handler: str, code: Code) -> None:
        finding = None
        if code.inline is not None:
            finding = check_inline_handler(handler, code.inline)
        elif self._directory is not None:
            finding = check_handler(handler, code.directory)
        if finding is None:
            return
        # A layer, or the packages of an interpreter of its own, may hold the module.
        elsewhere = self._resource.properties.get("Layers") or self._metadata.python
        note = self._findings.warning if finding.doubt or elsewhere else self._findings.error
        note(at, finding.message, finding.suggestion)

    def _python(self) -> str | None:
        python = self._metadata.python
        if python is None or self._directory is None or "/" not in python:
            return python
        # Not resolved: what is a link in a virtual environment must stay one.
        path = self._directory.absolute() / python
        if not path.is_file():
            metadata = headrace_metadata(self._resolver, self._resource)
            message = f"expected the path of a Python interpreter, {shown(python)} does not exist"
            self._findings.error(
                metadata.at("Python") if metadata else self._resource.value, message
            )
        return str(path)
