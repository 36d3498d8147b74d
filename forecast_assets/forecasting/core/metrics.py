"""Forecast accuracy over arrays of series, folds and days.

Belongs here: the formulas, their edges, and how folds become one figure.
Does not belong here: what counts as good; ranking.

Percentages are 0-100 (sMAPE 0-200). Bias is actual minus forecast: positive means the forecast was too low.
All sums run over the last axis in float64, so a row never depends on the rows around it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Days of lead, counted from the first scored day as 1.
BUCKETS = {"h_1_7": (1, 7), "h_8_14": (8, 14), "h_15_28": (15, 28), "h_29_plus": (29, None)}
_FEWEST_FOR_SPREAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class FoldMetrics:
    """Metrics of m candidates, n series and k folds: float64 (m, n, k), ``sample_size`` int64 (n, k).

    ``mae``, ``rmse`` and ``bias`` are in units per day, ``smape`` and ``wape`` in percent; ``sample_size``
    counts the scored days. NaN where no day was scored or a candidate gave no number for a scored day;
    ``wape`` also where nothing was sold: such a fold counts in the other metrics only.
    """

    mae: Values
    rmse: Values
    smape: Values
    wape: Values
    bias: Values
    sample_size: NDArray[np.int64]


def fold_metrics(actual: NDArray[np.floating], forecast: NDArray[np.floating]) -> FoldMetrics:
    """Score ``forecast`` (m, n, k, h) against ``actual`` (n, k, h), whose NaN days are not scored.

    Raises ``ValueError`` when the shapes differ.
    """
    if actual.ndim != 3 or forecast.ndim != 4 or forecast.shape[1:] != actual.shape:  # noqa: PLR2004
        raise ValueError(
            f"forecast must be (candidates, series, folds, days) and actual the same without candidates, "
            f"not {forecast.shape} and {actual.shape}"
        )
    scored = ~np.isnan(actual)
    truth = np.where(scored, actual, 0).astype(np.float64)
    count = scored.sum(axis=-1)
    sold = np.abs(truth).sum(axis=-1)
    shape = (forecast.shape[0], *count.shape)
    mae, rmse, smape, wape, bias = (np.empty(shape) for _ in range(5))
    # Dividing by zero says what is meant: nothing sold, or nothing scored, is no number.
    with np.errstate(divide="ignore", invalid="ignore"):
        for candidate, guess in enumerate(forecast):
            guessed = np.where(scored, guess, 0).astype(np.float64)
            usable = np.where(np.isfinite(guessed).all(axis=-1) & (count > 0), 1.0, np.nan)
            error = truth - guessed
            size = np.abs(error)
            total = size.sum(axis=-1)
            scale = np.abs(truth) + np.abs(guessed)
            relative = np.divide(size, scale, out=np.zeros_like(size), where=scale > 0)
            mae[candidate] = usable * total / count
            rmse[candidate] = usable * np.sqrt((error * error).sum(axis=-1) / count)
            smape[candidate] = usable * 200 * relative.sum(axis=-1) / count
            wape[candidate] = usable * np.where(sold > 0, 100 * total / sold, np.nan)
            bias[candidate] = usable * error.sum(axis=-1) / count
    return FoldMetrics(mae, rmse, smape, wape, bias, count)


def aggregate(values: Values, folds_mask: NDArray[np.bool_]) -> Values:
    """Plain mean (m, n) of ``values`` (m, n, k) over the folds of ``folds_mask`` (n, k).

    NaN is skipped; NaN when no number is left.
    """
    used = _numbers(values, folds_mask)
    total = np.where(used, values, 0).sum(axis=-1)
    count = used.sum(axis=-1)
    mean: Values = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def stability(values: Values, folds_mask: NDArray[np.bool_]) -> Values:
    """Spread over the folds in percent (m, n): 100 x population standard deviation / |mean|.

    NaN for fewer than two numbers; infinite when the mean is 0.
    """
    used = _numbers(values, folds_mask)
    count = used.sum(axis=-1)
    mean = aggregate(values, folds_mask)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(used, values - mean[..., None], 0)
        deviation = np.sqrt((distance * distance).sum(axis=-1) / count)
        spread = np.where(mean == 0, np.inf, 100 * deviation / np.abs(mean))
    return np.where(count >= _FEWEST_FOR_SPREAD, spread, np.nan)


def horizon_buckets(actual: NDArray[np.floating], forecast: NDArray[np.floating]) -> dict[str, FoldMetrics]:
    """Score every range of lead apart; arguments as for ``fold_metrics``, day 1 is the first scored day.

    Ranges beyond the horizon are left out; a fold without a scored day in a range is NaN there.
    """
    return {
        name: fold_metrics(actual[..., first - 1 : last], forecast[..., first - 1 : last])
        for name, (first, last) in BUCKETS.items()
        if first <= actual.shape[-1]
    }


def _numbers(values: Values, folds_mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if values.ndim != 3 or values.shape[1:] != folds_mask.shape:  # noqa: PLR2004 - candidates x series x folds
        raise ValueError(f"values {values.shape} and folds {folds_mask.shape} do not fit")
    return folds_mask & ~np.isnan(values)
