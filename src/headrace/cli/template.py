"""A command's template, read with what its options say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.command import by_name, named_option, session_of
from headrace.model.function import REGION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.config.application import Application

parameter_option = named_option(
    "parameter",
    metavar="NAME=VALUE",
    help="The value of a parameter of the template; may be repeated.",
)
region_option = click.option(
    "--region",
    metavar="NAME",
    help=f"The region in ARNs and AWS::Region (default: AWS_REGION, AWS_DEFAULT_REGION, else {REGION}).",
)
env_vars_option = click.option(
    "--env-vars",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with environment variables for functions, as `sam local` reads it.",
)
aws_option = click.option(
    "--aws", is_flag=True, help="Hand AWS credentials on to functions, and let them reach AWS."
)
log_format_option = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How log lines are written to standard error (default: text).",
)
log_level_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    help="What is logged; what functions print is info (default: info).",
)


def read_template(
    ctx: click.Context, template: str, *, parameters: Sequence[tuple[str, str]], region: str | None
) -> Application:
    """The application that *template* describes, with everything that is wrong with it."""
    from headrace.assembly.interpreters import with_interpreters
    from headrace.config.template import load_template

    session_of(ctx).template = template
    return with_interpreters(
        load_template(
            Path(template),
            parameters=by_name(ctx, "parameter", parameters),
            region=region or _region_around(),
        )
    )


def _region_around() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
