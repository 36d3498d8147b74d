"""Score stored forecasts against the sales that came in since.

Belongs here: what the asset ``forecast_accuracy`` does.
Does not belong here: Dagster, and the formulas (``analysis.live``).
"""

import datetime as dt
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.analysis.live import CLAIMED, RANGES, Live, Scores
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.forecasts import DueForecastsRow


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The rows of table ``forecast_accuracy`` of one dataset, and one figure per range for all of it."""

    rows: pl.DataFrame
    total: Live
    forecasts: int


def score(stores: Stores, name: str, *, run_id: str, days: int) -> Scored:
    """Score the forecasts that begin within the last ``days`` days; what was scored before is replaced."""
    dataset = load(stores, name)
    newest = dataset.built().last_day
    due = stores.warehouse.rows(
        DueForecastsRow, dataset=name, since=newest - dt.timedelta(days=days - 1), newest=newest
    )
    panel = read_panel(stores, dataset, newest=True)
    scores = Scores(len(panel.series))
    place = {key: at for at, key in enumerate(panel.series.tolist())}
    for path, members in groupby(due, key=lambda row: (row["path"], row["first_day"])):
        claims_by_series = {row["series"]: row["claims"] for row in members if row["series"] in place}
        _add(stores, scores, panel, place, (*path, claims_by_series))
    frame = _frame(panel, scores).with_columns(run_id=pl.lit(run_id), dataset=pl.lit(name))
    with stores.warehouse.transaction() as connection:
        stores.warehouse.execute("forget_accuracy", connection, dataset=name)
        stores.warehouse.copy(connection, "forecast_accuracy", frame)
    return Scored(frame, scores.total(), int(scores.forecasts[:, 0].sum()))


def _add(
    stores: Stores,
    scores: Scores,
    panel: Panel,
    place: dict[str, int],
    part: tuple[str, dt.date, dict[str, Any]],
) -> None:
    path, first_day, claims = part
    at = panel.position(first_day)
    if not claims or at < 0:
        return
    table = stores.lake.read_table(path, columns=["series", "units"], keys=("series", list(claims)))
    width = table["units"].type.list_size
    forecast = table["units"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    rows = np.array([place[key] for key in table["series"].to_pylist()], np.int64)
    actual = np.full(forecast.shape, np.nan, np.float32)
    come = panel.units[rows, at : at + width]
    actual[:, : come.shape[1]] = come
    claimed = {
        metric: np.array(
            [
                [claims[key].get(name, {}).get(metric, np.nan) for name in RANGES]
                for key in table["series"].to_pylist()
            ],
            np.float64,
        )
        for metric in CLAIMED
    }
    scores.add(rows, actual, forecast, at, claimed)


def _frame(panel: Panel, scores: Scores) -> pl.DataFrame:
    row, bucket = np.nonzero(scores.days)
    live = scores.live()
    keys = panel.series[row].tolist()
    dates = panel.dates(0, panel.days + 1)
    claimed = {
        f"backtest_{metric}": pl.Series(values[row, bucket]).fill_nan(None)
        for metric, values in scores.claimed().items()
    }
    return pl.DataFrame(
        {
            "series": pl.Series(keys, dtype=pl.String),
            "bucket": pl.Series([RANGES[at] for at in bucket], dtype=pl.String),
            "forecasts": scores.forecasts[row, bucket],
            "first_day": dates[scores.first[row, bucket]],
            "last_day": dates[scores.last[row, bucket]],
            "sample_size": scores.days[row, bucket],
            **{metric: getattr(live, metric)[row, bucket] for metric in ("wape", "mae", "bias")},
            **claimed,
        }
    )
