"""How far off may a forecast be? Intervals from the errors of the folds.

Belongs here: split-conformal intervals per series, and how often such intervals would have held.
Does not belong here: the forecasts.

The errors of all folds of one series are one sample; errors of later weeks of lead are brought to the scale
of all by their own mean, drawn towards it where there are few. The radius of a level is the conformal
quantile of the absolute errors (Vovk et al.; Lei et al. 2018). Sales cannot be negative, and a lower limit of
less than half a unit is none: it would exclude a day without a sale for a rounding error.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Values

LEVELS = (80, 95)
_WEEK = 7
# So many errors of a week count as much as the mean over all weeks.
_DRAWN_TOWARDS_ALL = 30
_SMALLEST_SCALE = 0.1
_LEAST_UNIT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What the errors of n series say: radius (n,) by level, and scale (n, weeks) by week of lead.

    NaN where a series has no error to learn from.
    """

    radius: Mapping[int, Values]
    scale: Values

    def take(self, rows: NDArray[np.int64]) -> "Spread":
        """The spread of some series."""
        return Spread({level: value[rows] for level, value in self.radius.items()}, self.scale[rows])


def spread_of(actual: Floats, forecast: Floats, folds: NDArray[np.bool_]) -> Spread:
    """Learn from ``actual`` and ``forecast`` (n, k, h) in the folds that count (n, k)."""
    error = np.abs(np.where(folds[..., None], actual.astype(np.float64) - forecast, np.nan))
    is_known = ~np.isnan(error)
    size = np.where(is_known, error, 0)
    all_mean = _ratio(size.sum(axis=(1, 2)), is_known.sum(axis=(1, 2)))
    weeks = -(-error.shape[2] // _WEEK)
    scale = np.ones((len(error), weeks))
    for week in range(weeks):
        days = slice(week * _WEEK, (week + 1) * _WEEK)
        count = is_known[:, :, days].sum(axis=(1, 2))
        mean = _ratio(size[:, :, days].sum(axis=(1, 2)), count)
        relative = np.where((all_mean > 0) & (count > 0), mean / np.where(all_mean > 0, all_mean, 1), 1)
        scale[:, week] = (count * relative + _DRAWN_TOWARDS_ALL) / (count + _DRAWN_TOWARDS_ALL)
    scale = np.maximum(scale, _SMALLEST_SCALE)
    scaled = error / _by_day(scale, error.shape[2])[:, None, :]
    ordered = np.sort(scaled.reshape(len(error), -1), axis=1)
    count = is_known.sum(axis=(1, 2))
    radius = {level: _conformal(ordered, count, level) for level in LEVELS}
    return Spread(radius, np.where(count[:, None] > 0, scale, np.nan))


def limits(spread: Spread, units: Floats) -> dict[int, tuple[Floats, Floats]]:
    """Lower and upper limits (n, h) of ``units`` (n, h) by level; NaN where nothing is known of the errors.

    Days beyond the weeks that were learned from take the scale of the last one.
    """
    scale = _by_day(spread.scale, units.shape[1])
    by_level = {}
    for level, radius in spread.radius.items():
        reach = radius[:, None] * scale
        lower = units - reach
        lower = np.where(lower < _LEAST_UNIT, np.where(np.isnan(lower), np.nan, 0), lower)
        by_level[level] = (lower.astype(np.float32), (units + reach).astype(np.float32))
    return by_level


def coverage(actual: Floats, forecast: Floats, folds: NDArray[np.bool_], level: int = 80) -> Values:
    """Share (n,) of scored days inside intervals of ``level`` learned from the other folds; NaN below two."""
    inside, scored = np.zeros(len(actual)), np.zeros(len(actual))
    for fold in range(actual.shape[1]):
        others = folds.copy()
        others[:, fold] = False
        spread = spread_of(actual, forecast, others)
        lower, upper = limits(spread, forecast[:, fold])[level]
        is_known = folds[:, fold, None] & ~np.isnan(actual[:, fold]) & ~np.isnan(upper)
        hit = is_known & (actual[:, fold] >= lower) & (actual[:, fold] <= upper)
        inside += hit.sum(axis=1)
        scored += is_known.sum(axis=1)
    return _ratio(inside, scored)


def _conformal(ordered: Values, count: NDArray[np.int64], level: int) -> Values:
    place = np.ceil(level * (count + 1) / 100 - 1e-9).astype(np.int64)
    place = np.clip(place, 1, np.maximum(count, 1)) - 1
    return np.where(count > 0, ordered[np.arange(len(ordered)), place], np.nan)


def _by_day(scale: Values, days: int) -> Values:
    week = np.minimum(np.arange(days) // _WEEK, scale.shape[1] - 1)
    by_day: Values = scale[:, week]
    return by_day


def _ratio(above: Values, below: NDArray[np.number]) -> Values:
    quotient: Values = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return quotient
