"""A resource's properties: resolved, checked against their declaration, and each problem put in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headrace.config.nodes import Marker, Node, Value, plain
from headrace.config.setting_types import Settings
from headrace.config.validation import Checked, Issue, check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.config.findings import Findings

S = TypeVar("S", bound=Settings)


def check_value(
    model: type[S], value: Value, findings: Findings, *, other_names: Iterable[str] = ()
) -> Checked[S]:
    """Check the resolved map *value* against *model* and note what is wrong; what is unknown counts as wrong."""
    values = plain(value.node)
    checked = check(model, values if isinstance(values, dict) else {}, other_names=other_names)
    note_issues(checked.issues, value, findings)
    unknown = {key for key, node in value.node.entries.items() if _has_unknown(node)}
    return Checked(checked.settings, checked.issues, checked.wrong | unknown)


def note_issues(issues: Iterable[Issue], value: Value, findings: Findings) -> None:
    """Note *issues* of the settings in *value*, save those whose cause has been noted."""
    for issue in issues:
        at = _locate(issue, value)
        if not at.is_unknown:
            findings.error(at, issue.message, issue.suggestion)


def _locate(issue: Issue, value: Value) -> Value:
    """The value that *issue* is about, or the place where it would stand."""
    for part in issue.location:
        if isinstance(part, str):
            value = value.at(part)
        else:
            # What is absent was left out of what was checked.
            value = [item for item in value.items if not item.is_absent][part]
    return value


def _has_unknown(node: Node) -> bool:
    if node.raw is Marker.UNKNOWN:
        return True
    return any(map(_has_unknown, [*node.items, *node.entries.values()]))
