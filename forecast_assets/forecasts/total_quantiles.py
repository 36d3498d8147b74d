"""Quantiles of totals, sampled from the stored folds of a dataset's champions.

Belongs here: bringing forecasts and the ranks of past errors together, group by group.
Does not belong here: the sampling (``forecasting.analysis.totals``), and sums of expected units (``store``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.backtests.fold_store import Folds, read_file
from forecast_assets.forecasting.analysis.totals import by_lot, error_ranks, quantiles_of, summed
from forecast_assets.forecasting.core.arrays import Floats, Values
from forecast_assets.forecasting.core.prediction import INTERVALS, LEVELS, quantile_name
from forecast_assets.keys import SeriesKey
from forecast_assets.rendering.numbers import significant
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsOfRow

# Where no fold is stored; as many scenarios as five folds of two weeks give.
_SHAPE = (5, 14)
COLUMNS = (
    "median",
    *(f"{side}_{level}" for level in INTERVALS for side in ("lower", "upper")),
    *(quantile_name(float(one)) for one in LEVELS),
)
UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, eq=False)
class DailyForecasts:
    """Forecasts of n series over the same days: ``expected`` (n, h), ``quantiles`` (n, h, q), dates (h,)."""

    series: list[str]
    labels: list[str]
    expected: Floats
    quantiles: Floats
    dates: NDArray[np.datetime64]


def total_quantiles(
    stores: Stores, forecasts: Sequence[DailyForecasts], groups: Mapping[str, str | None]
) -> pl.DataFrame:
    """Return one row per group and day: group, date, quantiles of the total, and how many are unmeasured.

    ``groups`` maps series to groups. Days that only some series are forecast for are summed over those.
    """
    ranks = _ranks(stores, forecasts)
    sums: dict[str | None, dict[np.datetime64, list[Values]]] = {}
    unmeasured: Counter[tuple[str | None, np.datetime64]] = Counter()
    for part in forecasts:
        mine = np.stack([ranks[key] for key in part.series])
        blind = np.asarray(~np.isfinite(part.quantiles).all(axis=(1, 2)))
        members: dict[str | None, list[int]] = {}
        for at, key in enumerate(part.series):
            members.setdefault(groups[key], []).append(at)
        for name, rows in members.items():
            scenarios = summed(part.expected[rows], part.quantiles[rows], mine[rows])
            for at, day in enumerate(part.dates):
                sums.setdefault(name, {}).setdefault(day, []).append(scenarios[:, at])
                unmeasured[name, day] += int(blind[rows].sum())
    rows_of = [
        {
            "group": name,
            "date": day.astype("datetime64[D]").item(),
            **_named(np.sum(parts, axis=0)),
            UNMEASURED: unmeasured[name, day],
        }
        for name, days in sums.items()
        for day, parts in days.items()
    ]
    kinds = {"group": pl.String, "date": pl.Date, **dict.fromkeys(COLUMNS, pl.Float64), UNMEASURED: pl.Int64}
    return pl.DataFrame(rows_of, schema=kinds)


def _named(scenarios: Values) -> dict[str, float]:
    units = significant(quantiles_of(scenarios[:, None])[0])
    by_level = dict(zip(LEVELS.tolist(), units.tolist(), strict=True))
    limits = {
        f"{side}_{level}": by_level[end]
        for level, ends in INTERVALS.items()
        for side, end in zip(("lower", "upper"), ends, strict=True)
    }
    return {"median": by_level[0.5], **limits, **{quantile_name(p): units for p, units in by_level.items()}}


def _ranks(stores: Stores, forecasts: Sequence[DailyForecasts]) -> dict[str, Values]:
    """Return ranks (k, h) of past errors by series; by lot where it has no folds of the usual shape."""
    labels = {key: label for part in forecasts for key, label in zip(part.series, part.labels, strict=True)}
    folds = _folds(stores, labels)
    shapes = Counter(one.actual.shape for one in folds.values())
    shape = shapes.most_common(1)[0][0] if shapes else _SHAPE
    usual = {key: one for key, one in folds.items() if one.actual.shape == shape}
    others = [key for key in labels if key not in usual]
    ranks = dict(zip(others, by_lot(_names(others), shape[0] * shape[1]).reshape(-1, *shape), strict=True))
    if usual:
        of_series = error_ranks(
            _names(list(usual)),
            np.stack([one.actual for one in usual.values()]),
            np.stack([one.forecasts[labels[key]] for key, one in usual.items()]),
            np.stack([one.counted for one in usual.values()]),
        )
        ranks |= dict(zip(usual, of_series, strict=True))
    return ranks


def _names(keys: Sequence[str]) -> list[str]:
    """Return store and product of keys: the dataset's name is no part of a lot."""
    return [f"{key.store}__{key.product}" for key in map(SeriesKey.parse, keys)]


def _folds(stores: Stores, labels: Mapping[str, str]) -> dict[str, Folds]:
    rows = stores.warehouse.rows(ChampionsOfRow, series=list(labels))
    scored = sorted((row["path"], row["series"]) for row in rows if row["path"])
    return {
        key: one
        for path, members in groupby(scored, key=lambda pair: pair[0])
        for key, one in read_file(stores, path, [series for _, series in members])
        if labels[key] in one.forecasts
    }
