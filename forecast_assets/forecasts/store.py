"""Forecasts in the lake and the warehouse.

Belongs here: the Parquet layout of a block of forecasts, its rows, reading both back.
Does not belong here: making forecasts (``forecasting``).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.core.arrays import Floats
from forecast_assets.forecasting.core.distribution import PROBABILITIES
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.prediction import ARRAYS, quantile_name
from forecast_assets.forecasts.total_quantiles import COLUMNS, UNMEASURED, DailyForecasts, total_quantiles
from forecast_assets.rendering.numbers import DECIMALS, significant
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import SeriesOfRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow

_GRID = 10**DECIMALS
# Any decimal number of so many digits is told from its neighbours by 64 bits.
_EXACT_DIGITS = 15
_CURVE = "curve"
# Limits and median are quantiles under another name, mostly to the bit: such a column is stored once.
_SAME = {"median": "q50", "lower_80": "q10", "upper_80": "q90", "lower_95": "q025", "upper_95": "q975"}


def forecast_table(
    series: Sequence[str], arrays: dict[str, Floats], curve: Floats, stock: Sequence[str]
) -> pa.Table:
    """One row per series; ``arrays`` holds (n, h) for every name of ``ARRAYS``, NaN = unknown.

    ``curve`` (n, h) is what the distributions lie around, ``stock`` the stock plans as JSON, which the row of
    a forecast holds only as long as it is current.
    """
    matrices = {name: arrays[name] for name in ARRAYS} | {_CURVE: curve}
    columns = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        for name, values in matrices.items()
        if name not in _SAME or values.tobytes() != matrices[_SAME[name]].tobytes()
    }
    return pa.table(
        {"series": pa.array(series, pa.string()), **columns, "stock": pa.array(stock, pa.string())}
    )


@dataclass(frozen=True, slots=True, eq=False)
class StoredForecast:
    """The current forecast of one series: units and limits (h,) per period, from ``first_day`` on.

    ``curve`` (h,) is what its distribution lies around, NaN where an early release did not store it, and
    ``stock`` the stock plan as JSON, if there is one.
    """

    series: str
    candidate: str
    run_id: str
    first_day: dt.date
    arrays: dict[str, Floats]
    curve: Floats
    stock: str | None
    frequency: Frequency

    @property
    def units(self) -> Floats:
        return self.arrays["units"]

    def dates(self) -> NDArray[np.datetime64]:
        """Return the first days (h,) of the forecast periods."""
        return self.frequency.dates(self.first_day, 0, len(self.units))


def read_forecasts(
    stores: Stores, dataset: str, series: Sequence[str] | None = None
) -> Iterator[StoredForecast]:
    """The current forecasts of a dataset, all or some, file by file."""
    keys = None if series is None else list(series)
    rows = stores.warehouse.rows(CurrentForecastsRow, dataset=dataset, series=keys)
    if not rows:
        return
    frequency = load(stores, dataset).options.period
    for path, members in groupby(sorted(rows, key=lambda row: row["path"]), key=lambda row: row["path"]):
        by_series = {row["series"]: row for row in members}
        table = stores.lake.read_table(str(path), keys=("series", by_series))
        matrices = {name: _stored(table, name) for name in ARRAYS}
        curve = _stored(table, _CURVE)
        for at, key in enumerate(table["series"].to_pylist()):
            row = by_series[key]
            yield StoredForecast(
                series=key,
                candidate=row["candidate"],
                run_id=row["run_id"],
                first_day=row["first_day"],
                arrays={name: matrix[at] for name, matrix in matrices.items()},
                curve=curve[at],
                stock=row["stock"],
                frequency=frequency,
            )


def read_forecast(stores: Stores, series: str) -> StoredForecast | None:
    """The current forecast of one series, if there is one."""
    return next(read_forecasts(stores, series.split("__", 1)[0], [series]), None)


def daily_totals(
    stores: Stores, dataset: str, level: Literal["series", "store", "category", "dataset"]
) -> pl.DataFrame:
    """Forecast units of every day, summed over each ``level``, with quantiles.

    Units are rounded to significant digits before they are summed, and summed in whole parts and decimals of
    their own, so that the totals of any level add up exactly. Quantiles of a total are sampled from errors
    that go together, and are no sums of quantiles; its ``unmeasured`` counts series whose errors nobody
    measured, which are taken for certain.
    """
    forecasts = list(read_forecasts(stores, dataset))
    exact = _daily(forecasts)
    if level == "series":
        return exact
    described = stores.warehouse.frame(SeriesOfRow, dataset=dataset).cast({"series": pl.String})
    groups = {
        "store": described.select("series", group="store_id"),
        "category": described.select(
            "series",
            group=pl.Series([row.get("category") for row in described["static"].to_list()], dtype=pl.String),
        ),
        "dataset": described.select("series", group=pl.lit(dataset)),
    }
    whole = pl.col("units").floor().cast(pl.Int64)
    rest = ((pl.col("units") - whole) * _GRID).round().cast(pl.Int64)
    summed = (
        exact.join(groups[level], on="series")
        .group_by("group", "date")
        .agg(whole.sum().alias("whole"), rest.sum().alias("rest"), series=pl.len())
    )
    members = dict(groups[level].select("series", "group").iter_rows())
    spread = total_quantiles(stores, _by_span(forecasts), members)
    return (
        summed.with_columns(units=_number(pl.col("whole"), pl.col("rest")))
        .join(spread, on=["group", "date"], how="left", nulls_equal=True)
        .sort("group", "date", nulls_last=True)
        .select(pl.col("group").alias(level), "date", "units", "series", *COLUMNS, UNMEASURED)
    )


def _number(whole: pl.Expr, rest: pl.Expr) -> pl.Expr:
    """Return the sum of ``whole`` units and a ``rest`` in parts of the grid, as the number that prints so."""
    number: pl.Expr = whole + rest // _GRID + (rest % _GRID) / _GRID
    return number.round_sig_figs(_EXACT_DIGITS)


def _by_span(forecasts: Sequence[StoredForecast]) -> list[DailyForecasts]:
    """Put forecasts of the same days together."""
    alike: dict[tuple[dt.date, int], list[StoredForecast]] = {}
    for one in forecasts:
        alike.setdefault((one.first_day, len(one.units)), []).append(one)
    names = [quantile_name(level) for level in PROBABILITIES]
    return [
        DailyForecasts(
            [one.series for one in some],
            [one.candidate for one in some],
            np.stack([one.units for one in some]),
            np.stack([np.stack([one.arrays[name] for name in names], axis=-1) for one in some]),
            some[0].dates(),
        )
        for some in alike.values()
    ]


def _daily(forecasts: Sequence[StoredForecast]) -> pl.DataFrame:
    """Every forecast day: series, date, units and limits with their significant digits."""
    frames = [
        pl.DataFrame(
            {
                "series": [one.series] * len(one.units),
                "date": one.dates(),
                **{name: significant(values.astype(np.float64)) for name, values in one.arrays.items()},
            }
        )
        for one in forecasts
    ]
    if not frames:
        kinds = dict.fromkeys(ARRAYS, pl.Float64)
        return pl.DataFrame(schema={"series": pl.String, "date": pl.Date, **kinds})
    return pl.concat(frames).with_columns(pl.col(ARRAYS).fill_nan(None)).sort("series", "date")


def _stored(table: pa.Table, name: str) -> Floats:
    for column in (name, _SAME.get(name)):
        if column in table.column_names:
            return _matrix(table[column])
    # Forecasts of early releases have neither median nor quantiles, nor the curve.
    return np.full_like(_matrix(table["units"]), np.nan)


def _matrix(column: pa.ChunkedArray) -> Floats:
    # By polars: pyarrow imports pandas for its arrays, which takes as long as all the rest of an export.
    flat: Floats = pl.Series(column.combine_chunks().flatten()).to_numpy()
    return flat.reshape(-1, column.type.list_size)
