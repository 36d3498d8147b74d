"""From several rows of a store, product and day to one: newest files, summed receipts, netted returns.

Belongs here: what the row rules of a source do to sorted rows, with the number of everything that changes.
Does not belong here: what the rules mean (``sources.row_rules``), refusing what is left (``canonical``).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.findings import AGE
from forecast_assets.datasets.sources.columns import RETURNS, Columns
from forecast_assets.datasets.sources.row_rules import RowRules


class Merger:
    """Applies row rules to frames of whole stores and counts what it does.

    ``replaced`` counts by file the rows that gave way to a newer file, ``summed`` the rows that became part
    of another, ``returned`` the days below zero and ``returned_units`` their units, as a positive number.
    """

    def __init__(self, rules: RowRules, columns: Columns, files: Sequence[str]) -> None:
        self._rules, self._columns, self._files = rules, columns, files
        self.replaced: Counter[str] = Counter()
        self.summed = 0
        self.returned = 0
        self.returned_units = 0.0

    def merge(
        self, frame: pl.DataFrame, key: NDArray[np.int64], free: NDArray[np.bool_]
    ) -> tuple[pl.DataFrame, NDArray[np.int64]]:
        """Merge neighbours with the same ``key``; rows marked ``free`` have no day and stay as they are."""
        if self._rules.overlap != "refuse":
            kept = self._newest(frame, _groups(key, free))
            frame, key, free = frame.filter(pl.Series(kept)), key[kept], free[kept]
        groups = _groups(key, free)
        sizes = np.bincount(groups)
        several = sizes[groups] > 1
        if self._rules.receipts != "sum" and several.any():
            below = (frame["units"] < 0).fill_null(value=False).to_numpy()
            several &= np.bincount(groups, weights=below)[groups] > 0
            several &= self._rules.returns != "refuse"
        if several.any():
            last = several & np.append(groups[1:] != groups[:-1], True)
            frame = self._summed(frame, several, last)
            kept = ~several | last
            self.summed += int((~kept).sum())
            frame, key = frame.filter(pl.Series(kept)), key[kept]
        return frame, key

    def settle_returns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set what is still below zero to no sale; ``keep`` has its units in a column of their own."""
        units = frame["units"]
        below = (units < 0).fill_null(value=False)
        self.returned += int(below.sum())
        self.returned_units -= float(units.filter(below).sum() or 0)
        columns = [pl.when(below).then(0.0).otherwise(units).cast(pl.Float32).alias("units")]
        if self._rules.returns == "keep":
            columns.append(pl.when(below).then(-units).otherwise(0.0).cast(pl.Float32).alias(RETURNS))
        return frame.with_columns(columns)

    def _newest(self, frame: pl.DataFrame, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        age = frame[AGE].to_numpy()
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        kept: NDArray[np.bool_] = age == np.maximum.reduceat(age, starts)[groups]
        for place, times in zip(*np.unique(age[~kept], return_counts=True), strict=True):
            # A file may be read in several parts, all of the same age.
            self.replaced[self._files[int(place)]] += int(times)
        return kept

    def _summed(
        self, frame: pl.DataFrame, several: NDArray[np.bool_], last: NDArray[np.bool_]
    ) -> pl.DataFrame:
        """Write the sum of each group into its last row."""
        rows = frame.filter(pl.Series(several))
        starts = np.flatnonzero(np.append(True, last[several][:-1]))
        at = np.flatnonzero(last)
        units = rows["units"].fill_null(np.nan).to_numpy().astype(np.float64)
        total = np.add.reduceat(np.nan_to_num(units), starts)
        total[~np.logical_or.reduceat(~np.isnan(units), starts)] = np.nan
        sums = {"units": total}
        for name in self._columns.known:
            values = rows[name].fill_null(np.nan).to_numpy().astype(np.float64)
            sums[name] = (
                _weighted(values, units, starts) if name == "price" else np.fmax.reduceat(values, starts)
            )
        columns = []
        for name, values in sums.items():
            whole = frame[name].fill_null(np.nan).to_numpy().copy()
            whole[at] = values
            columns.append(pl.Series(name, whole, pl.Float32).fill_nan(None))
        return frame.with_columns(columns)


def _groups(key: NDArray[np.int64], free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the runs of equal keys; a free row is a run of its own."""
    new = np.ones(len(key), np.bool_)
    new[1:] = (key[1:] != key[:-1]) | free[1:]
    runs: NDArray[np.int64] = np.cumsum(new, dtype=np.int64) - 1
    return runs


def _weighted(
    values: NDArray[np.float64], units: NDArray[np.float64], starts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Mean price of the units sold; the plain mean where none was."""
    seen = ~np.isnan(values)
    weight = np.where(seen, np.fmax(np.nan_to_num(units), 0), 0)
    sold = np.add.reduceat(weight, starts)
    weight = np.where((sold > 0)[np.searchsorted(starts, np.arange(len(values)), "right") - 1], weight, seen)
    total = np.add.reduceat(weight, starts)
    spent = np.add.reduceat(weight * np.nan_to_num(values), starts)
    mean: NDArray[np.float64] = np.divide(spent, total, out=np.full(len(starts), np.nan), where=total > 0)
    return mean
