"""Queues themselves: make, find, change, list and delete them."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.errors import ConfigurationError, Problem, QueueConflictError, QueueNotFoundError
from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.store.transaction import declare_step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from headrace.store.transaction import Transaction

CREATE = declare_step("create_queue", "a queue made or changed")
DELETE = declare_step("delete_queue", "a queue taken out of sight")

ATTRIBUTES: Mapping[str, str] = {
    "visibility_timeout_seconds": "VisibilityTimeout",
    "delay_seconds": "DelaySeconds",
    "retention_seconds": "MessageRetentionPeriod",
    "message_bytes_max": "MaximumMessageSize",
    "redrive_policy": "RedrivePolicy",
}
"""The fields of `QueueSettings` that can be changed, with SQS's names for them."""

_RANGES: Mapping[str, tuple[int, int]] = {
    "visibility_timeout_seconds": (0, 43_200),
    "delay_seconds": (0, 900),
    "retention_seconds": (60, 1_209_600),
    "message_bytes_max": (1_024, 1_048_576),
}
_MAX_RECEIVE_COUNT = (1, 1_000)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_COLUMNS = (
    "id, visibility_timeout_seconds, delay_seconds, retention_seconds, message_bytes_max, "
    "dead_letter_queue, max_receive_count, message_count, name"
)


class QueueRow(NamedTuple):
    """A queue as operations need it."""

    id: int
    visibility_timeout_seconds: int
    delay_seconds: int
    retention_seconds: int
    message_bytes_max: int
    dead_letter_queue: str | None
    max_receive_count: int | None
    message_count: int
    name: str


class Change(NamedTuple):
    """One attribute that was set: SQS's name for it, the value before and after. ``Queue`` from None: newly made."""

    queue: str
    attribute: str
    old: object
    new: object


def topic(name: str) -> str:
    """What is told when messages of the queue *name* become visible."""
    return f"queue/{name}"


def find(transaction: Transaction, name: str) -> QueueRow:
    """The queue of that name. Raises `QueueNotFoundError` with the nearest names."""
    for row in transaction.execute(f"SELECT {_COLUMNS} FROM queue WHERE name = ?", (name,)):  # noqa: S608
        return QueueRow._make(row)
    raise QueueNotFoundError(_not_found(transaction, name))


def find_or_none(transaction: Transaction, name: str) -> QueueRow | None:
    """The queue of that name, or None."""
    row = transaction.first(f"SELECT {_COLUMNS} FROM queue WHERE name = ?", (name,))  # noqa: S608
    return None if row is None else QueueRow._make(row)


def name_of(transaction: Transaction, queue_id: int) -> str | None:
    """The name of a queue that exists, or None."""
    name = transaction.value("SELECT name FROM queue WHERE id = ?", (queue_id,))
    return None if name is None or "#" in name else name


def get_queue(transaction: Transaction, name: str) -> QueueSettings:
    """The settings of a queue."""
    return _settings_of(find(transaction, name))


def list_queues(transaction: Transaction, prefix: str = "") -> list[QueueSettings]:
    """All queues whose names start with *prefix*, by name."""
    rows = transaction.execute(f"SELECT {_COLUMNS} FROM queue ORDER BY name")  # noqa: S608
    queues = [QueueRow._make(row) for row in rows]
    return [
        _settings_of(queue)
        for queue in queues
        if queue.name.startswith(prefix) and "#" not in queue.name
    ]


def create_queue(
    transaction: Transaction, settings: QueueSettings, given: Collection[str] | None = None
) -> bool:
    """Make a queue; returns False if it exists already with the same settings.

    *given* names the fields that a person gave (None: all): only they are compared with an existing queue.
    Raises `QueueConflictError` that names what differs, `ConfigurationError` for values out of range.
    """
    check_settings(settings)
    found = find_or_none(transaction, settings.name)
    if found is None:
        _insert(transaction, settings)
        return True
    differing = _differences(_settings_of(found), settings, ATTRIBUTES if given is None else given)
    if differing:
        what = ", ".join(
            f"{change.attribute} is {change.old}, not {change.new}" for change in differing
        )
        raise QueueConflictError(
            f"a queue named {settings.name} already exists with other settings: {what}"
        )
    return False


def update_queue(transaction: Transaction, name: str, values: Mapping[str, Any]) -> list[Change]:
    """Set fields of `QueueSettings` of an existing queue; returns what changed."""
    before = _settings_of(find(transaction, name))
    after = replace(before, **values)
    check_settings(after)
    changes = _differences(before, after, values)
    if changes:
        _refuse_missing_dead_letter_queue(transaction, after)
        transaction.steps.add(CREATE)
        transaction.execute(
            "UPDATE queue SET visibility_timeout_seconds = ?, delay_seconds = ?, retention_seconds = ?, "
            "message_bytes_max = ?, dead_letter_queue = ?, max_receive_count = ? WHERE name = ?",
            (*_values_of(after), name),
        )
        transaction.tell(topic(name))
    return changes


