"""Windows: the days that launched work may read.

Belongs here: checking them against a dataset, and a panel as if nothing else were known.
Does not belong here: folds inside of a window (``core.folds``).
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field

from forecast_assets.datasets.definition import Dataset
from forecast_assets.days import read_day
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_changes import EvaluationChanges
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.candidates.catalogue import is_global
from forecast_assets.forecasting.core.panel import Panel


class WindowedConfig(EvaluationChanges):
    """How to look back, and which days may be read."""

    start_day: str | None = Field(
        default=None, description="Read no sales before this day, YYYY-MM-DD. Unset: the whole history."
    )
    end_day: str | None = Field(
        default=None,
        description="Read no sales after this day, YYYY-MM-DD. Unset: up to the dataset's anchor.",
    )


@dataclass(frozen=True, slots=True)
class Window:
    """The days that may be read, both ends included; ``None`` leaves an end open."""

    first: dt.date | None = None
    last: dt.date | None = None


def stored(settings: EvaluationSettings, window: Window) -> dict[str, object]:
    """How to look back and which days may be read, as JSON."""
    return {"evaluation": settings.model_dump(mode="json"), "window": asdict(window)}


def restored(stored: Mapping[str, Any]) -> tuple[EvaluationSettings, Window]:
    """The inverse of ``stored``."""
    days = {
        name: None if day is None else dt.date.fromisoformat(day) for name, day in stored["window"].items()
    }
    return EvaluationSettings.model_validate_json(json.dumps(stored["evaluation"])), Window(**days)


def chosen(start: str | None, end: str | None, dataset: Dataset, settings: EvaluationSettings) -> Window:
    """Return the days from ``start`` to ``end``, written YYYY-MM-DD.

    Raises ``BadSetting`` for days that the dataset does not have, that leave no fold, or that a candidate
    which learns from the whole dataset cannot keep to.
    """
    window = Window(read_day("start_day", start), read_day("end_day", end))
    snapshot = dataset.built()
    period = dataset.options.period
    newest = period.last_day(dataset.options.anchor_day(snapshot.last_day), 0)
    first, last = window.first or snapshot.first_day, window.last or newest
    if not snapshot.first_day <= first <= last <= newest:
        raise BadSetting(
            f"the days {first} to {last} do not lie in {snapshot.first_day} to {newest}",
            remedy="choose days that the dataset has, the first one before the last",
        )
    settings.plan().cutoffs(period.position(first, last) + 1, period)
    shared = list(filter(is_global, settings.candidates))
    if shared and window != Window():
        raise BadSetting(
            f"{', '.join(shared)} learns from the whole dataset up to its newest day, not from chosen days",
            remedy="leave start_day and end_day out, or leave this candidate out",
        )
    return window


def within(panel: Panel, window: Window) -> Panel:
    """The panel as if nothing were known outside of the window."""
    if window.last is not None:
        panel = panel.until(panel.position(window.last) + 1)
    if window.first is not None:
        units = panel.units.copy()
        units[:, : panel.position(window.first)] = np.nan
        panel = replace(panel, units=units)
    return panel
