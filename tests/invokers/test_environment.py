"""A worker's environment is an allow-list, and AWS is out of reach unless somebody says otherwise."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from headrace.errors import Problem
from headrace.invokers.environment import (
    EnvironmentRules,
    EnvironmentVariables,
    WorkerPlace,
    parse_environment_variables,
    worker_environment,
)
from headrace.model.function import FunctionSettings
from tests.invokers.rig import bare_python, run, running

PLACE = WorkerPlace(
    runtime_api="127.0.0.1:9001",
    task_root="/code",
    log_stream="2026/01/02/[$LATEST]abc",
    refusing_endpoint="http://127.0.0.1:1",
)
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "production",
}
LAMBDA = {
    "_HANDLER": "app.handler",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[$LATEST]abc",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_REGION": "eu-west-1",
    "LAMBDA_TASK_ROOT": "/code",
}
REFUSAL = {
    "AWS_ACCESS_KEY_ID": "headrace",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    "AWS_SECRET_ACCESS_KEY": "headrace",
    "AWS_SESSION_TOKEN": "headrace",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
DEFAULTS = {"LANG": "C.UTF-8", "PATH": os.defpath, "TZ": ":UTC"}


def settings(**environment):
    return FunctionSettings(
        logical_id="Orders",
        name="orders",
        handler="app.handler",
        runtime="python3.12",
        code=Path("/code"),
        memory_mb=256,
        region="eu-west-1",
        environment=environment,
    )


def made(inherited=None, *, variables=None, allow_aws=False, **environment):
    rules = EnvironmentRules(
        inherited=inherited or {},
        variables=variables or EnvironmentVariables(),
        allow_aws=allow_aws,
    )
    return worker_environment(settings(**environment), rules, PLACE)


def test_with_nothing_given_it_is_lambda_s_and_a_refusal():
    assert made() == {**DEFAULTS, **LAMBDA, **REFUSAL}


def test_only_five_names_are_inherited():
    wanted = {name: f"my {name}" for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR")}
    others = {"PYTHONPATH": "x", "DATABASE_URL": "x", "HEADRACE_STORE": "x", "LD_PRELOAD": "x"}

    assert made({**wanted, **others, **SECRETS}) == {**wanted, **LAMBDA, **REFUSAL}


def test_the_template_s_variables_come_on_top_and_the_file_s_on_those():
    variables = EnvironmentVariables(
        everywhere={"B": "everywhere", "C": "everywhere", "D": "everywhere"},
        by_function={
            "orders": {"C": "by name", "D": "by name"},
            "Orders": {"D": "by id"},
            "Other": {"A": "no"},
        },
    )

    found = made(variables=variables, A="template", B="template", TZ="Europe/Berlin")

    assert {name: found[name] for name in "ABCD"} == {
        "A": "template",
        "B": "everywhere",
        "C": "by name",
        "D": "by id",
    }
    assert found["TZ"] == "Europe/Berlin"


def test_what_the_runtime_needs_can_t_be_overwritten():
    found = made(_HANDLER="evil", AWS_LAMBDA_RUNTIME_API="evil:80", LAMBDA_TASK_ROOT="/evil")

    assert {name: found[name] for name in LAMBDA} == LAMBDA


def test_credentials_are_passed_on_when_that_is_asked_for():
    found = made({**SECRETS, "AWS_ENDPOINT_URL_SQS": "http://localhost:1"}, allow_aws=True)

    assert found == {**DEFAULTS, **LAMBDA, **SECRETS, "AWS_ENDPOINT_URL_SQS": "http://localhost:1"}


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"])
@pytest.mark.parametrize("where", ["engine", "template", "file"])
def test_credentials_are_passed_on_to_an_endpoint_that_somebody_set(name, where):
    endpoint = {name: "http://localhost:4566"}
    file = EnvironmentVariables(by_function={"Orders": endpoint} if where == "file" else {})

    found = made(
        {**SECRETS, **(endpoint if where == "engine" else {})},
        variables=file,
        **(endpoint if where == "template" else {}),
    )

    assert found == {**DEFAULTS, **LAMBDA, **SECRETS, **endpoint}


def test_an_empty_endpoint_is_none():
    assert made({"AWS_ENDPOINT_URL": "", **SECRETS}) == {**DEFAULTS, **LAMBDA, **REFUSAL}


def test_credentials_that_the_template_sets_are_the_function_s():
    assert made(AWS_ACCESS_KEY_ID="test")["AWS_ACCESS_KEY_ID"] == "test"


def test_a_handler_sees_this_environment_and_nothing_else(tmp_path, monkeypatch):
    """S16: what is in the engine's environment stays there."""
    monkeypatch.setenv("ENGINE_TOKEN", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")

    async def body():
        async with running(python=bare_python(tmp_path)) as rig:
            response = await rig.invoke("plain.environment", environment={"MINE": "1"})
            return json.loads(response.payload)

    found = run(body)

    allowed = {*DEFAULTS, "HOME", "TMPDIR", *LAMBDA, *REFUSAL, "MINE", "_X_AMZN_TRACE_ID"}
    # What the shell of the test's own interpreter, or Python's locale coercion, adds.
    assert set(found) - allowed <= {"PWD", "SHLVL", "_", "LC_CTYPE", "OLDPWD"}
    assert "canary" not in found.values()
    assert found["MINE"] == "1"


@pytest.mark.parametrize(
    ("text", "everywhere", "by_function"),
    [
        ("{}", {}, {}),
        ('{"Parameters": {"A": "1"}}', {"A": "1"}, {}),
        (
            '{"Orders": {"A": "1"}, "orders": {"B": ""}}',
            {},
            {"Orders": {"A": "1"}, "orders": {"B": ""}},
        ),
        (
            '{"Parameters": {"A": 1, "B": 1.5, "C": true, "D": false}}',
            {"A": "1", "B": "1.5", "C": "true", "D": "false"},
            {},
        ),
    ],
)
def test_a_file_of_variables_is_read_as_sam_reads_it(text, everywhere, by_function):
    variables, problems = parse_environment_variables(text, ["Orders", "orders"])

    assert problems == []
    assert variables == EnvironmentVariables(everywhere, by_function)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "$: expected a JSON object: "),
        ("[]", "$: expected a JSON object of objects, got an array"),
        ("null", "$: expected a JSON object of objects, got null"),
        ('{"Orders": "A=1"}', "$.Orders: expected an object of variables, got a string"),
        ('{"Orders": 1}', "$.Orders: expected an object of variables, got a number"),
        ('{"Orders": true}', "$.Orders: expected an object of variables, got a boolean"),
        (
            '{"Orders": {"A": null}}',
            "$.Orders.A: expected a string, a number or a boolean, got null",
        ),
        (
            '{"Orders": {"A": {}}}',
            "$.Orders.A: expected a string, a number or a boolean, got an object",
        ),
        ('{"Orders": {"": "x"}}', "$.Orders.: no possible environment variable"),
        ('{"Orders": {"A=B": "x"}}', "$.Orders.A=B: no possible environment variable"),
        ('{"Orders": {"A": "\\u0000"}}', "$.Orders.A: no possible environment variable"),
        ('{"Order": {}}', "$.Order: no function of that name (functions here: Orders)"),
    ],
)
def test_a_file_of_variables_that_can_t_be_used_is_a_problem(text, problem):
    _, problems = parse_environment_variables(text, ["Orders"])

    assert [str(each)[: len(problem)] for each in problems] == [problem]


def test_every_problem_of_the_file_is_found_and_the_rest_is_kept():
    text = '{"Parameters": {"A": [], "B": "kept"}, "Nobody": {"C": null}}'

    variables, problems = parse_environment_variables(text, ["Orders"])

    assert [each.path for each in problems] == ["$.Parameters.A", "$.Nobody.C", "$.Nobody"]
    assert all(isinstance(each, Problem) for each in problems)
    assert variables.everywhere == {"B": "kept"}
