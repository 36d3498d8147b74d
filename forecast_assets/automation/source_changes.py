"""Has the source of a dataset changed, and has it stopped changing?

Belongs here: comparing what a source holds with what was loaded from it, and waiting for half-written files.
Does not belong here: loading (``datasets.building``) and the sensor that asks for it (``sensors.triggers``).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from forecast_assets.automation.incidents import Sighting
from forecast_assets.datasets import definition
from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import ForecastError
from forecast_assets.stores import Stores

State = Literal["unchanged", "settling", "changed", "unreadable"]


@dataclass(frozen=True, slots=True)
class Look:
    """One dataset's source now: its content's ``mark``, or the ``problem`` with its remedy."""

    dataset: str
    state: State
    mark: str = ""
    problem: str = ""
    remedy: str = ""


def look(stores: Stores, name: str, remembered: Mapping[str, str]) -> Look:
    """Compare the content of a source with what was loaded; ``remembered`` are the marks of the last look.

    Content counts, not time: a file that was only touched has not changed. A new content counts when two
    looks in a row find it the same, so that a file still being written is waited for.
    """
    dataset = definition.load(stores, name)
    try:
        mark = dataset.source.mark()
    except (ForecastError, OSError) as error:
        problem, remedy = (
            (error.problem, error.remedy)
            if isinstance(error, ForecastError)
            else (f"{type(error).__name__} while reading the source", "check its rights and its disk")
        )
        return Look(name, "unreadable", problem=problem, remedy=remedy)
    if _is_loaded(dataset, mark):
        return Look(name, "unchanged", mark)
    return Look(name, "changed" if remembered.get(name) == mark else "settling", mark)


def _is_loaded(dataset: Dataset, mark: str) -> bool:
    snapshot = dataset.snapshot
    return snapshot is not None and snapshot.panel_path is not None and snapshot.source_fingerprint == mark


def unreadable(looked: Look, at: dt.datetime) -> Sighting:
    """What is told of a source that cannot be read; seen once a day, however often it is looked at."""
    return Sighting(
        event=f"source:{looked.dataset}:{at:%Y-%m-%d}:{looked.problem}",
        key=f"source:{looked.dataset}",
        kind="unreadable source",
        severity="error",
        what=f"the source of {looked.dataset} cannot be read: {looked.problem}",
        next_step=looked.remedy,
        link=f"/assets/sales?view=partitions&partition={looked.dataset}",
        at=at,
        dataset=looked.dataset,
    )
