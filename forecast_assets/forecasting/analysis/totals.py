"""Distributions of totals: what many series sell together, whose errors go together.

Belongs here: ranks of past errors, and samples of sums that keep which errors came on the same day.
Does not belong here: distributions of single series (``core.prediction``), reading any of it.

Every past day of the folds is one scenario: each series takes the quantile that the rank of its own error on
that day names, so that series which were wrong together are so in the sum. Source: the Schaake shuffle, Clark
et al. 2004. Between the stored quantiles values are interpolated linearly; beyond the outermost they stay.
"""

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Numbers, Values
from forecast_assets.forecasting.core.distribution import PROBABILITIES, scale_of
from forecast_assets.forecasting.core.hashing import by_day, hashed

_SEED = 23
_LEVELS = np.array(PROBABILITIES)
_BLOCK = 256


def error_ranks(keys: list[str], actual: Numbers, forecast: Numbers, counted: NDArray[np.bool_]) -> Values:
    """Rank the errors of each series among its own (n, k, h): above 0, below 1, ties by lot.

    ``actual`` and ``forecast`` are (n, k, h), ``counted`` (n, k) tells which folds count; days without an
    error get a rank by lot. The lot depends on the ``keys`` alone.
    """
    error = (np.where(counted[..., None], actual, np.nan) - forecast) / scale_of(forecast)
    flat = error.reshape(len(error), -1)
    lot = by_lot(keys, flat.shape[1])
    order = np.lexsort((lot, np.where(np.isnan(flat), np.inf, flat)), axis=1)
    places = np.empty(flat.shape)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(flat.shape[1]), flat.shape), axis=1)
    is_known = np.isfinite(flat)
    ranks: Values = np.where(is_known, (places + 0.5) / np.maximum(is_known.sum(axis=1), 1)[:, None], lot)
    return ranks.reshape(error.shape)


def by_lot(keys: list[str], days: int) -> Values:
    """Return numbers (n, days) between 0 and 1 that depend on the key and the place alone."""
    drawn = by_day(hashed(keys, _SEED), np.arange(days))
    lot: Values = ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    return lot


def paths(ranks: Values, horizon: int) -> Values:
    """Turn ranks (n, k, h) of past days into scenarios (n, k x h, horizon), each beginning on another day.

    A scenario goes on within its fold, and from its end at its beginning.
    """
    folds, days = ranks.shape[1:]
    fold, start = np.divmod(np.arange(folds * days), days)
    day = (start[:, None] + np.arange(horizon)) % days
    scenarios: Values = ranks[:, fold[:, None], day]
    return scenarios


def sampled(quantiles: Numbers, scenarios: Values) -> Values:
    """Return units (n, s, h) of scenarios of ranks (n, s, h) by the ``quantiles`` (n, h, q) of each day."""
    above = np.clip(np.searchsorted(_LEVELS, scenarios), 1, len(_LEVELS) - 1)
    low, high = _LEVELS[above - 1], _LEVELS[above]
    share = np.clip((scenarios - low) / (high - low), 0, 1)
    row = np.arange(len(quantiles))[:, None, None]
    day = np.arange(quantiles.shape[1])[None, None]
    lower, upper = quantiles[row, day, above - 1], quantiles[row, day, above]
    units: Values = lower + share * (upper - lower)
    return units


def summed(expected: Numbers, quantiles: Numbers, ranks: Values) -> Values:
    """Return scenarios (s, h) of the sum of n series, moved so that their mean is the sum of the expected.

    ``expected`` is (n, h), ``quantiles`` (n, h, q), ``ranks`` (n, k, d) of the folds. Series whose quantiles
    are not known count as if they were certain.
    """
    horizon = expected.shape[1]
    total = np.zeros((ranks.shape[1] * ranks.shape[2], horizon))
    for begin in range(0, len(expected), _BLOCK):
        part = slice(begin, begin + _BLOCK)
        units = sampled(quantiles[part], paths(ranks[part], horizon))
        total += np.where(np.isfinite(units), units, expected[part, None]).sum(axis=0)
    moved: Values = total + (expected.sum(axis=0, dtype=np.float64) - total.mean(axis=0))
    return np.maximum(moved, 0)


def quantiles_of(scenarios: Values) -> Values:
    """Return the quantiles (h, q) of scenarios (s, h) at the stored probabilities."""
    return np.moveaxis(np.quantile(scenarios, _LEVELS, axis=0), 0, -1)


def totals_by_day(sold: Values, expected: Values) -> tuple[float | None, float | None]:
    """Return bias and error of totals of days (any shape), in percent of sales; nothing without any.

    Bias is sold minus expected: positive means that too little was expected.
    """
    units = float(sold.sum())
    if units <= 0:
        return None, None
    missed = sold - expected
    return float(100 * missed.sum() / units), float(100 * np.abs(missed).sum() / units)
