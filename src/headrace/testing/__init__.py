"""What users test with: the `Simulation`, faults, conformance suites for sources and invokers, history and checker.

Nothing here is imported by the engine, and importing it loads none of its parts before they are used. Start with
`simulation`. PYTEST_DONT_REWRITE: pytest's plug-in comes in through this file before anybody can ask for a rewrite.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.testing.checker import Rules, check
    from headrace.testing.distributions import Choice, Exponential, LogNormal, Uniform
    from headrace.testing.history import Event, History, Recorder
    from headrace.testing.queue_source_suite import Capabilities, QueueSourceSuite
    from headrace.testing.raw_response import RawResponse
    from headrace.testing.simulation.simulation import Simulation

__all__ = [
    "Capabilities",
    "Choice",
    "Event",
    "Exponential",
    "History",
    "LogNormal",
    "QueueSourceSuite",
    "RawResponse",
    "Recorder",
    "Rules",
    "Simulation",
    "Uniform",
    "check",
]

_HOMES = {
    "Capabilities": "queue_source_suite",
    "Choice": "distributions",
    "Event": "history",
    "Exponential": "distributions",
    "History": "history",
    "LogNormal": "distributions",
    "QueueSourceSuite": "queue_source_suite",
    "RawResponse": "raw_response",
    "Recorder": "history",
    "Rules": "checker",
    "Simulation": "simulation.simulation",
    "Uniform": "distributions",
    "check": "checker",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is asked for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
