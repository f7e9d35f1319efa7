"""``headrace check``: everything that a template says, and everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.command import WRONG_INPUT, Command, json_option, template_argument
from headrace.cli.output import amount, print_json, print_line, print_table, safe
from headrace.cli.template import parameter_option, read_template, region_option

if TYPE_CHECKING:
    from headrace.config.application import Application
    from headrace.config.report import CheckReport


@click.command(cls=Command)
@template_argument
@parameter_option
@region_option
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    *,
    template: str,
    parameter: tuple[tuple[str, str], ...],
    region: str | None,
    json: bool,
) -> int:
    """Find every mistake in TEMPLATE at once; nothing is started.

    TEMPLATE is a SAM or CloudFormation template, YAML or JSON. Each problem is told with line, path, what was expected and what
    to do. The exit code is 2 if there is an error; warnings change nothing.
    """
    from headrace.config.report import CheckReport

    application = read_template(ctx, template, parameters=parameter, region=region)
    report = CheckReport(application)
    if json:
        print_json(report.as_json())
    else:
        _print(report, template)
    return WRONG_INPUT if report.has_errors else 0


def _print(report: CheckReport, template: str) -> None:
    from headrace.cli.failures import problem_lines

    _print_functions(report.application)
    _print_mappings(report.application)
    for line in report.application.passed_over:
        print_line(f"passed over: {safe(line)}")
    for line in problem_lines(report.problems, template):
        print_line(line)
    errors = sum(problem.severity == "error" for problem in report.problems)
    warnings = len(report.problems) - errors
    print_line(
        f"{template}: {amount(errors, 'error')}, {amount(warnings, 'warning')}; "
        f"{amount(len(report.application.functions), 'function')}, "
        f"{amount(len(report.application.mappings), 'mapping')}"
    )


def _print_functions(application: Application) -> None:
    if not application.functions:
        return
    print_table(
        ("FUNCTION", "RUNTIME", "HANDLER", "TIMEOUT", "MEMORY"),
        [
            (
                each.logical_id,
                each.runtime,
                each.handler,
                f"{each.timeout_seconds:g} s",
                f"{each.memory_mb} MB",
            )
            for each in application.functions.values()
        ],
    )
    print_line()


def _print_mappings(application: Application) -> None:
    from headrace.config.application import DeclaredQueue

    if not application.mappings:
        return
    rows = []
    for each in application.mappings:
        source = application.sources[each.mapping_id]
        rows.append(
            (
                each.mapping_id,
                source.logical_id if isinstance(source, DeclaredQueue) else source.text,
                each.function,
                each.batch_size,
                f"{each.batch_window_seconds:g} s",
                each.maximum_concurrency or "-",
                "partial" if each.report_batch_item_failures else "whole batch",
                "enabled" if each.enabled else "disabled",
            )
        )
    columns = "MAPPING", "SOURCE", "FUNCTION", "BATCH", "WINDOW", "CONCURRENCY", "FAILURES", "STATE"
    print_table(columns, rows)
    print_line()
