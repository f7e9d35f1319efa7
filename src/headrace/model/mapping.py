"""An event source mapping's settings, in engine terms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

MappingId = NewType("MappingId", str)
"""A mapping's logical id in its template, or the name that it was given in Python."""

PAYLOAD_BYTES_MAX = 6_291_456
"""The synchronous invocation limit: 6 MB of 1,024 KB, counted on the encoded event (semantics B.1)."""


class MappingState(StrEnum):
    """The states of a mapping (semantics A.6)."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """A queue source, a function, and how the one is turned into invocations of the other.

    ``function`` and ``source`` are names that `headrace.assembly` resolves: a function's logical id and
    a queue's logical id, name or address. ``maximum_concurrency`` is
    ``ScalingConfig.MaximumConcurrency`` and None where it is not set.
    """

    mapping_id: MappingId
    function: str
    source: str
    batch_size: int = 10
    batch_window_seconds: float = 0
    maximum_concurrency: int | None = None
    report_batch_item_failures: bool = False
    enabled: bool = True
    beyond_aws: bool = False
