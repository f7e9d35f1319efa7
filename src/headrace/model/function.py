"""A function's settings: where its code is and what limits it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCOUNT_ID = "000000000000"
"""The account in every ARN of a thing that is not in AWS."""

REGION = "us-east-1"
"""The region in every ARN of a thing that is not in AWS, unless the environment names one."""


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """A function as its template declares it.

    ``code`` is the directory that is put on the import path and made the working directory
    (``LAMBDA_TASK_ROOT``); ``inline_code`` holds the source text of ``InlineCode``/``ZipFile`` instead, as
    the module ``index``. ``handler`` is ``module.function``. ``python`` is ``Metadata.Headrace.Python``.
    ``reserved_concurrency`` of 0 means that the function must not be invoked.
    """

    logical_id: str
    name: str
    handler: str
    runtime: str
    code: Path
    inline_code: str | None = None
    timeout_seconds: float = 3
    memory_mb: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    python: str | None = None
    region: str = REGION

    @property
    def arn(self) -> str:
        """The function's unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{self.name}"
