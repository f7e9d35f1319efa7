"""Short ways to check a template's text and to read what is told of it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from headrace.config.application import Application
from headrace.config.template import check_text
from headrace.errors import Problem

TEMPLATES = Path(__file__).parent / "templates"

_ONE_FUNCTION = """\
Transform: AWS::Serverless-2016-10-31
{sections}
Resources:
  Process:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: 'def handler(event, context): pass'
{properties}
{resources}
"""

_ONE_QUEUE = """\
{sections}
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
{properties}
{resources}
"""

_ONE_EVENT = """\
Transform: AWS::Serverless-2016-10-31
{sections}
Resources:
  Orders:
    Type: AWS::SQS::Queue
  Process:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: 'def handler(event, context): pass'
      Events:
        New:
          Type: SQS
          Properties:
            Queue: !GetAtt Orders.Arn
{properties}
{resources}
"""


def check(text: str, **options) -> Application:
    return check_text(dedent(text), **options)


def check_function(
    properties: str = "", *, sections: str = "", resources: str = "", **options
) -> Application:
    """Check a template with one inline function ``Process`` that has *properties* besides."""
    return _filled(_ONE_FUNCTION, 6, properties, sections=sections, resources=resources, **options)


def check_queue(
    properties: str = "", *, sections: str = "", resources: str = "", **options
) -> Application:
    """Check a template with one queue ``Orders`` that has *properties*."""
    filled = properties or "{}"
    return _filled(_ONE_QUEUE, 6, filled, sections=sections, resources=resources, **options)


def check_event(
    properties: str = "", *, sections: str = "", resources: str = "", **options
) -> Application:
    """Check a template whose ``Process`` reads ``Orders`` by a SAM event ``New`` that has *properties* besides."""
    return _filled(_ONE_EVENT, 12, properties, sections=sections, resources=resources, **options)


def _filled(
    template: str, columns: int, properties: str, *, sections: str, resources: str, **options
) -> Application:
    text = template.format(
        sections=dedent(sections),
        properties=indent(dedent(properties), " " * columns),
        resources=indent(dedent(resources), "  "),
    )
    return check_text(text, **options)


def value_of(expression: str, *, sections: str = "", resources: str = "", **options) -> str | None:
    """Return what *expression* gives where a string is wanted; None where a problem is told."""
    application = check_function(
        f"Environment: {{Variables: {{VALUE: {expression}}}}}",
        sections=sections,
        resources=resources,
        **options,
    )
    if application.problems:
        return None
    return application.functions["Process"].environment.get("VALUE")


def problem_of(expression: str, *, sections: str = "", resources: str = "", **options) -> Problem:
    """Return the one problem that *expression* has where a string is wanted."""
    (problem,) = check_function(
        f"Environment: {{Variables: {{VALUE: {expression}}}}}",
        sections=sections,
        resources=resources,
        **options,
    ).problems
    return problem


def messages(application: Application) -> list[str]:
    return [problem.message for problem in application.problems]


def told(application: Application) -> list[str]:
    """Each problem as a person reads it, less the path up to the properties."""
    return [
        str(p).replace("$.Resources.", "").replace(".Properties", "") for p in application.problems
    ]
