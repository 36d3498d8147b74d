"""Stretches of days without a sale that are no chance: stock-outs, closures, products that left.

Belongs here: finding such stretches anywhere in the history of a series, by how it sells around them.
Does not belong here: what follows from them (``analysis.quality``, the verdict on a series).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from forecast_assets.forecasting.core.arrays import Floats, Ints
from forecast_assets.forecasting.core.panel import Panel

# A stretch that a series would show by chance once in a hundred thousand.
_IMPROBABLE = 1e-5
_FEWEST_ZEROS = 3
# So many days on either side say how often a series sells.
AROUND = 91
_FEWEST_AROUND = 14
# Longer ones, in days, are no stock-out: a season is over, or the product left.
LONGEST_STOCKOUT = 28
_ROWS = 1024


class ZeroRuns(NamedTuple):
    """Stretches (m,): ``row`` of the series, observed zeros on the days ``[first, end)``.

    On the observed days ``around`` them it sold ``sales`` times.
    """

    row: Ints
    first: Ints
    end: Ints
    sales: Ints
    around: Ints


def zero_runs(units: Floats) -> ZeroRuns:
    """Find stretches of zeros in ``units`` (n, days), NaN = not observed, that are no chance.

    A stretch is compared with the days on both sides of it, and unobserved days neither end nor lengthen it.
    """
    parts = [_of_rows(units[begin : begin + _ROWS], begin) for begin in range(0, len(units), _ROWS)]
    return ZeroRuns(*(np.concatenate(part) for part in zip(*parts, strict=True))) if parts else _NONE


def _of_rows(units: Floats, begin: int) -> ZeroRuns:
    is_known = ~np.isnan(units)
    sold = is_known & (units > 0)
    row, at = np.nonzero(is_known)
    zero = ~sold[row, at]
    # Stretches of zeros among the observed days of each series.
    edge = np.ones(len(row), np.bool_)
    edge[1:] = (zero[1:] != zero[:-1]) | (row[1:] != row[:-1])
    starts = np.flatnonzero(edge)
    ends = np.append(starts[1:], len(row))
    long = zero[starts] & (ends - starts >= _FEWEST_ZEROS) if len(starts) else np.zeros(0, np.bool_)
    starts, ends = starts[long], ends[long]
    length = ends - starts
    total = np.append(0, np.cumsum(~zero))
    first_of, last_of = np.searchsorted(row, row[starts]), np.searchsorted(row, row[starts], side="right")
    low, high = np.maximum(starts - AROUND, first_of), np.minimum(ends + AROUND, last_of)
    around = (starts - low) + (high - ends)
    sales = (total[starts] - total[low]) + (total[high] - total[ends])
    # One more day without a sale keeps a series that always sells from certainty.
    chance = (around - sales + 1) / (around + 1)
    improbable = (around >= _FEWEST_AROUND) & (length * np.log(chance) < np.log(_IMPROBABLE))
    starts, ends = starts[improbable], ends[improbable]
    return ZeroRuns(
        row[starts].astype(np.int64) + begin,
        at[starts].astype(np.int64),
        at[ends - 1].astype(np.int64) + 1,
        sales[improbable],
        around[improbable],
    )


_NONE = ZeroRuns(*(np.zeros(0, np.int64) for _ in ZeroRuns._fields))


def stockouts(panel: Panel, begin: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield (row, first day, end) of the suspected stock-outs and closures that end after ``begin``."""
    low = max(0, begin - 2 * AROUND)
    longest = panel.frequency.periods(LONGEST_STOCKOUT)
    runs = zero_runs(panel.units[:, low:])
    for row, first, end in zip(*(part.tolist() for part in runs[:3]), strict=True):
        if end - first < longest and end + low > begin:
            yield row, first + low, end + low
