"""An event source mapping of a simulation, with Lambda's own control calls: update, disable, enable, delete.

Their answers are those of the Lambda API for a queue (semantics A.5, A.6). An update takes effect for the next batch: what
runs ends with the old settings first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from headrace.config.mapping_settings import queue_mapping_from_settings
from headrace.engine.statistics import NO_RECORDS
from headrace.errors import ConfigurationError
from headrace.model.mapping import MappingState
from headrace.testing.simulation import later
from headrace.testing.simulation.names import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.engine.statistics import MappingStatistics
    from headrace.model.mapping import QueueMapping
    from headrace.testing.simulation.engine_life import Supervisor
    from headrace.testing.simulation.functions import SimulatedFunction
    from headrace.testing.simulation.queues import SimulatedQueue
    from headrace.testing.simulation.world import World

_METRICS = {
    "PolledEventCount": "polled",
    "InvokedEventCount": "invoked",
    "FailedInvokeEventCount": "failed",
    "DeletedEventCount": "deleted",
}
_GONE = "The resource you requested does not exist."


class SimulatedMapping:
    """A mapping: ``sim.map(queue, function, BatchSize=10)``."""

    def __init__(
        self,
        world: World,
        name: str,
        *,
        queue: SimulatedQueue,
        function: SimulatedFunction,
        given: Mapping[str, object],
        beyond_aws: bool,
    ) -> None:
        self._world = world
        self.name = name
        self.queue = queue
        self.function = function
        self.beyond_aws = beyond_aws
        self._given = dict(given)
        function.load()
        self.settings = self._checked(self._given, function)
        self.transition = MappingState.CREATING
        """The state that was last asked for and is not reached yet."""
        self.is_deleted = False
        self._is_gone = False
        self.uuid = _uuid(world.chance_of("mapping", name).getrandbits(128))
        self._modified_at = world.clock.now()
        self._supervisor: Supervisor | None = None
        self.start()
        self.create_response = self._answer()
        """What CreateEventSourceMapping answered."""

    @property
    def arn(self) -> str:
        """The mapping's ARN."""
        settings = self.function.settings
        account = settings.arn.split(":")[4]
        return f"arn:aws:lambda:{settings.region}:{account}:event-source-mapping:{self.uuid}"

    @property
    def state(self) -> MappingState:
        """``Creating``, ``Enabled``, ``Disabling`` … as Lambda names it."""
        if self.is_deleted or self._supervisor is None:
            return self.transition
        return self._supervisor.state

    @property
    def last_processing_result(self) -> str:
        """``No records processed``, ``OK`` or ``PROBLEM: Function call failed``."""
        results = [each.last_processing_result for each in self.statistics]
        return next((each for each in reversed(results) if each != NO_RECORDS), NO_RECORDS)

    @property
    def metrics(self) -> dict[str, int]:
        """Counts under CloudWatch's names, since the mapping was made."""
        return {
            name: sum(getattr(each, field) for each in self.statistics)
            for name, field in _METRICS.items()
        }

    @property
    def statistics(self) -> list[MappingStatistics]:
        """The engine's own counters, one set for each life of the engine."""
        return self._world.statistics_of(self.name)

    @property
    def configuration(self) -> dict[str, Any]:
        """What GetEventSourceMapping answers. Raises `ConfigurationError` when the mapping is gone."""
        if self._is_gone:
            raise ConfigurationError(_GONE)
        answer = self._answer()
        if (result := self.last_processing_result) != NO_RECORDS:
            answer["LastProcessingResult"] = result
        return answer

    @property
    def is_settled(self) -> bool:
        """Whether the mapping is what it was last asked to be."""
        return self._is_gone or (self._supervisor is not None and self._supervisor.is_settled)

    def update(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - settings under AWS's names
        """Change settings, and answer as UpdateEventSourceMapping does. What is left out stays as it is.

        Batches that run end with the old settings. ``FunctionName`` may be a name or an ARN.
        """
        self._refuse_if_gone()
        changes = dict(changes)
        function = self.function
        if (reference := changes.pop("FunctionName", None)) is not None:
            function = self._find_function(str(reference))
        given = {**self._given, **changes}
        settings = self._checked(given, function)
        function.load()
        self._given, self.settings, self.function = given, settings, function
        match changes.get("Enabled"):
            case None:
                self._change(MappingState.UPDATING)
            case _:
                self._change(MappingState.ENABLING if settings.enabled else MappingState.DISABLING)
        return self._answer()

    def disable(self) -> dict[str, Any]:
        """Stop receiving; what runs is finished. The same as ``update(Enabled=False)``."""
        return self.update(Enabled=False)

    def enable(self) -> dict[str, Any]:
        """Go on. The same as ``update(Enabled=True)``."""
        return self.update(Enabled=True)

    def delete(self) -> dict[str, Any]:
        """Delete the mapping, and answer as DeleteEventSourceMapping does; what runs is finished."""
        self._refuse_if_gone()
        self.is_deleted = True
        self._change(MappingState.DELETING)
        return self._answer()

    def checkpoint(self, shard: object) -> NoReturn:
        """Where a shard of a stream stands."""
        del shard
        raise later.not_yet("checkpoints", "streams")

    def start(self) -> None:
        """Run in the engine's present life (for the world)."""
        if self.is_deleted:
            self.forget()
        elif not self._world.is_down:
            state = self.state
            if state is MappingState.CREATING and not self.settings.enabled:
                state = MappingState.DISABLED  # semantics A.6: for a queue, at once
            self._supervisor = self._world.life.start(self, state)

    def forget(self) -> None:
        """Note that nothing of the mapping is left (for its supervisor)."""
        self._is_gone = True
        self._world.mappings.pop(self.name, None)

    def _change(self, transition: MappingState) -> None:
        self.transition = transition
        self._modified_at = self._world.clock.now()
        if self._supervisor is not None:
            self._supervisor.restart()

    def _refuse_if_gone(self) -> None:
        self._world.refuse_if_ended(f"the mapping {self.name}")
        if self._is_gone or self.is_deleted:
            raise ConfigurationError(_GONE)

    def _find_function(self, reference: str) -> SimulatedFunction:
        functions = self._world.functions
        for function in functions.values():
            if reference in {function.name, function.arn, function.settings.logical_id}:
                return function
        raise ConfigurationError("Function does not exist") from unknown(
            "function", reference, functions
        )

    def _checked(self, given: Mapping[str, object], function: SimulatedFunction) -> QueueMapping:
        settings, problems = queue_mapping_from_settings(
            given,
            mapping_id=self.name,
            function=function.name,
            source=self.queue.name,
            function_timeout=function.timeout,
            queue_visibility=self.queue.settings.visibility_timeout_seconds,
            beyond_aws=self.beyond_aws,
        )
        if settings is None:
            raise ConfigurationError(problems)
        self._refuse_duplicate(function)
        return settings

    def _refuse_duplicate(self, function: SimulatedFunction) -> None:
        for other in self._world.mappings.values():
            if other is not self and (other.queue, other.function) == (self.queue, function):
                # AWS: recorded with these spaces inside the quotes (semantics A.7).
                raise ConfigurationError(
                    f'An event source mapping with SQS arn (" {self.queue.arn} ") and function (" {function.name} ") '
                    f"already exists. Please update or delete the existing mapping with UUID {other.uuid}"
                )

    def _answer(self) -> dict[str, Any]:
        """The configuration in Lambda's words (semantics A.5)."""
        settings = aws_settings(self.settings)
        del settings["Enabled"]
        return {
            "UUID": self.uuid,
            "EventSourceMappingArn": self.arn,
            "EventSourceArn": self.queue.arn,
            "FunctionArn": self.function.arn,
            **settings,
            "LastModified": self._modified_at,
            "State": self.state.value,
            "StateTransitionReason": "USER_INITIATED",
        }

    def __repr__(self) -> str:
        return f"<SimulatedMapping {self.name}: {self.state}>"


def aws_settings(mapping: QueueMapping) -> dict[str, Any]:
    """A mapping's settings under AWS's names."""
    scaling = mapping.maximum_concurrency
    return {
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": int(mapping.batch_window_seconds),
        "FunctionResponseTypes": ["ReportBatchItemFailures"] * mapping.report_batch_item_failures,
        **({} if scaling is None else {"ScalingConfig": {"MaximumConcurrency": scaling}}),
        "Enabled": mapping.enabled,
    }


def _uuid(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
