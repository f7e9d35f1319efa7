"""A queue mapping from its settings, wherever they were written: template, ``App.mapping``, ``Simulation.map``.

What AWS refuses is refused, in its words where AWS has any (semantics A.7), unless ``BeyondAws`` allows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.config.schema import QueueMappingSettings
from headrace.config.validation import Checked, Issue, check, path_of
from headrace.config.vocabulary import (
    MAPPING_LATER,
    MAPPING_NOT_FOR_QUEUES,
    MAPPING_WITHOUT_MEANING,
)
from headrace.errors import Problem
from headrace.model.mapping import MappingId, QueueMapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BATCH_WITHOUT_WINDOW_MAX = 10
_CONCURRENCY_MIN = 2
_TAGS_MAX = 50
_EMPTY: tuple[object, ...] = (None, "", {}, [], {"Filters": []}, {"Metrics": []})


class Ends(NamedTuple):
    """What a mapping connects, and what is known of both ends; None where it isn't known."""

    function: str
    source: str
    function_timeout: float | None = None
    queue_visibility: float | None = None
    beyond_aws: bool = False


def queue_mapping_from_settings(
    settings: Mapping[str, object],
    *,
    mapping_id: str,
    function: str,
    source: str,
    function_timeout: float | None = None,
    queue_visibility: float | None = None,
    beyond_aws: bool = False,
) -> tuple[QueueMapping | None, list[Problem]]:
    """Return the mapping that *settings* describe, and every problem with paths such as ``$.BatchSize``.

    The mapping is None if there is any problem. *function_timeout* and *queue_visibility*, in seconds, are
    compared where both are known.
    """
    ends = Ends(function, source, function_timeout, queue_visibility, beyond_aws)
    mapping, issues = check_mapping(settings, MappingId(mapping_id), ends)
    problems = [
        Problem(path_of(issue.location), issue.message, issue.suggestion) for issue in issues
    ]
    return (None if problems else mapping), problems


def check_mapping(
    settings: Mapping[str, object], mapping_id: MappingId, ends: Ends
) -> tuple[QueueMapping, list[Issue]]:
    """Return the mapping that *settings* describe, with defaults for what is wrong, and what is wrong."""
    refused = list(_refused(settings))
    by_name = MAPPING_LATER.keys() | MAPPING_NOT_FOR_QUEUES | MAPPING_WITHOUT_MEANING
    own = {key: value for key, value in settings.items() if key not in by_name}
    checked = check(QueueMappingSettings, own, other_names=sorted(by_name))
    found = checked.settings or QueueMappingSettings()
    mapping = QueueMapping(
        mapping_id=mapping_id,
        function=ends.function,
        source=ends.source,
        batch_size=found.batch_size,
        batch_window_seconds=found.batch_window_seconds,
        maximum_concurrency=found.scaling_config.maximum_concurrency,
        report_batch_item_failures=bool(found.function_response_types),
        enabled=found.enabled,
        beyond_aws=ends.beyond_aws,
    )
    against_aws = [] if ends.beyond_aws else list(_against_aws(mapping, checked, ends))
    return mapping, [*refused, *checked.issues, *against_aws]


def _refused(settings: Mapping[str, object]) -> Iterator[Issue]:
    """The settings that are refused by their name."""
    for name, value in settings.items():
        if name in MAPPING_LATER and value not in _EMPTY:
            what = MAPPING_LATER[name]
            yield Issue(
                (name,), f"{name} is not supported yet by Headrace: {what} come in a later version"
            )
        elif name in MAPPING_NOT_FOR_QUEUES:
            yield Issue((name,), _unsupported(name), "a queue source has no such setting")
    tags = settings.get("Tags")
    if isinstance(tags, (list, dict)) and len(tags) > _TAGS_MAX:
        yield Issue(("Tags",), "Number of tags exceeds resource tag limit.")


def _unsupported(name: str) -> str:
    # AWS: recorded for DestinationConfig and, in quotes, for queues. Assumed: the same form for the others.
    if name in {"Queues", "Topics"}:
        return f"Unsupported '{name.lower()}' parameter for given event source mapping type."
    return f"Unsupported {name} parameter for given event source mapping type."


def _against_aws(
    mapping: QueueMapping, checked: Checked[QueueMappingSettings], ends: Ends
) -> Iterator[Issue]:
    """What AWS refuses although each setting for itself is in its range."""
    window = "MaximumBatchingWindowInSeconds"
    too_large = mapping.batch_size > _BATCH_WITHOUT_WINDOW_MAX and mapping.batch_window_seconds == 0
    if too_large and not checked.wrong & {"BatchSize", window}:
        yield Issue(
            ("BatchSize",),
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            f"set {window} to 1 or more",
        )
    concurrency = mapping.maximum_concurrency
    if concurrency is not None and concurrency < _CONCURRENCY_MIN:
        yield Issue(
            ("ScalingConfig", "MaximumConcurrency"),
            f"expected an integer from {_CONCURRENCY_MIN} to 1000, got {concurrency}",
            "BeyondAws allows 1",
        )
    timeout, visibility = ends.function_timeout, ends.queue_visibility
    if timeout is not None and visibility is not None and visibility < timeout:
        yield Issue(
            (),
            f"Queue visibility timeout: {visibility:g} seconds is less than Function timeout: {timeout:g} seconds",
            "raise the queue's VisibilityTimeout to six times the function's Timeout",
        )
