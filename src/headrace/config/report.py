"""An application as ``headrace check --json`` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.config.application import DeclaredQueue
from headrace.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.config.application import Application
    from headrace.model.function import FunctionSettings
    from headrace.model.mapping import QueueMapping
    from headrace.model.queue import QueueSettings


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check tells; *further* are problems found elsewhere, such as in the options."""

    application: Application
    further: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem: of the options first, then of the template by line."""
        return (*self.further, *self.application.problems)

    @property
    def has_errors(self) -> bool:
        """Whether the check failed."""
        return any(problem.severity == "error" for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values, under AWS's own names. No environment value is in it."""
        application = self.application
        return {
            "functions": [_function(each) for each in application.functions.values()],
            "queues": [_queue(key, each) for key, each in application.queues.items()],
            "mappings": [_mapping(application, each) for each in application.mappings],
            "push": list(application.push),
            "passed_over": list(application.passed_over),
            "problems": problems_as_json(self.problems),
        }


def problems_as_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return each problem as a plain map."""
    return [
        {
            "path": problem.path,
            "line": problem.line,
            "severity": problem.severity,
            "message": problem.message,
            "suggestion": problem.suggestion,
        }
        for problem in problems
    ]


def _function(function: FunctionSettings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "LogicalId": function.logical_id,
        "FunctionName": function.name,
        "Handler": function.handler,
        "Runtime": function.runtime,
        "CodeUri": None if function.inline_code is not None else str(function.code),
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mb,
        "Environment": sorted(function.environment),
    }
    if function.reserved_concurrency is not None:
        found["ReservedConcurrentExecutions"] = function.reserved_concurrency
    if function.python is not None:
        found["Python"] = function.python
    return found


def _queue(logical_id: str, queue: QueueSettings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "LogicalId": logical_id,
        "QueueName": queue.name,
        "VisibilityTimeout": queue.visibility_timeout_seconds,
        "DelaySeconds": queue.delay_seconds,
        "MessageRetentionPeriod": queue.retention_seconds,
        "MaximumMessageSize": queue.message_bytes_max,
    }
    if queue.redrive_policy is not None:
        found["RedrivePolicy"] = {
            "deadLetterQueue": queue.redrive_policy.dead_letter_queue,
            "maxReceiveCount": queue.redrive_policy.max_receive_count,
        }
    return found


def _mapping(application: Application, mapping: QueueMapping) -> dict[str, Any]:
    source = application.sources[mapping.mapping_id]
    function = application.functions.get(mapping.function)
    concurrency = mapping.maximum_concurrency
    return {
        "LogicalId": mapping.mapping_id,
        "FunctionName": function.name if function else mapping.function,
        "EventSource": source.logical_id if isinstance(source, DeclaredQueue) else source.text,
        "EventSourceArn": source.arn if isinstance(source, DeclaredQueue) else source.text,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.batch_window_seconds,
        "FunctionResponseTypes": ["ReportBatchItemFailures"]
        if mapping.report_batch_item_failures
        else [],
        "ScalingConfig": {} if concurrency is None else {"MaximumConcurrency": concurrency},
        "Enabled": mapping.enabled,
        "BeyondAws": mapping.beyond_aws,
    }
