"""Which Python each function would run with, and what a person should know about it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError, FunctionUnavailableError, Problem
from headrace.invokers import interpreter

if TYPE_CHECKING:
    from headrace.config.application import Application
    from headrace.model.function import FunctionSettings


def with_interpreters(application: Application) -> Application:
    """*application* with problems of its functions' interpreters added: missing ones, another minor version.

    An application with errors comes back as it is: it will not run anyway.
    """
    if application.has_errors:
        return application
    found = [
        problem for function in application.functions.values() for problem in _problems(function)
    ]
    return replace(application, problems=(*application.problems, *found))


def _problems(function: FunctionSettings) -> list[Problem]:
    try:
        path = interpreter.find(function, os.environ)
        return interpreter.problems(function, interpreter.probe(path))
    except ConfigurationError as error:
        return list(error.problems)
    except FunctionUnavailableError as error:
        place = f"$.Resources.{function.logical_id}.Metadata.Headrace.Python"
        return [Problem(place, str(error), "give the path of a Python 3.9 or later")]