def apply_queues(
    transaction: Transaction,
    declared: Sequence[tuple[QueueSettings, Collection[str]]],
) -> list[Change]:
    """Make or change queues so that they are as *declared*; returns a line for each change.

    Each comes with the names of the fields that were given; others keep their value. A dead-letter queue may be
    declared in any order, or exist.
    """
    changes: list[Change] = []
    for settings, _ in declared:
        if find_or_none(transaction, settings.name) is None:
            check_settings(settings)
            _insert(transaction, replace(settings, redrive_policy=None))
            changes.append(Change(settings.name, "Queue", None, settings.name))
    for settings, given in declared:
        values = {field: getattr(settings, field) for field in given}
        changes += update_queue(transaction, settings.name, values)
    return changes


def delete_queue(transaction: Transaction, name: str) -> None:
    """Take a queue out of sight with everything in it; `removal.remove_deleted` frees the room bit by bit."""
    queue = find(transaction, name)
    transaction.steps.add(DELETE)
    # "#" can't stand in a name that a person gives.
    transaction.execute(
        "UPDATE queue SET name = ?, message_count = 0 WHERE id = ?",
        (f"{name}#{queue.id}", queue.id),
    )
    transaction.tell(topic(name))


def check_settings(settings: QueueSettings) -> None:
    """Raise `ConfigurationError` with everything in *settings* that SQS would not take."""
    problems = [*_name_problems(settings.name), *_range_problems(settings)]
    policy = settings.redrive_policy
    if policy is not None:
        low, high = _MAX_RECEIVE_COUNT
        if not low <= policy.max_receive_count <= high:
            found = policy.max_receive_count
            problems.append(
                Problem("RedrivePolicy.maxReceiveCount", f"expected {low} to {high}, found {found}")
            )
        if policy.dead_letter_queue == settings.name:
            problems.append(
                Problem(
                    "RedrivePolicy.deadLetterTargetArn",
                    "a queue can't be its own dead-letter queue",
                )
            )
    if problems:
        raise ConfigurationError(problems)


def _name_problems(name: str) -> Iterable[Problem]:
    if name.endswith(".fifo"):
        yield Problem("QueueName", f"{name}: FIFO queues are not supported by the store yet")
    elif not _NAME.fullmatch(name):
        yield Problem(
            "QueueName",
            f"expected 1 to 80 letters, digits, hyphens and underscores, found {name!r}",
        )


def _range_problems(settings: QueueSettings) -> Iterable[Problem]:
    for field, (low, high) in _RANGES.items():
        value = getattr(settings, field)
        if type(value) is not int or not low <= value <= high:
            yield Problem(
                ATTRIBUTES[field], f"expected an integer from {low} to {high}, found {value!r}"
            )


def _insert(transaction: Transaction, settings: QueueSettings) -> None:
    _refuse_missing_dead_letter_queue(transaction, settings)
    transaction.steps.add(CREATE)
    transaction.execute(
        "INSERT INTO queue (visibility_timeout_seconds, delay_seconds, retention_seconds, message_bytes_max, "
        "dead_letter_queue, max_receive_count, name, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*_values_of(settings), settings.name, transaction.now_ms),
    )
    transaction.tell(topic(settings.name))


def _refuse_missing_dead_letter_queue(transaction: Transaction, settings: QueueSettings) -> None:
    policy = settings.redrive_policy
    if policy is not None and find_or_none(transaction, policy.dead_letter_queue) is None:
        raise QueueNotFoundError(
            f"the dead-letter queue of {settings.name} does not exist: {_not_found(transaction, policy.dead_letter_queue)}"
        )


def _settings_of(row: QueueRow) -> QueueSettings:
    policy = None
    if row.dead_letter_queue is not None and row.max_receive_count is not None:
        policy = RedrivePolicy(row.dead_letter_queue, row.max_receive_count)
    return QueueSettings(
        name=row.name,
        visibility_timeout_seconds=row.visibility_timeout_seconds,
        delay_seconds=row.delay_seconds,
        retention_seconds=row.retention_seconds,
        message_bytes_max=row.message_bytes_max,
        redrive_policy=policy,
    )


def _values_of(settings: QueueSettings) -> tuple[int | str | None, ...]:
    policy = settings.redrive_policy
    return (
        settings.visibility_timeout_seconds,
        settings.delay_seconds,
        settings.retention_seconds,
        settings.message_bytes_max,
        None if policy is None else policy.dead_letter_queue,
        None if policy is None else policy.max_receive_count,
    )


def _differences(
    before: QueueSettings, after: QueueSettings, fields: Iterable[str]
) -> list[Change]:
    return [
        Change(before.name, ATTRIBUTES[field], getattr(before, field), getattr(after, field))
        for field in fields
        if getattr(before, field) != getattr(after, field)
    ]


def _not_found(transaction: Transaction, name: str) -> str:
    names = [
        found for (found,) in transaction.execute("SELECT name FROM queue") if "#" not in found
    ]
    near = difflib.get_close_matches(name, names, n=3)
    where = transaction.connection.filename or "memory"
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"`headrace queue create {name}` makes it"
    )
    return f"there is no queue {name} in {where}; {hint}"
