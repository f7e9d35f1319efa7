"""Headrace: an event source mapping engine that runs anywhere.

`App` runs mappings from queues to functions of this process; `Queue` sends to a queue from anywhere. Every error is a
`HeadraceError`. Everything is imported with its first use, so that ``import headrace`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.app import App as App
    from headrace.errors import ConfigurationError as ConfigurationError
    from headrace.errors import HeadraceError as HeadraceError
    from headrace.errors import MessageRefusedError as MessageRefusedError
    from headrace.errors import NotIdleError as NotIdleError
    from headrace.errors import Problem as Problem
    from headrace.errors import QueueNotFoundError as QueueNotFoundError
    from headrace.errors import SourceUnavailableError as SourceUnavailableError
    from headrace.errors import StoreRefusedError as StoreRefusedError
    from headrace.errors import StoreUnavailableError as StoreUnavailableError
    from headrace.producer import Queue as Queue

_HOMES = {"App": "headrace.app", "Queue": "headrace.producer"}

__all__ = [
    "App",
    "ConfigurationError",
    "HeadraceError",
    "MessageRefusedError",
    "NotIdleError",
    "Problem",
    "Queue",
    "QueueNotFoundError",
    "SourceUnavailableError",
    "StoreRefusedError",
    "StoreUnavailableError",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "headrace.errors")), name)


def __dir__() -> list[str]:
    return __all__
