"""Functions: where their code is, what limits them, and what only AWS can do with them."""

from __future__ import annotations

import sys

import pytest

from headrace.config.template import load_template
from headrace.config.vocabulary import FUNCTION_LOST, FUNCTION_WITHOUT_MEANING
from headrace.model.function import FunctionSettings
from tests.config.checking import check, check_function, messages, told

LAMBDA = """
Resources:
  Process:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.12, Handler: app.handler, Code: %s}
    Metadata: %s
"""
SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Process:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: %s, CodeUri: %s%s}
    Metadata: %s
"""


@pytest.fixture
def project(tmp_path):
    """A directory with a template's neighbours; call it with a template to load that."""
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "app.py").write_text("def handler(event, context): pass\n")
    (tmp_path / "src" / "deep" / "app.py").write_text("handler = print\n")
    (tmp_path / "app.zip").write_bytes(b"PK")
    directory = tmp_path / "infra"
    directory.mkdir()
    (directory / "app.py").write_text("def handler(event, context): pass\n")

    def load(text, **options):
        (directory / "template.yaml").write_text(text)
        return load_template(directory / "template.yaml", **options)

    return load


def test_every_honoured_property_arrives():
    application = check_function(
        """
        FunctionName: process-orders
        Timeout: '900'
        MemorySize: 10240
        Environment: {Variables: {STAGE: test, LIMIT: 5}}
        ReservedConcurrentExecutions: 0
        PackageType: Zip
        """,
        region="eu-west-1",
    )

    assert application.problems == ()
    function = application.functions["Process"]
    assert function == FunctionSettings(
        logical_id="Process",
        name="process-orders",
        handler="index.handler",
        runtime="python3.12",
        code=function.code,
        inline_code="def handler(event, context): pass",
        timeout_seconds=900,
        memory_mb=10_240,
        environment={"STAGE": "test", "LIMIT": "5"},
        reserved_concurrency=0,
        python=None,
        region="eu-west-1",
    )
    assert function.code.is_absolute()


def test_without_them_a_function_has_lambdas_defaults():
    function = check_function().functions["Process"]

    assert (function.name, function.timeout_seconds, function.memory_mb) == ("Process", 3, 128)
    assert (function.environment, function.reserved_concurrency) == ({}, None)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ("Timeout: 0", "Process.Timeout: expected an integer from 1 to 900, got 0"),
        ("Timeout: 901", "Process.Timeout: expected an integer from 1 to 900, got 901"),
        ("MemorySize: 127", "Process.MemorySize: expected an integer from 128 to 10240, got 127"),
        (
            "ReservedConcurrentExecutions: -1",
            "Process.ReservedConcurrentExecutions: expected an integer of at least 0, got -1",
        ),
        (
            "FunctionName: a b",
            'Process.FunctionName: expected 1 to 64 letters, digits, hyphens and underscores, got "a b"',
        ),
        (
            "PackageType: Jar",
            'Process.PackageType: expected Zip: container images can\'t be run yet, got "Jar"',
        ),
        ("Timeot: 5", "Process.Timeot: unknown setting (did you mean Timeout?)"),
        ("Polices: []", "Process.Polices: unknown setting (did you mean Policies?)"),
        ("Code: src", "Process.Code: unknown setting (did you mean CodeUri?)"),
        (
            "Timeout: !Ref AWS::Regin",
            'Process.Timeout.Ref: there is no pseudo parameter "AWS::Regin" (did you mean AWS::Region?)',
        ),
    ],
)
def test_what_lambda_would_refuse_is_told(properties, expected):
    assert told(check_function(properties)) == [expected]


def test_what_a_function_needs_is_asked_for():
    application = check("""
        Transform: AWS::Serverless-2016-10-31
        Resources: {Process: {Type: AWS::Serverless::Function}}
    """)

    assert told(application) == [
        "Process.Handler: expected a handler as module.function, such as app.lambda_handler, got nothing",
        "Process.Runtime: expected a runtime such as python3.12, got nothing",
    ]


@pytest.mark.parametrize("name", sorted(FUNCTION_WITHOUT_MEANING))
def test_what_is_without_meaning_is_listed_and_never_worked_out(name):
    application = check_function(f"{name}: !Ref Nothing")

    assert application.problems == ()
    assert application.passed_over == (f"Process: without meaning here: {name}",)


@pytest.mark.parametrize("name", sorted(FUNCTION_LOST))
def test_what_changes_the_handlers_surroundings_is_a_warning_once_a_mapping_needs_it(name):
    events = "Events: {New: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn}}}"
    queue = "Orders: {Type: AWS::SQS::Queue}"

    alone = check_function(f"{name}: [!Ref Nothing]", resources=queue)
    mapped = check_function(f"{name}: [!Ref Nothing]\n{events}", resources=queue)
    empty = check_function(f"{name}: []\n{events}", resources=queue)

    assert alone.problems == empty.problems == ()
    assert list(alone.functions) == ["Process"]
    (problem,) = mapped.problems
    assert (problem.severity, problem.message) == ("warning", FUNCTION_LOST[name])
    assert len(mapped.mappings) == 1


