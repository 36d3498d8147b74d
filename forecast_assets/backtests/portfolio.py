"""The candidates of a dataset over all of its series: how often they win, and how far off their totals are.

Belongs here: bias and the error of totals by day, from the stored folds of all series.
Does not belong here: metrics of single series (``results``), and what is shown (``reports``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, TypedDict

import numpy as np

from forecast_assets.backtests.fold_store import Folds, read_file
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.analysis.totals import totals_by_day
from forecast_assets.forecasting.core.arrays import Floats, Values
from forecast_assets.forecasting.core.candidates.catalogue import members
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.global_models.pooling import newest_pool
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import FoldPathsRow, PairResultsRow, PortfolioLeaderboardRow

STORE_COLUMNS = ("store_id", "series", "bias_percent", "period_total_error")
COLUMNS = (
    "candidate", "champions", "ranked", "failed", "median_wape", "bias_percent", "period_total_error",
    "mean_rank",
)  # fmt: skip


class Line(PortfolioLeaderboardRow):
    """A candidate over all series; bias and error of totals in percent of sales, nothing without sales."""

    bias_percent: float | None
    period_total_error: float | None


class StoreLine(TypedDict):
    """The champions of one store: bias and error of its daily totals, percent of sales."""

    store_id: str
    series: int
    bias_percent: float | None
    period_total_error: float | None


class _Part(NamedTuple):
    """The folds of one series."""

    series: str
    demand_class: str | None
    folds: Folds


# Units sold and expected on each scored day, by name and by the first days of the folds.
_Sums = dict[str, dict[tuple[str, ...], tuple[Values, Values]]]


class Portfolio(NamedTuple):
    """The candidates of a dataset, the one with most champions first, and its stores, the worst first."""

    candidates: list[Line]
    stores: list[StoreLine]


def summarize(stores: Stores, dataset: str) -> Portfolio:
    """Sum up the stored folds of a dataset by candidate, and by store for the champions of its series.

    ``bias_percent`` is actual minus expected units, ``period_total_error`` the absolute error of the total of
    each scored day, of the dataset over the series that a candidate has forecasts for, or of a store.
    """
    rows = stores.warehouse.rows(PortfolioLeaderboardRow, dataset=dataset)
    chosen = {
        row["series"]: (row["store_id"], row["champion"])
        for row in stores.warehouse.rows(PairResultsRow, dataset=dataset)
        if row["champion"] is not None
    }
    by_candidate: _Sums = {}
    by_store: _Sums = {}
    counts: Counter[str] = Counter()
    pool = newest_pool(stores, load(stores, dataset))
    for days, parts in _blocks(stores, dataset):
        for label in (row["candidate"] for row in rows if row["candidate"] in parts[0].folds.forecasts):
            _add(by_candidate, label, days, _of_block(label, parts, pool))
        groups: dict[tuple[str, str], list[_Part]] = {}
        for part in parts:
            if part.series in chosen and chosen[part.series][1] in part.folds.forecasts:
                groups.setdefault(chosen[part.series], []).append(part)
        for (store, label), own in groups.items():
            counts[store] += len(own)
            _add(by_store, store, days, _of_block(label, own, pool))
    totals = _totals(by_candidate)
    candidates = []
    for row in rows:
        bias, error = totals.get(row["candidate"], (None, None))
        candidates.append(Line(**row, bias_percent=bias, period_total_error=error))
    lines = [
        StoreLine(store_id=store, series=counts[store], bias_percent=bias, period_total_error=error)
        for store, (bias, error) in _totals(by_store).items()
    ]
    worst_first = sorted(lines, key=lambda line: (-(line["period_total_error"] or 0), line["store_id"]))
    return Portfolio(candidates, worst_first)


def _blocks(stores: Stores, dataset: str) -> Iterator[tuple[tuple[str, ...], list[_Part]]]:
    """Read the stored folds, file by file; series of other folds have totals of their own."""
    results = stores.warehouse.rows(FoldPathsRow, dataset=dataset)
    for path, of_path in groupby(results, key=lambda row: row["path"]):
        classes = {row["series"]: row["demand_class"] for row in of_path}
        by_days: dict[tuple[str, ...], list[_Part]] = {}
        for key, one in read_file(stores, path, list(classes)):
            by_days.setdefault(tuple(one.first_days), []).append(_Part(key, classes[key], one))
        yield from by_days.items()


def _add(sums: _Sums, name: str, days: tuple[str, ...], block: tuple[Values, Values]) -> None:
    by_days = sums.setdefault(name, {})
    before = by_days.get(days, (0.0, 0.0))
    by_days[days] = (before[0] + block[0], before[1] + block[1])


def _totals(sums: _Sums) -> dict[str, tuple[float | None, float | None]]:
    """Return bias and error of daily totals by name, both in percent of sales."""
    return {
        name: totals_by_day(*(np.concatenate([pair[at].ravel() for pair in of.values()]) for at in (0, 1)))
        for name, of in sums.items()
    }


def _of_block(label: str, parts: Sequence[_Part], pool: Pool | None) -> tuple[Values, Values]:
    """Return sold and expected units (k, h), summed over series with the same folds."""
    actual = np.stack([part.folds.actual for part in parts]).astype(np.float64)
    counted = np.stack([part.folds.counted for part in parts])
    names = [name for name in dict.fromkeys((label, *members(label))) if name in parts[0].folds.forecasts]
    forecasts = {name: np.stack([part.folds.forecasts[name] for part in parts]) for name in names}
    expected = _expected(pool, label, forecasts, [part.demand_class for part in parts])
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
