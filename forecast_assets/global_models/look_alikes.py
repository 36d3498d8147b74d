"""How wrong is the mean of products like it? Measured on series that have a history.

Belongs here: what such a forecast would have been for every pooled series at every cutoff.
Does not belong here: which series are forecast so (``forecasts.block``).
"""

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.keys import SeriesKey

LOOK_ALIKE = "look_alike"


def look_alike_curves(panel: Panel, cutoffs: NDArray[np.int64], horizon: int) -> NDArray[np.float32]:
    """Return (n, k, horizon): before each cutoff the mean demand of other series of the same product.

    Where there are none those of the same store count, else all; a series itself never does.
    """
    keys = [SeriesKey.parse(key) for key in panel.series.tolist()]
    curves = np.full((len(keys), len(cutoffs), horizon), np.nan, np.float32)
    for fold, cutoff in enumerate(cutoffs.tolist()):
        past = panel.units[:, :cutoff]
        seen = (~np.isnan(past)).sum(axis=1)
        sold = np.nansum(past, axis=1, dtype=np.float64)
        demand = np.divide(sold, seen, out=np.full(len(keys), np.nan), where=seen > 0)
        level = np.full(len(keys), np.nan)
        for groups in ([key.product for key in keys], [key.store for key in keys], [""] * len(keys)):
            level = np.where(np.isnan(level), _mean_of_others(demand, groups), level)
        curves[:, fold] = level[:, None]
    return curves


def _mean_of_others(demand: Values, groups: list[str]) -> Values:
    """Return means (n,) over the other members of each group, NaN where there are none."""
    _, place = np.unique(np.array(groups), return_inverse=True)
    has_demand = np.isfinite(demand)
    own = np.where(has_demand, demand, 0)
    count = np.bincount(place, has_demand)[place] - has_demand
    total = np.bincount(place, own)[place] - own
    means: Values = np.divide(total, count, out=np.full(len(demand), np.nan), where=count > 0)
    return means