@pytest.mark.parametrize(
    "properties",
    [
        "Runtime: nodejs22.x",
        "Runtime: provided.al2023",
        "Runtime: python2.7",
        "Runtime: java21",
        "PackageType: Image",
        "ImageUri: repository:latest",
    ],
)
def test_what_only_aws_can_run_is_passed_over_while_no_mapping_needs_it(properties):
    text = f"""
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Orders: {{Type: AWS::SQS::Queue}}
          Api:
            Type: AWS::Serverless::Function
            Properties:
              {properties}
              Handler: index.handler
              CodeUri: nowhere
    """
    events = "          Events: {New: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn}}}"

    alone = check(text)
    mapped = check(text.rstrip(" ") + f"    {events}")

    assert alone.problems == ()
    assert alone.functions == {}
    assert len(alone.passed_over) == 1
    (problem,) = mapped.problems
    assert problem.severity == "error"
    assert "can't be run yet by Headrace" in problem.message


@pytest.mark.parametrize(
    ("runtime", "suggestion"),
    [("pyton3.12", "did you mean python3.12?"), ("cobol", ""), ("python3", "")],
)
def test_an_unknown_runtime_is_a_mistake(runtime, suggestion):
    application = check(f"""
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Process:
            Type: AWS::Serverless::Function
            Properties: {{Runtime: {runtime}, Handler: index.handler, InlineCode: 'def handler(e, c): pass'}}
    """)

    (problem,) = application.problems
    assert problem.message == f'expected a runtime such as python3.12, got "{runtime}"'
    assert suggestion in problem.suggestion


@pytest.mark.parametrize(
    ("handler", "code", "found"),
    [
        ("app.handler", "../src", "src"),
        ("app.handler", "../src/", "src"),
        ("deep.app.handler", "../src", "src"),
        ("deep/app.handler", "../src", "src"),
        ("app.handler", "../src/deep/..", "src"),
        ("app.handler", ".", "infra"),
        ("app.handler", "!Sub '../${AWS::NoSuch}'", None),
    ],
)
def test_a_path_is_relative_to_the_template(project, tmp_path, handler, code, found):
    application = project(SAM % (handler, code, "", "{}"))

    if found is None:
        assert len(application.problems) == 1
        return
    assert application.problems == ()
    assert application.functions["Process"].code == tmp_path / found


def test_an_absolute_path_and_a_link_are_followed(project, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "src")

    absolute = project(SAM % ("app.handler", tmp_path / "src", "", "{}"))
    link = project(SAM % ("app.handler", "../link", "", "{}"))

    assert absolute.problems == link.problems == ()
    assert absolute.functions["Process"].code == link.functions["Process"].code == tmp_path / "src"


@pytest.mark.parametrize(
    ("code", "message", "suggestion"),
    [
        ("../scr", 'expected a directory, "../scr" does not exist', "did you mean src?"),
        (
            "app.py",
            'expected a directory, "app.py" is a file',
            "name the directory that it lies in",
        ),
        ("[a]", "expected a path, got a list", ""),
        ("5", "expected a path, got a number", ""),
    ],
)
def test_a_path_that_leads_nowhere_is_told(project, code, message, suggestion):
    (problem,) = project(SAM % ("app.handler", code, "", "{}")).problems

    assert (problem.path, problem.line) == ("$.Resources.Process.Properties.CodeUri", 6)
    assert (problem.message, problem.suggestion) == (message, suggestion)


def test_an_archive_is_passed_over_until_a_mapping_needs_it(project):
    events = ", Events: {New: {Type: SQS, Properties: {Queue: 'sqlite:///a?queue=b'}}}"
    message = 'archives such as "../app.zip" can\'t be run yet by Headrace'

    alone = project(SAM % ("app.handler", "../app.zip", "", "{}"))
    mapped = project(SAM % ("app.handler", "../app.zip", events, "{}"))

    assert alone.problems == ()
    assert alone.passed_over == (f"Process: {message}",)
    assert messages(mapped) == [message]


@pytest.mark.parametrize("code", ["{Bucket: b, Key: k}", "s3://bucket/key"])
def test_code_in_s3_is_passed_over_until_a_mapping_needs_it(project, code):
    events = ", Events: {New: {Type: SQS, Properties: {Queue: 'sqlite:///a?queue=b'}}}"

    alone = project(SAM % ("app.handler", code, "", "{}"))
    mapped = project(SAM % ("app.handler", code, events, "{}"))

    assert alone.problems == ()
    assert messages(mapped) == ["code in S3 or in a container can't be run here: expected a path"]


def test_without_code_it_is_asked_for():
    sam = check("""
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Process: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.12, Handler: app.handler}}
    """)
    plain = check("""
        Resources:
          Process: {Type: AWS::Lambda::Function, Properties: {Runtime: python3.12, Handler: app.handler}}
    """)

    assert told(sam) == [
        "Process: expected CodeUri or InlineCode, got nothing (such as CodeUri: src/)"
    ]
    assert told(plain) == ["Process: expected Code, got nothing (such as Code: src/)"]


