"""Distributions around a curve: what the errors of past folds say of the days ahead.

Belongs here: tables of pooled errors by level; means, medians and quantiles looked up in them.
Does not belong here: which folds are pooled (``pool``), and sums over a lead time (``lead_time``).

An error (actual minus curve) is divided by the square root of the curve plus one half, the scale of a count,
and looked up by the level of the curve: errors of slow movers are skewed, and a symmetric radius is wrong for
them. Between the levels and the probabilities of a table its values are interpolated linearly; beyond its
outermost levels and probabilities (0.005 and 0.999) they stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Numbers, Values

PROBABILITIES = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.98)
FEWEST_ERRORS = 200
_BINS = 40
_FEWEST_PER_BIN = 100
_HALF = 0.5
_ARRAYS = ("levels", "errors", "mean", "size", "rms")
_GRID = np.concatenate([[0.005, 0.01], np.linspace(0.025, 0.975, 39), [0.98, 0.99, 0.995, 0.999]])
# A mean that so few errors hold is drawn towards none: it would move a curve by its own noise. A mean that is
# many times its noise is no noise, and fewer errors count against it.
_DRAWN_TOWARDS_NONE = 200
_NOISE_MARGIN = 4
# Levels above and below one that most days have get their own errors from so many on.
_FEWEST_BESIDE = 25
# Above so many units the rounding of a quantile to whole units says nothing.
_COUNTS = 8


def scale_of(curve: Numbers) -> Values:
    """Return what the errors around a ``curve`` in units are divided by."""
    return np.sqrt(np.maximum(curve.astype(np.float64), 0) + _HALF)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorTable:
    """Scaled errors by level of a curve.

    ``levels`` (b,) are mean units of the curve in each bin, rising; ``errors`` (b, g) quantiles of the scaled
    errors at the g probabilities of the grid; ``mean`` (b,) their means, drawn towards 0 where they are few;
    ``size`` (b,) the mean absolute error of the median, ``rms`` (b,) the standard deviation of a new error;
    ``count`` how many errors were pooled. With ``whole`` only whole units are sold: quantiles of small
    counts are rounded.
    """

    levels: Values
    errors: Values
    mean: Values
    size: Values
    rms: Values
    count: int
    whole: bool = False

    @classmethod
    def learn(
        cls, curve: Numbers, actual: Numbers, *, whole: bool = False, fewest: int = FEWEST_ERRORS
    ) -> Self | None:
        """Pool the errors of days (N,), NaN = unknown; return nothing below ``fewest`` of them."""
        usable = np.isfinite(curve) & np.isfinite(actual)
        if usable.sum() < fewest:
            return None
        units, sold = curve[usable].astype(np.float64), actual[usable].astype(np.float64)
        order = np.argsort(units, kind="stable")
        units, error = units[order], ((sold - units) / scale_of(units))[order]
        edges = _edges(units)
        parts = [np.sort(part) for part in np.split(error, edges)]
        moments = [_moments(part) for part in parts]
        draft = cls(
            levels=np.array([part.mean() for part in np.split(units, edges)]),
            errors=_sample_quantiles(parts),
            mean=np.array([_drawn_mean(mean, variance, count) for mean, variance, count in moments]),
            size=np.zeros(len(parts)),
            rms=np.array([_next_deviation(variance, count) for _, variance, count in moments]),
            count=int(units.size),
            whole=whole,
        )
        off = np.abs(sold[order] - draft.median(units)) / scale_of(units)
        return replace(draft, size=np.array([part.mean() for part in np.split(off, edges)]))

    def expected(self, curve: Numbers) -> Values:
        """Return the expected units (the mean) around a ``curve`` of any shape; never negative."""
        units: Values = np.maximum(curve + scale_of(curve) * np.interp(curve, self.levels, self.mean), 0)
        return units

    def quantiles(self, curve: Numbers, probabilities: Values, *, spread: Values | float = 1.0) -> Values:
        """Return units (..., q) at ``probabilities`` (q,) around a ``curve`` (...): rising, never negative.

        ``spread`` (as the curve, or to be broadcast to it) multiplies the errors.
        """
        flat = curve.ravel().astype(np.float64)
        units = _between(flat, self.levels, _between(probabilities, _GRID, self.errors).T)
        units *= scale_of(flat) * np.broadcast_to(spread, curve.shape).ravel()
        units += flat
        np.maximum(units, 0, out=units)
        if self.whole:
            np.floor(units + _HALF, out=units, where=units < _COUNTS)
        for lower, upper in pairwise(units):  # many times as fast as to accumulate along an axis
            np.maximum(lower, upper, out=upper)
        return np.ascontiguousarray(units.T).reshape(*curve.shape, len(probabilities))

    def median(self, curve: Numbers, *, spread: Values | float = 1.0) -> Values:
        """Return the median around a ``curve`` of any shape."""
        middle: Values = self.quantiles(curve, np.array([0.5]), spread=spread)[..., 0]
        return middle

    def absolute_error(self, curve: Numbers) -> Values:
        """Return the absolute error of the median, in units, that days of the level of a ``curve`` have."""
        error: Values = scale_of(curve) * np.interp(curve, self.levels, self.size)
        return error

    def deviation(self, curve: Numbers) -> Values:
        """Return the standard deviation of days of the level of a ``curve``, in units."""
        units: Values = scale_of(curve) * np.interp(curve, self.levels, self.rms)
        return units

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers that ``from_json`` reads back to the same bytes."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {**arrays, "count": self.count, "whole": self.whole}

    @classmethod
    def from_json(cls, parts: Mapping[str, Any]) -> Self:
        """Return the table that ``to_json`` wrote."""
        arrays = {name: np.array(parts[name], np.float64) for name in _ARRAYS}
        return cls(**arrays, count=parts["count"], whole=parts["whole"])


def _edges(units: Values) -> NDArray[np.int64]:
    """Return where the bins of sorted levels (N,) begin, but the first; days of equal level stay together.

    A level that fills bins of its own is parted from those beside it: a curve of 1 is wrong in another way
    than one of 0, even where hardly any day has it.
    """
    bins = max(1, min(_BINS, units.size // _FEWEST_PER_BIN))
    inner = units[np.arange(1, bins) * units.size // bins]
    begin, end = np.searchsorted(units, inner), np.searchsorted(units, inner, side="right")
    edges = set(begin.tolist()) | set(end[end - begin >= _FEWEST_PER_BIN].tolist())
    kept = [0]
    for edge in sorted(edges):
        if min(edge - kept[-1], units.size - edge) >= _FEWEST_BESIDE:
            kept.append(edge)
    return np.array(kept[1:], np.int64)


def _between(at: Values, places: Values, rows: Values) -> Values:
    """Interpolate each of the ``rows`` (q, b), whose values stand at ``places`` (b,), at ``at`` (n,): (q, n).

    The numbers of ``np.interp`` row by row, without its search for every row.
    """
    slopes = np.diff(rows, axis=1, append=rows[:, -1:]) / np.diff(places, append=places[-1] + 1)
    inside = np.clip(at, places[0], places[-1])
    low = np.searchsorted(places, inside, side="right") - 1
    result: Values = np.take(slopes, low, axis=1)
    result *= inside - places[low]
    result += np.take(rows, low, axis=1)
    return result


def _sample_quantiles(parts: Sequence[Values]) -> Values:
    """Return the quantiles (b, g) of sorted ``parts`` at the probabilities of the grid.

    The quantile of the sample covers too little: a new error is below the r-th of n with the chance
    r / (n + 1). The numbers are those of ``np.quantile`` with ``method="weibull"``, part by part.
    """
    counts = np.array([part.size for part in parts])[:, None]
    rank = np.clip(counts * _GRID + _GRID - 1, 0, counts - 1)
    below = rank.astype(np.int64)
    share, values = rank - below, np.concatenate(parts)
    below += np.cumsum(counts, axis=0) - counts
    low, high = values[below], values[np.minimum(below + 1, np.cumsum(counts, axis=0) - 1)]
    # From the nearer end, as NumPy does it.
    result: Values = np.where(share < _HALF, low + (high - low) * share, high - (high - low) * (1 - share))
    return result


def _moments(errors: Values) -> tuple[float, float, int]:
    """Return mean, variance and number of ``errors`` (n,)."""
    mean = errors.mean()
    apart = errors - mean
    return float(mean), float((apart * apart).mean()), errors.size


def _drawn_mean(mean: float, variance: float, count: int) -> float:
    """Return the mean of ``count`` scaled errors, drawn towards 0 as far as it may be noise."""
    noise = _NOISE_MARGIN * variance
    certain = noise < _DRAWN_TOWARDS_NONE * mean**2
    return mean * count / (count + (noise / mean**2 if certain else _DRAWN_TOWARDS_NONE))


def _next_deviation(variance: float, count: int) -> float:
    """Return the standard deviation of a new error around the mean of ``count``, itself uncertain."""
    return float(np.sqrt(variance) * np.sqrt((count + 1) / max(count - 1, 1)))


def pinball_loss(short: Values, levels: Values | float) -> Values:
    """Return the loss of quantiles at ``levels``; ``short`` is actual minus quantile, of the same shape."""
    loss: Values = np.maximum(levels * short, (levels - 1) * short)
    return loss


def own_spread(own: Values, pooled: Values, days: NDArray[np.int64], drawn: float) -> Values:
    """Return by how much the errors of each series (n,) are larger than those of its level; 1 is as large.

    ``own`` and ``pooled`` (n,) are sums of absolute scaled errors over ``days`` (n,): what was, and what is
    usual at the levels of the series. Their ratio is drawn towards 1 as if ``drawn`` more days were usual.
    """
    if np.isinf(drawn):
        return np.ones(len(own))
    extra = drawn * np.divide(pooled, days, out=np.zeros(len(own)), where=days > 0)
    return np.divide(own + extra, pooled + extra, out=np.ones(len(own)), where=pooled + extra > 0)
