"""Mappings: SAM ``Events`` of functions, and ``AWS::Lambda::EventSourceMapping``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from headrace.config.addresses import AddressError, parse_address
from headrace.config.application import Source
from headrace.config.mapping_settings import Ends, check_mapping
from headrace.config.metadata import read_metadata
from headrace.config.nodes import Marker, Value, kind, plain, shown
from headrace.config.properties import note_issues
from headrace.config.schema import MappingMetadata
from headrace.config.suggestions import did_you_mean
from headrace.config.vocabulary import EVENTS_LATER, EVENTS_PASSED_OVER, MAPPING_WITHOUT_MEANING
from headrace.model.mapping import MappingId, QueueMapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.config.functions import ReadFunction
    from headrace.config.intrinsics import Resolver
    from headrace.config.queues import ReadQueue
    from headrace.config.scope import Resource

_EVENT_KEYS = ("Type", "Properties")


class _Written(NamedTuple):
    """A mapping as it is written: its properties, resolved, and the one of them that names the source."""

    mapping_id: MappingId
    properties: Value
    source_key: str
    beyond_aws: bool


class _Source(NamedTuple):
    """A source: as a mapping names it, as AWS names it, and what it is."""

    name: str
    arn: str
    source: Source
    visibility_seconds: int | None = None


class _Target(NamedTuple):
    """A function, and how a mapping names it: with its version or alias."""

    function: ReadFunction
    reference: str


@dataclass(slots=True)
class MappingsReader:
    """Reads every mapping of a template."""

    resolver: Resolver
    functions: Mapping[str, ReadFunction]
    queues: Mapping[str, ReadQueue]
    mappings: list[QueueMapping] = field(default_factory=list)
    sources: dict[MappingId, Source] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    _first: dict[tuple[str, str], MappingId] = field(default_factory=dict)

    def read_events(self, resource: Resource) -> None:
        """Read the SAM events of the function *resource*."""
        function = self.functions.get(resource.logical_id)
        if function is None:
            return
        for name, value in self._map(resource.properties.at("Events"), "events").entries.items():
            event = self._map(value, "an event's Type and Properties")
            if event.is_map:
                self._read_event(function, name, event)

    def _read_event(self, function: ReadFunction, name: str, event: Value) -> None:
        for key, value in event.entries.items():
            if key not in _EVENT_KEYS:
                self._error(value, "unknown key of an event", did_you_mean(key, _EVENT_KEYS))
        event_type = event.at("Type")
        if event_type.raw == "SQS":
            self._read_queue_event(function, name, event)
        elif isinstance(event_type.raw, str) and event_type.raw in EVENTS_PASSED_OVER:
            line = f"events of type {event_type.raw} are not run here"
            self.passed_over.append(f"{function.logical_id}.{name}: {line}")
        else:
            self._refuse_event(event_type)

    def _refuse_event(self, event_type: Value) -> None:
        found = event_type.raw if isinstance(event_type.raw, str) else ""
        if found in EVENTS_LATER:
            self._error(event_type, f"events of type {found} are not supported yet by Headrace")
            return
        known = ["SQS", *EVENTS_LATER, *EVENTS_PASSED_OVER]
        message = f"expected a type of event such as SQS, got {shown(found)}"
        self._error(event_type, message, did_you_mean(found, known))

    def _read_queue_event(self, function: ReadFunction, name: str, event: Value) -> None:
        mapping_id = MappingId(function.logical_id + name)
        properties = self._resolved(event.at("Properties"))
        written = _Written(mapping_id, properties, "Queue", function.beyond_aws)
        queue = properties.get("Queue")
        if queue is None:
            message = "expected the Arn of a queue, got nothing"
            self._error(properties.at("Queue"), message, "such as Queue: !GetAtt OrdersQueue.Arn")
        self._connect(written, self._source(queue), _Target(function, function.name))

    def read_mapping(self, resource: Resource) -> None:
        """Read the resource *resource*, an ``AWS::Lambda::EventSourceMapping``."""
        metadata = read_metadata(self.resolver, resource, MappingMetadata)
        properties = self._resolved(resource.properties)
        mapping_id = MappingId(resource.logical_id)
        written = _Written(mapping_id, properties, "EventSourceArn", metadata.beyond_aws)
        source = properties.get("EventSourceArn")
        if source is None and (kafka := properties.get("SelfManagedEventSource")) is not None:
            self._error(kafka, "self-managed Kafka is not supported yet by Headrace")
            return
        if source is None:
            # AWS: what a mapping without a source is told.
            self._error(properties, "Unrecognized event source.", "name one as EventSourceArn")
        self._connect(written, self._source(source), self._target(properties))

    def _resolved(self, properties: Value) -> Value:
        """*properties* worked out, save what is without meaning."""
        written = self._map(properties, "properties").node.entries
        kept = {key: node for key, node in written.items() if key not in MAPPING_WITHOUT_MEANING}
        # What is without meaning is there to be counted, as it is written.
        others = {key: node for key, node in written.items() if key not in kept}
        resolved = self.resolver.resolve(properties.holding(kept)).node.entries
        return properties.holding({**resolved, **others})

    def _map(self, value: Value, what: str) -> Value:
        """*value* without a function around it; what is no map is noted and unknown."""
        found = self.resolver.structure(value)
        if found.is_map or found.is_absent:
            return found
        self._error(found, f"expected a map of {what}, got {kind(found.raw)}")
        return found.holding(Marker.UNKNOWN)

    def _source(self, value: Value | None) -> _Source | None:
        """The source that *value* names."""
        if value is None or value.is_unknown:
            return None
        if not isinstance(value.raw, str):
            self._error(value, f"expected the Arn of a queue, got {kind(value.raw)}")
            return None
        text = value.raw
        for logical_id, queue in self.queues.items():
            if text == queue.source.arn:
                return _Source(logical_id, text, queue.source, queue.visibility_seconds)
            if text in {queue.url, queue.source.name, logical_id}:
                message = f"expected the Arn of a queue, got {shown(text)}"
                self._error(value, message, f"write !GetAtt {logical_id}.Arn")
                return None
        try:
            return _Source(text, text, parse_address(text))
        except AddressError as error:
            self._error(value, f"{error}, got {shown(text)}", error.suggestion)
            return None

    def _target(self, properties: Value) -> _Target | None:
        """The function that ``FunctionName`` names."""
        value = properties.get("FunctionName")
        if value is None:
            message = "expected FunctionName, got nothing"
            self._error(
                properties.at("FunctionName"), message, "such as FunctionName: !Ref Process"
            )
            return None
        if value.is_unknown:
            return None
        name, qualifier = _name_and_qualifier(value.raw if isinstance(value.raw, str) else "")
        for function in self.functions.values():
            if function.name == name:
                return _Target(function, f"{name}:{qualifier}" if qualifier else name)
        names = [name for each in self.functions.values() for name in (each.name, each.logical_id)]
        # AWS: what a mapping is told whose function is missing.
        message = f"Function does not exist, got {shown(value.raw)}"
        self._error(value, message, did_you_mean(name, names))
        return None

    def _connect(self, written: _Written, source: _Source | None, target: _Target | None) -> None:
        ends = Ends(
            function=target.function.logical_id if target else "",
            source=source.name if source else "",
            function_timeout=target.function.timeout_seconds if target else None,
            queue_visibility=source.visibility_seconds if source else None,
            beyond_aws=written.beyond_aws,
        )
        mapping, issues = check_mapping(_settings(written), written.mapping_id, ends)
        note_issues(issues, written.properties, self.resolver.scope.findings)
        if target is None or source is None:
            return
        self.resolver.scope.findings.extend(target.function.obstacles)
        if not self._is_second(written, source, target) and not issues:
            self.mappings.append(mapping)
            self.sources[mapping.mapping_id] = source.source

    def _is_second(self, written: _Written, source: _Source, target: _Target) -> bool:
        """Whether there is a mapping of that name, or of that source and function, already."""
        if written.mapping_id in self._first.values():
            message = f"there is another mapping {written.mapping_id}"
            self._error(written.properties, message, "rename the event")
            return True
        first = self._first.setdefault((source.arn, target.reference), written.mapping_id)
        if first == written.mapping_id:
            return False
        # AWS: the odd spaces are its own. A mapping's UUID is its logical id here.
        message = (
            f'An event source mapping with SQS arn (" {source.arn} ") '
            f'and function (" {target.reference} ") already exists. '
            f"Please update or delete the existing mapping with UUID {first}"
        )
        self._error(written.properties, message)
        return True

    def _error(self, at: Value, message: str, suggestion: str = "") -> None:
        self.resolver.scope.findings.error(at, message, suggestion)


def _settings(written: _Written) -> dict[str, object]:
    """The properties that are settings, so not those that name source and function."""
    ends = {written.source_key}
    if written.source_key == "EventSourceArn":
        ends.add("FunctionName")
    entries = written.properties.node.entries.items()
    return {key: plain(node) for key, node in entries if key not in ends}


def _name_and_qualifier(text: str) -> tuple[str, str]:
    """Split a function's name, partial ARN or ARN into the name and the version or alias."""
    _, separator, rest = text.rpartition(":function:")
    name, _, qualifier = (rest if separator else text).partition(":")
    return name, qualifier
