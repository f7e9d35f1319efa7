"""The template of the kill tests, and the numbers in it."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from headrace.testing.checker import Rules

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: orders
      VisibilityTimeout: {visibility_seconds}
      MessageRetentionPeriod: {retention_seconds}
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt DeadLetters.Arn
        maxReceiveCount: {attempts_max}
  DeadLetters:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: orders-dlq
  Handle:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python{python}
      Handler: app.handler
      CodeUri: {code}
      Timeout: {timeout_seconds}
      Environment:
        Variables:
          HISTORY: {history}
          ENGINE: {engine}
          WORK_SECONDS_MAX: "{work_seconds_max}"
          SLOW_SECONDS: "{slow_seconds}"
      Events:
        Orders:
          Type: SQS
          Properties:
            Queue: !GetAtt Orders.Arn
            BatchSize: {batch_size}
            FunctionResponseTypes: [ReportBatchItemFailures]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The template's numbers, and how many workers there are."""

    visibility_seconds: int = 3
    timeout_seconds: int = 2
    attempts_max: int = 8
    batch_size: int = 10
    workers: int = 4
    retention_seconds: int = 345_600
    work_seconds_max: float = 0.25
    slow_seconds: float = 0.0
    drain_seconds: float = 8.0

    @property
    def rules(self) -> Rules:
        """The same for the checker."""
        return Rules(
            batch_size=self.batch_size,
            concurrency=self.workers,
            visibility_seconds=self.visibility_seconds,
            attempts_max=self.attempts_max,
            timeout_seconds=self.timeout_seconds,
            drain_seconds=self.drain_seconds,
        )

    def template(self, *, engine: str, history: Path, code: Path) -> str:
        """The template for the one engine of this name, whose workers write to *history*."""
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return TEMPLATE.format(
            **asdict(self), engine=engine, history=history, code=code, python=python
        )
