"""Hold intervals and stock of stored forecasts against the sales that came in since.

Belongs here: what the check ``distributions_hold`` measures.
Does not belong here: Dagster, and when a promise counts as broken (``analysis.calibration``).
"""

import datetime as dt
from itertools import groupby

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.analysis.calibration import Hits, Verdict, covered, inside
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.forecasts import DueForecastsRow

_ENDS = {"coverage of 80 %": ("q10", "q90", 0.8), "coverage of 95 %": ("q025", "q975", 0.95)}
SERVICE = "service of the stock"
_WEEK = 7


def measure(stores: Stores, name: str, *, days: int, alarm: float) -> list[Verdict]:
    """Judge the forecasts that begin within the last ``days`` days: coverage by level, and service."""
    dataset = load(stores, name)
    newest = dataset.built().last_day
    since = newest - dt.timedelta(days=days - 1)
    due = stores.warehouse.rows(DueForecastsRow, dataset=name, since=since, newest=newest)
    panel = read_panel(stores, dataset, newest=True)
    place = {key: at for at, key in enumerate(panel.series.tolist())}
    hits = {promise: Hits() for promise in (*_ENDS, SERVICE)}
    for (path, first), rows in groupby(due, key=lambda row: (row["path"], row["first_day"])):
        members = {row["series"]: row for row in rows if row["series"] in place}
        at = panel.position(first)
        if members and at >= 0:
            table = stores.lake.read_table(path, keys=("series", list(members)))
            row_numbers = np.array([place[key] for key in table["series"].to_pylist()], np.int64)
            due_rows = [members[key] for key in table["series"].to_pylist()]
            _add_days(hits, table, panel, row_numbers, at)
            _add_service(hits[SERVICE], due_rows, panel, row_numbers, at)
    return [one.verdict(promise, alarm) for promise, one in hits.items()]


def _weeks(panel: Panel, at: int, days: int) -> NDArray[np.int64]:
    """Number the weeks that periods (days,) lie in; longer periods count by themselves."""
    ordinals = panel.dates(at, at + days).astype("datetime64[D]").astype(np.int64)
    weeks: NDArray[np.int64] = ordinals // _WEEK
    return weeks


def _add_days(hits: dict[str, Hits], table: pa.Table, panel: Panel, rows: NDArray[np.int64], at: int) -> None:
    for promise, (low, high, level) in _ENDS.items():
        if low not in table.column_names:
            continue  # forecasts of early releases have no quantiles
        lower, upper = _matrix(table[low]), _matrix(table[high])
        sold = panel.units[rows, at : at + lower.shape[1]].astype(np.float64)
        lower, upper = lower[:, : sold.shape[1]], upper[:, : sold.shape[1]]
        is_known = ~np.isnan(sold) & np.isfinite(lower)
        week = np.broadcast_to(_weeks(panel, at, sold.shape[1]), sold.shape)
        kept = inside(sold[is_known], lower[is_known], upper[is_known])
        hits[promise].add(week[is_known], np.full(int(is_known.sum()), level), *kept)


def _add_service(
    hits: Hits, due: list[DueForecastsRow], panel: Panel, rows: NDArray[np.int64], at: int
) -> None:
    """Count the lead times that begin with the forecast, have passed and were observed as a whole."""
    ends = np.array([at + panel.frequency.periods(row["lead_time_days"]) for row in due])
    demand = np.array(
        [
            panel.units[row, at:end].sum(dtype=np.float64) if end <= panel.days else np.nan
            for row, end in zip(rows.tolist(), ends.tolist(), strict=True)
        ]
    )
    stock = np.array([row["reorder_point"] for row in due], np.float64)
    level = np.array([row["service_level"] for row in due], np.float64)
    is_known = np.isfinite(demand) & np.isfinite(stock)
    week = np.broadcast_to(_weeks(panel, at, 1), len(due))
    hits.add(week[is_known], level[is_known], *covered(demand[is_known], stock[is_known]))


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float64]:
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat.reshape(-1, column.type.list_size), np.float64)
