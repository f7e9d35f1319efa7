"""The environment of a worker process: an allow-list, so that nothing of the engine's own leaks into it.

In order, later wins: ``PATH HOME LANG TZ TMPDIR``, AWS access (or its refusal), the template's variables, those of
``--env-vars``, Lambda's own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import Problem
from headrace.invokers.context import VERSION, log_group

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from headrace.model.function import FunctionSettings

_INHERITED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
# AWS: Lambda's own values of TZ and LANG (Debian has C.UTF-8 where en_US.UTF-8 may be missing).
_DEFAULTS = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": ":UTC"}
_AWS_ACCESS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_ENDPOINT = "AWS_ENDPOINT_URL"


@dataclass(frozen=True, slots=True)
class EnvironmentVariables:
    """What ``--env-vars FILE`` says: variables for every function, and by function."""

    everywhere: Mapping[str, str] = field(default_factory=dict)
    by_function: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, settings: FunctionSettings) -> dict[str, str]:
        """The variables for one function, found by its logical id or its name."""
        named = self.by_function.get(settings.name, {})
        return {**self.everywhere, **named, **self.by_function.get(settings.logical_id, {})}


@dataclass(frozen=True, slots=True)
class EnvironmentRules:
    """What workers inherit and whether they may reach AWS.

    ``inherited`` is the engine's own environment, of which little is passed on. Credentials are passed on with
    ``allow_aws`` (``--aws``) or where an ``AWS_ENDPOINT_URL…`` is set, here or for the function.
    """

    inherited: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    variables: EnvironmentVariables = field(default_factory=EnvironmentVariables)
    allow_aws: bool = False

    def reaches_aws(self, settings: FunctionSettings) -> bool:
        """Whether a function gets AWS credentials."""
        return (
            self.allow_aws
            or _names_endpoint(self.inherited)
            or _names_endpoint(settings.environment)
            or _names_endpoint(self.variables.of(settings))
        )


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """What one worker alone has."""

    runtime_api: str
    task_root: str
    log_stream: str
    refusing_endpoint: str


def worker_environment(
    settings: FunctionSettings, rules: EnvironmentRules, place: WorkerPlace
) -> dict[str, str]:
    """The whole environment of one worker process."""
    inherited = {name: rules.inherited[name] for name in _INHERITED if name in rules.inherited}
    aws = (
        _aws_access(rules.inherited)
        if rules.reaches_aws(settings)
        else _aws_refusal(place.refusing_endpoint)
    )
    return {
        **_DEFAULTS,
        **inherited,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        **aws,
        **settings.environment,
        **rules.variables.of(settings),
        **_lambda_variables(settings, place),
    }


def _lambda_variables(settings: FunctionSettings, place: WorkerPlace) -> dict[str, str]:
    return {
        "_HANDLER": settings.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": settings.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(settings.name),
        "AWS_LAMBDA_LOG_STREAM_NAME": place.log_stream,
        "AWS_LAMBDA_RUNTIME_API": place.runtime_api,
        "LAMBDA_TASK_ROOT": place.task_root,
    }


def _names_endpoint(variables: Mapping[str, str]) -> bool:
    return any(name.startswith(_ENDPOINT) and value for name, value in variables.items())


def _aws_access(inherited: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in inherited.items()
        if name in _AWS_ACCESS or name.startswith(_ENDPOINT)
    }


def _aws_refusal(endpoint: str) -> dict[str, str]:
    """Credentials that sign but open nothing, and an endpoint that says so.

    Without files of profiles: they could name other endpoints or real credentials.
    """
    return {
        _ENDPOINT: endpoint,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_ACCESS_KEY_ID": "headrace",
        "AWS_SECRET_ACCESS_KEY": "headrace",
        "AWS_SESSION_TOKEN": "headrace",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def parse_environment_variables(
    text: str | bytes, functions: Collection[str]
) -> tuple[EnvironmentVariables, list[Problem]]:
    """Read the file of ``--env-vars``, SAM's format: an object of objects.

    The key ``Parameters`` means every function, another key one of *functions* (logical ids or names). What can be
    used is returned beside the problems.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return EnvironmentVariables(), [Problem("$", f"expected a JSON object: {error}")]
    if not isinstance(content, dict):
        return EnvironmentVariables(), [
            Problem("$", f"expected a JSON object of objects, got {_kind(content)}")
        ]
    found: list[Problem] = []
    everywhere: dict[str, str] = {}
    by_function: dict[str, dict[str, str]] = {}
    for key, values in content.items():
        variables = _variables(f"$.{key}", values, found)
        if key == "Parameters":
            everywhere = variables
        else:
            by_function[key] = variables
            if key not in functions:
                known = ", ".join(sorted(functions)) or "none"
                found.append(
                    Problem(f"$.{key}", "no function of that name", f"functions here: {known}")
                )
    return EnvironmentVariables(everywhere, by_function), found


def _variables(path: str, values: object, found: list[Problem]) -> dict[str, str]:
    if not isinstance(values, dict):
        found.append(Problem(path, f"expected an object of variables, got {_kind(values)}"))
        return {}
    variables = {}
    for name, value in values.items():
        if (text := _text(value)) is None:
            found.append(
                Problem(
                    f"{path}.{name}",
                    f"expected a string, a number or a boolean, got {_kind(value)}",
                )
            )
        elif not name or "=" in name or "\0" in name + text:
            found.append(Problem(f"{path}.{name}", "no possible environment variable"))
        else:
            variables[name] = text
    return variables


def _text(value: Any) -> str | None:  # noqa: ANN401 - a JSON value
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return None


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case list():
            return "an array"
        case dict():
            return "an object"
        case str():
            return "a string"
        case bool():
            return "a boolean"
        case _:
            return "a number"
