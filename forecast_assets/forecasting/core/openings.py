"""Weekdays on which a series is never observed: its store is closed, and nothing will be sold.

Belongs here: telling such weekdays from the newest weeks of a series.
Does not belong here: why days were not observed (``datasets``), holidays and single closures.
"""

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.panel import Panel

WEEKS = 8
_WEEK = 7
# So many of the eight other weekdays must be observed, or the series says too little.
_OFTEN = 6


def closed_ahead(panel: Panel, horizon: int) -> NDArray[np.bool_]:
    """Days (n, horizon) after the panel on whose weekday a series was not observed once in eight weeks.

    The weeks are those before its last observed day; the other weekdays must have been observed often.
    """
    count, days = panel.units.shape
    if panel.frequency != DAY or days < WEEKS * _WEEK:
        return np.zeros((count, horizon), np.bool_)
    ends = np.maximum(panel.last + 1, WEEKS * _WEEK)
    window = ends[:, None] - np.arange(WEEKS * _WEEK, 0, -1)
    seen = ~np.isnan(np.take_along_axis(panel.units, window, axis=1))
    # The weekday of a position counts from the panel's first day.
    times = np.zeros((count, _WEEK), np.int64)
    np.add.at(times, (np.arange(count)[:, None], window % _WEEK), seen)
    closed = (times == 0) & (times.max(axis=1) >= _OFTEN)[:, None]
    ahead: NDArray[np.bool_] = closed[:, (days + np.arange(horizon)) % _WEEK]
    return ahead