@pytest.mark.parametrize(
    ("code", "metadata", "inline"),
    [
        ("../src", "{}", None),
        ("{S3Bucket: b, S3Key: k}", "{'aws:asset:path': ../src}", None),
        ("{S3Bucket: !Ref Nothing, S3Key: k}", "{'aws:asset:path': ../src}", None),
        ("{ZipFile: 'def handler(e, c): pass'}", "{}", "def handler(e, c): pass"),
        ("{ZipFile: !Sub 'handler = \"${AWS::Region}\"'}", "{}", 'handler = "us-east-1"'),
    ],
)
def test_the_code_of_a_plain_function(project, tmp_path, code, metadata, inline):
    text = LAMBDA % (code, metadata)

    application = project(text if inline is None else text.replace("app.handler", "index.handler"))

    assert application.problems == ()
    function = application.functions["Process"]
    assert function.inline_code == inline
    assert function.code == tmp_path / ("src" if inline is None else "infra")


def test_a_plain_functions_code_in_s3_says_what_to_name(project):
    text = LAMBDA % ("{S3Bucket: b, S3Key: k}", "{}")
    mapping = "  M: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: !Ref Process, EventSourceArn: 'sqlite:///a?queue=b'}}"

    (problem,) = project(f"{text}\n{mapping}").problems

    assert problem.message == "code in S3 or in a container can't be run here: expected a path"
    assert problem.suggestion == "name a path as Code, or under Metadata as aws:asset:path"


def test_inline_code_comes_before_a_path(project):
    text = SAM % ("index.handler", "nowhere", ", InlineCode: 'def handler(e, c): pass'", "{}")

    assert project(text).problems == ()


@pytest.mark.parametrize(
    ("handler", "code", "severity", "message", "suggestion"),
    [
        (
            "ap.handler",
            "../src",
            "error",
            'there is no module "ap" in "{src}"',
            "did you mean app?",
        ),
        (
            "app.handle",
            "../src",
            "warning",
            'the module "app" defines no "handle"',
            "did you mean handler?",
        ),
        (
            "handler",
            "../src",
            "error",
            'expected module.function, got "handler"',
            "such as app.lambda_handler",
        ),
    ],
)
def test_a_handler_is_looked_for(project, tmp_path, handler, code, severity, message, suggestion):
    (problem,) = project(SAM % (handler, code, "", "{}")).problems

    assert (problem.path, problem.line) == ("$.Resources.Process.Properties.Handler", 6)
    assert problem.severity == severity
    assert problem.message == message.format(src=tmp_path / "src")
    assert problem.suggestion == suggestion


def test_a_module_may_come_from_a_layer_or_from_an_interpreters_own_packages(project):
    layers = project(SAM % ("wrapper.handler", "../src", ", Layers: [x]", "{}"))
    python = project(SAM % ("wrapper.handler", "../src", "", "{Headrace: {Python: python3}}"))

    assert [problem.severity for problem in layers.problems] == ["warning"]
    assert [problem.severity for problem in python.problems] == ["warning"]


def test_an_interpreter_is_relative_to_the_template_and_stays_a_link(project, tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "python").symlink_to(sys.executable)

    application = project(
        SAM % ("app.handler", "../src", "", "{Headrace: {Python: ../venv/python}}")
    )

    assert application.problems == ()
    assert application.functions["Process"].python == str(
        tmp_path / "infra" / ".." / "venv" / "python"
    )


@pytest.mark.parametrize("python", ["python3.12", "/no/such/python"])
def test_without_a_directory_an_interpreter_is_not_looked_for(python):
    application = check(SAM % ("app.handler", "src", "", f"{{Headrace: {{Python: {python}}}}}"))

    assert application.problems == ()
    assert application.functions["Process"].python == python


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            "{Headrace: {Python: ../nowhere/python}}",
            "Process.Metadata.Headrace.Python: expected the path of a Python interpreter, "
            '"../nowhere/python" does not exist',
        ),
        (
            "{Headrace: {Pyhton: x}}",
            "Process.Metadata.Headrace.Pyhton: unknown setting (did you mean Python?)",
        ),
        (
            "{Headrace: {Python: [a]}}",
            "Process.Metadata.Headrace.Python: expected the path of a Python interpreter, got a list",
        ),
        ("{Headrace: text}", "Process.Metadata.Headrace: expected a map, got a string"),
    ],
)
def test_metadata_that_can_not_be_used_is_told(project, metadata, expected):
    assert told(project(SAM % ("app.handler", "../src", "", metadata))) == [expected]


def test_two_functions_can_not_have_one_name():
    application = check_function(
        "FunctionName: process",
        resources="""
            Other:
              Type: AWS::Lambda::Function
              Properties:
                FunctionName: process
                Runtime: python3.12
                Handler: index.handler
                Code: {ZipFile: 'def handler(e, c): pass'}
        """,
    )

    assert told(application) == [
        'Other: Process is a function of the same name, "process" (rename one)'
    ]


def test_code_that_can_not_be_told_is_told_once():
    application = check(SAM % ("app.handler", "!Ref Nothing", "", "{}"))

    assert messages(application) == ['there is no parameter or resource "Nothing"']
    assert application.functions == {}
