"""A SAM or CloudFormation template as the content of a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.config.application import DeclaredQueue
from headrace.config.template import load_template
from headrace.errors import ConfigurationError, Problem
from headrace.testing.simulation.functions import SimulatedFunction
from headrace.testing.simulation.mappings import SimulatedMapping, aws_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.config.application import Application
    from headrace.testing.simulation.queues import SimulatedQueue
    from headrace.testing.simulation.simulation import Simulation
    from headrace.testing.simulation.world import World


def declare(
    simulation: Simulation, world: World, path: Path, *, parameters: Mapping[str, object]
) -> None:
    """Make what the template at *path* declares, under its logical ids."""
    given = {name: _text(value) for name, value in parameters.items()}
    application = load_template(path, parameters=given).require_valid()
    _refuse_unbound(application)
    for logical_id in application.queues:
        _declare_queue(simulation, application, logical_id)
    for logical_id, settings in application.functions.items():
        world.functions[logical_id] = SimulatedFunction(world, settings)
    for mapping in application.mappings:
        source = application.sources[mapping.mapping_id]
        assert isinstance(source, DeclaredQueue)  # what else there is was refused
        function = world.functions[mapping.function]
        function.load()  # what is wrong with its code is found here
        world.mappings[mapping.mapping_id] = SimulatedMapping(
            world,
            mapping.mapping_id,
            queue=world.queues[source.logical_id],
            function=world.functions[mapping.function],
            given=aws_settings(mapping),
            beyond_aws=mapping.beyond_aws,
        )


def _refuse_unbound(application: Application) -> None:
    """Refuse mappings whose source the template doesn't declare."""
    problems = [
        Problem(
            f"$.Resources.{mapping.mapping_id}",
            "its source is no queue of the template, so a simulation has nothing to put in its place",
            "declare the queue in the template, or make queue and mapping with sim.queue and sim.map",
        )
        for mapping in application.mappings
        if not isinstance(application.sources[mapping.mapping_id], DeclaredQueue)
    ]
    if problems:
        raise ConfigurationError(problems)


def _declare_queue(
    simulation: Simulation,
    application: Application,
    logical_id: str,
    *,
    above: tuple[str, ...] = (),
) -> SimulatedQueue:
    """Make a queue after its dead-letter queue."""
    if logical_id in simulation.queues:
        return simulation.queues[logical_id]
    if logical_id in above:
        ring = " → ".join((*above, logical_id))
        raise ConfigurationError(
            [Problem(f"$.Resources.{logical_id}", f"dead-letter queues in a ring: {ring}")]
        )
    settings = application.queues[logical_id]
    if (policy := settings.redrive_policy) is not None:
        for other_id, other in application.queues.items():
            if other.name == policy.dead_letter_queue:
                _declare_queue(simulation, application, other_id, above=(*above, logical_id))
    return simulation.declare_queue(settings, key=logical_id)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value)
