"""Commands run in this process, in a directory of their own."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from headrace.cli.main import execute


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def object(self) -> dict[str, Any]:
        """Standard output as one line of JSON."""
        (found,) = self.objects
        return found


@pytest.fixture
def headrace(tmp_path, monkeypatch, capsys):
    """Run one command; *stdin* is bytes."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = execute(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def orders(headrace):
    """A store with the queue ``orders`` and its dead-letter queue; returns how to run commands."""
    assert headrace("queue", "create", "orders", "--dead-letter", "orders-dlq:1").code == 0
    return headrace


RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {Type: Number, Default: 10}
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 3
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}
  Dead: {Type: AWS::SQS::Queue}
  Api: {Type: AWS::ApiGateway::RestApi}
  Process:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: RUNTIME
      Handler: shop.handler
      CodeUri: .
      Environment: {Variables: {SECRET: canary-4711}}
      Events:
        New:
          Type: SQS
          Properties:
            Queue: !GetAtt Orders.Arn
            BatchSize: !Ref Size
            FunctionResponseTypes: [ReportBatchItemFailures]
"""

HANDLER = """
import os


def handler(event, context):
    print("saw", len(event.get("Records", [])), "\\x1b[31mred")
    if event.get("fail"):
        raise ValueError("as asked")
    if "Records" not in event:
        return {"got": event, "colour": os.environ.get("COLOUR")}
    failed = [r["messageId"] for r in event["Records"] if "bad" in r["body"]]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""


@pytest.fixture
def project(tmp_path, headrace, monkeypatch):
    """A template with one function and one mapping; returns how to run commands beside it."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)  # functions run with the Python of the tests
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("RUNTIME", RUNTIME))
    (tmp_path / "shop.py").write_text(HANDLER)
    return headrace
