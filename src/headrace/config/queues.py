"""``AWS::SQS::Queue``: a queue's settings, and which queue sets aside for which."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.config.addresses import AddressError, QueueArn, parse_address
from headrace.config.application import DeclaredQueue
from headrace.config.json_reader import read_embedded_json
from headrace.config.metadata import read_metadata
from headrace.config.nodes import Node, Value, shown
from headrace.config.properties import check_value
from headrace.config.references import arn, physical_name, queue_url
from headrace.config.schema import QueueMetadata, QueueProperties, RedriveAllowPolicySettings
from headrace.config.scope import Resource, UnresolvedError
from headrace.config.vocabulary import QUEUE_LATER, QUEUE_WITHOUT_MEANING
from headrace.model.queue import QueueSettings, RedrivePolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.config.findings import Findings
    from headrace.config.intrinsics import Resolver

_POLICIES = ("RedrivePolicy", "RedriveAllowPolicy")


@dataclass(frozen=True, slots=True)
class _DeadLetters:
    """A redrive policy as it is written."""

    target: str
    max_receive_count: int
    at: Value


@dataclass(slots=True)
class ReadQueue:
    """A declared queue: ``settings`` are None where they can't be used."""

    source: DeclaredQueue
    url: str
    value: Value
    settings: QueueSettings | None = None
    fields: frozenset[str] = frozenset()
    visibility_seconds: int | None = None
    dead_letters: _DeadLetters | None = None
    allows: RedriveAllowPolicySettings = field(default_factory=RedriveAllowPolicySettings)


def read_queues(resolver: Resolver, resources: Iterable[Resource]) -> dict[str, ReadQueue]:
    """Return every queue of *resources* that has a name, by its logical id."""
    queues: dict[str, ReadQueue] = {}
    for resource in resources:
        try:
            queues[resource.logical_id] = _read(resolver, resource)
        except UnresolvedError as error:
            resolver.note(error)
    findings = resolver.scope.findings
    _check_names(queues, findings)
    by_arn = {queue.source.arn: queue for queue in queues.values()}
    for queue in queues.values():
        if queue.settings is not None and queue.dead_letters is not None:
            policy = _connected(queue, queue.dead_letters, by_arn, findings=findings)
            queue.settings = replace(queue.settings, redrive_policy=policy)
    return queues


def _read(resolver: Resolver, resource: Resource) -> ReadQueue:
    name = physical_name(resolver, resource)
    source = DeclaredQueue(resource.logical_id, name, arn(resolver, resource))
    queue = ReadQueue(source, queue_url(resolver, resource), resource.properties)
    read_metadata(resolver, resource, QueueMetadata)
    kept, is_fifo = _kept(resolver, resource)
    if not is_fifo:
        _check(queue, kept, resolver.scope.findings)
    return queue


def _kept(resolver: Resolver, resource: Resource) -> tuple[Value, bool]:
    """The properties that are honoured, resolved, and whether the queue is a FIFO queue."""
    kept: dict[str, Node] = {}
    later: dict[str, Value] = {}
    for key, value in resource.properties.entries.items():
        if key in QUEUE_LATER:
            if resolver.resolve(value).raw not in {False, "false"}:
                later[key] = value
        elif key not in QUEUE_WITHOUT_MEANING:
            kept[key] = _resolved(resolver, key, value).node
    is_fifo = "FifoQueue" in later
    for value in [later["FifoQueue"]] if is_fifo else later.values():
        resolver.scope.findings.error(value, "FIFO queues come in a later version of Headrace")
    return resource.properties.holding(kept), is_fifo


def _resolved(resolver: Resolver, key: str, value: Value) -> Value:
    resolved = resolver.resolve(value)
    if key in _POLICIES and isinstance(resolved.raw, str):
        return read_embedded_json(resolved.raw, resolved, resolver.scope.findings)
    return resolved


def _check(queue: ReadQueue, kept: Value, findings: Findings) -> None:
    other_names = [*QUEUE_WITHOUT_MEANING, *QUEUE_LATER]
    checked = check_value(QueueProperties, kept, findings, other_names=other_names)
    found = checked.settings or QueueProperties()
    if "VisibilityTimeout" not in checked.wrong:
        queue.visibility_seconds = found.visibility_timeout_seconds
    queue.fields = frozenset(found.model_fields_set - {"name", "redrive_allow_policy"})
    queue.allows = found.redrive_allow_policy or queue.allows
    queue.settings = QueueSettings(
        name=queue.source.name,
        visibility_timeout_seconds=found.visibility_timeout_seconds,
        delay_seconds=found.delay_seconds,
        retention_seconds=found.retention_seconds,
        message_bytes_max=found.message_bytes_max,
    )
    if found.redrive_policy is not None:
        at = kept.at("RedrivePolicy").at("deadLetterTargetArn")
        policy = found.redrive_policy
        queue.dead_letters = _DeadLetters(policy.target_arn, policy.max_receive_count, at)


def _check_names(queues: Mapping[str, ReadQueue], findings: Findings) -> None:
    first: dict[str, str] = {}
    for logical_id, queue in queues.items():
        name = queue.source.name
        if name in first:
            message = f"{first[name]} is a queue of the same name, {shown(name)}"
            findings.error(queue.value, message, "rename one")
        first.setdefault(name, logical_id)


def _connected(
    queue: ReadQueue, policy: _DeadLetters, by_arn: Mapping[str, ReadQueue], *, findings: Findings
) -> RedrivePolicy | None:
    """The redrive policy of *queue* with its dead-letter queue's name."""
    declared = by_arn.get(policy.target)
    if declared is None:
        name = _undeclared(policy, by_arn.values(), findings)
        return None if name is None else RedrivePolicy(name, policy.max_receive_count)
    allows, arn_of_queue = declared.allows, queue.source.arn
    by_queue = allows.permission == "byQueue" and arn_of_queue not in allows.source_queue_arns
    if allows.permission == "denyAll" or by_queue:
        ids = declared.source.logical_id, queue.source.logical_id
        message = "the RedriveAllowPolicy of {} does not allow {}".format(*ids)
        findings.error(policy.at, message, f"add {arn_of_queue} to its sourceQueueArns")
    return RedrivePolicy(declared.source.name, policy.max_receive_count)


def _undeclared(
    policy: _DeadLetters, queues: Iterable[ReadQueue], findings: Findings
) -> str | None:
    """The name of a dead-letter queue that the template does not declare."""
    message = f"expected the ARN of a queue, got {shown(policy.target)}"
    for queue in queues:
        if policy.target in {queue.url, queue.source.name, queue.source.logical_id}:
            findings.error(policy.at, message, f"write !GetAtt {queue.source.logical_id}.Arn")
            return None
    try:
        address = parse_address(policy.target)
    except AddressError as error:
        findings.error(policy.at, f"{error}, got {shown(policy.target)}", error.suggestion)
        return None
    if not isinstance(address, QueueArn):
        findings.error(policy.at, message)
        return None
    message = f"the dead-letter queue {address.name} is not declared in this template"
    findings.warning(policy.at, message, "make sure that it exists")
    return address.name
