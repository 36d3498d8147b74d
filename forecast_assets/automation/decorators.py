"""Sensors that say in Dagit what their docstring says.

Belongs here: the one decorator of sensors.
Does not belong here: any sensor.
"""

import inspect
from collections.abc import Callable
from typing import Any

import dagster as dg


def sensor(**options: Any) -> Callable[[Callable[..., Any]], dg.SensorDefinition]:  # noqa: ANN401 - Dagster's
    """Decorate as ``dagster.sensor`` does, with the docstring of the function as description."""

    def decorate(function: Callable[..., Any]) -> dg.SensorDefinition:
        return dg.sensor(description=inspect.getdoc(function), **options)(function)

    return decorate
