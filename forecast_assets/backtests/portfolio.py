"""The candidates of a dataset over all of its series: how often they win, and how far off their totals are.

Belongs here: bias and the error of totals by day, from the stored folds of all series.
Does not belong here: metrics of single series (``results``), and what is shown (``reports``).
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from forecast_assets.backtests.fold_store import Folds, read_file
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.analysis.totals import totals_by_day
from forecast_assets.forecasting.core.candidates.catalogue import members
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.global_models.pooling import newest_pool
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import FoldPathsRow, PortfolioLeaderboardRow

Floats = NDArray[np.float32]
Values = NDArray[np.float64]
COLUMNS = (
    "candidate", "champions", "ranked", "failed", "median_wape", "bias_percent", "daily_total_error",
    "mean_rank",
)  # fmt: skip


class Line(PortfolioLeaderboardRow):
    """A candidate over all series; bias and error of totals in percent of sales, nothing without sales."""

    bias_percent: float | None
    daily_total_error: float | None


def leaderboard(stores: Stores, dataset: str) -> list[Line]:
    """Return one row per candidate, the one with most champions first.

    ``bias_percent`` is actual minus expected units, ``daily_total_error`` the absolute error of the dataset's
    total of each scored day, over the series that the candidate has forecasts for.
    """
    rows = stores.warehouse.rows(PortfolioLeaderboardRow, dataset=dataset)
    sums = _sums(stores, dataset, [row["candidate"] for row in rows])
    lines = []
    for row in rows:
        bias, error = sums.get(row["candidate"], (None, None))
        lines.append(Line(**row, bias_percent=bias, daily_total_error=error))
    return lines


def _sums(
    stores: Stores, dataset: str, labels: Sequence[str]
) -> dict[str, tuple[float | None, float | None]]:
    """Return bias and error of totals by candidate; series of other folds have totals of their own."""
    pool = newest_pool(stores, load(stores, dataset))
    results = stores.warehouse.rows(FoldPathsRow, dataset=dataset)
    sums: dict[str, dict[tuple[str, ...], tuple[Values, Values]]] = {label: {} for label in labels}
    for path, of_path in groupby(results, key=lambda row: row["path"]):
        classes = {row["series"]: row["demand_class"] for row in of_path}
        by_days: dict[tuple[str, ...], list[tuple[str | None, Folds]]] = {}
        for key, one in read_file(stores, path, list(classes)):
            by_days.setdefault(tuple(one.first_days), []).append((classes[key], one))
        for days, parts in by_days.items():
            for label, sum_ in sums.items():
                if label in parts[0][1].forecasts:
                    sold, expected = _of_block(label, parts, pool)
                    before = sum_.get(days, (0.0, 0.0))
                    sum_[days] = (before[0] + sold, before[1] + expected)
    return {
        label: totals_by_day(*(np.concatenate([pair[at].ravel() for pair in sum_.values()]) for at in (0, 1)))
        for label, sum_ in sums.items()
        if sum_
    }


def _of_block(
    label: str, parts: Sequence[tuple[str | None, Folds]], pool: Pool | None
) -> tuple[Values, Values]:
    """Return sold and expected units (k, h), summed over series with the same folds."""
    actual = np.stack([one.actual for _, one in parts]).astype(np.float64)
    counted = np.stack([one.counted for _, one in parts])
    names = [name for name in dict.fromkeys((label, *members(label))) if name in parts[0][1].forecasts]
    forecasts = {name: np.stack([one.forecasts[name] for _, one in parts]) for name in names}
    expected = _expected(pool, label, forecasts, [kind for kind, _ in parts])
    scored = counted[..., None] & ~np.isnan(actual) & np.isfinite(expected)
    return np.where(scored, actual, 0).sum(axis=0), np.where(scored, expected, 0).sum(axis=0)


def _expected(
    pool: Pool | None, label: str, forecasts: Mapping[str, Floats], classes: Sequence[str | None]
) -> Values:
    """Return expected units (n, k, h), each fold without itself; the forecasts where they are not pooled."""
    stored = forecasts[label]
    errors = pool.errors.get(label) if pool else None
    if pool is None or errors is None or len(errors.tables) != stored.shape[1] + 1:
        return stored.astype(np.float64)
    if not set(members(label)) <= set(forecasts):
        return stored.astype(np.float64)
    curve = pool.curve(label, members(label), forecasts, classes)
    return np.stack([errors.tables[j].expected(curve[:, j]) for j in range(stored.shape[1])], axis=1)
