"""How far ahead of the newest sales is each column known?

Belongs here: measuring the reach of a dataset's plans, and freezing it at the anchor.
Does not belong here: what a forecast makes of a missing plan (``forecasting.core.plans``).

Folds may know of a plan only what a forecast would have known, so the reach is a part of every result. It is
frozen at the anchor: a plan that grows every day changes nothing before the next evaluation is due anyway.
"""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl

from forecast_assets.datasets.definition import Dataset, Snapshot
from forecast_assets.datasets.panels import Calendar
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.arrays import Ints
from forecast_assets.forecasting.core.frequency import DAY, Frequency
from forecast_assets.forecasting.core.plans import Role
from forecast_assets.stores import Stores

# Series without a row for so long have no plan to deliver.
_LIVE_DAYS = 91
# The longest plans are seldom typical.
_TYPICAL = 0.9


class PlanReach:
    """Measures, store by store, how many days after ``newest`` the columns ``roles`` are known."""

    def __init__(self, roles: Mapping[str, Role], newest: dt.date, frequency: Frequency = DAY) -> None:
        self._roles, self._newest = roles, newest
        self._calendar = Calendar(newest, newest, newest, frequency)
        self._live = 0
        self._leads: dict[str, list[int]] = {name: [] for name in roles}

    def add(self, frame: pl.DataFrame) -> None:
        """Look at the rows of one store: product_id, date, units and the columns."""
        observed = frame.filter(
            pl.col("units").is_not_null()
            & pl.col("date").is_between(self._newest - dt.timedelta(days=_LIVE_DAYS), self._newest)
        )
        self._live += observed["product_id"].n_unique()
        ahead = frame.filter(pl.col("date") > self._newest)
        for name, leads in self._leads.items():
            lasts = ahead.filter(pl.col(name).is_not_null()).group_by("product_id").agg(pl.col("date").max())
            leads.extend(self._calendar.positions(lasts["date"]).tolist())

    def days(self) -> dict[str, int]:
        """The reach of every column in days: what most live series have.

        A flag may be listed only where it is set; then its plan ends where the listing does.
        """
        return {name: self._typical(np.array(leads, np.int64), name) for name, leads in self._leads.items()}

    def _typical(self, leads: Ints, name: str) -> int:
        if 2 * len(leads) >= self._live and len(leads):
            return int(np.median(np.pad(leads, (0, max(0, self._live - len(leads))))))
        if len(leads) and self._roles[name] == "flag":
            return int(np.quantile(leads, _TYPICAL, method="lower"))
        return 0


def measured(stores: Stores, dataset: Dataset, snapshot: Snapshot) -> dict[str, int]:
    """The reach of every known column of a snapshot's sales, in days after its newest one."""
    columns = dataset.source.columns
    reach = PlanReach(columns.roles, snapshot.last_day, dataset.options.period)
    if columns.known:
        needed = ["product_id", "date", "units", *columns.known]
        for file in snapshot.files(stores.lake):
            reach.add(pl.DataFrame(stores.lake.read_table(file, columns=needed)))
    return reach.days()


def check_declared(plan_days: Mapping[str, int], columns: Mapping[str, object]) -> None:
    """Raise ``BadSetting`` for a declared reach of a column that the dataset does not have."""
    if stray := [name for name in plan_days if name not in columns]:
        raise BadSetting(
            f"plan_days names {stray[0]!r}, which is no column known ahead",
            remedy=f"use some of {', '.join(columns) or 'none: this dataset has no such column'}",
        )


def sentence(days: int, declared: int | None, frequency: Frequency = DAY) -> str:
    """How far ahead a column is known, for people: measured, or as declared."""
    if declared is not None:
        return f"plan declared to be known for {frequency.count(declared)} after the newest sale"
    rest = "" if days else "; folds and forecasts do without it (see --plan-days)"
    return f"plan known for {frequency.count(days)} after the newest sale{rest}"


def plan_notes(plan_steps: Mapping[str, int], ahead: int, period: str) -> list[str]:
    """Return what folds do not know of plans that end ``plan_steps`` periods after a cutoff, by column.

    They look ``ahead`` periods of the name ``period``.
    """
    ends = [f"{name} (plan known for {reach} of {ahead} {period}s)" for name, reach in plan_steps.items()]
    return [f"scored without knowing future {', '.join(ends)}"] if ends else []
