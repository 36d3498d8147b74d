"""Forecast accuracy over arrays of series, folds and days: the one list of metrics.

Belongs here: the formulas with their names and units, their edges, and how folds become one figure.
Does not belong here: what counts as good; ranking.

Percentages are 0-100 (sMAPE 0-200). Bias is actual minus forecast: positive means the forecast was too low.
All sums run over the last axis in float64, so a row never depends on the rows around it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
MetricName = Literal["wape", "smape", "mae", "bias", "rmse"]

# Days of lead, counted from the first scored day as 1.
BUCKETS = {"h_1_7": (1, 7), "h_8_14": (8, 14), "h_15_28": (15, 28), "h_29_plus": (29, None)}
_FEWEST_FOR_SPREAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """One candidate's forecasts of n series and k folds beside what was sold; days that do not count are 0.

    ``truth``, ``guess``, ``error`` = truth - guess and its ``size`` are (n, k, h), in units; ``count`` of
    scored days and ``sold`` units are (n, k).
    """

    truth: Values
    guess: Values
    error: Values
    size: Values
    count: NDArray[np.int64]
    sold: Values


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of accuracy.

    ``formula`` turns errors into figures (n, k); dividing by zero gives NaN or infinity there. ``is_signed``:
    the best value is the one nearest to zero, otherwise the lowest. ``tie`` is its place in the chain that
    breaks ties of a ranking. The figure of a series is the plain mean over the folds that have one.
    """

    label: str
    unit: Literal["percent", "units a day"]
    meaning: str
    formula: Callable[[Errors], Values]
    tie: int | None = None
    is_signed: bool = False


def _smape(errors: Errors) -> Values:
    scale = np.abs(errors.truth) + np.abs(errors.guess)
    relative = np.divide(errors.size, scale, out=np.zeros_like(scale), where=scale > 0)
    figures: Values = 200 * relative.sum(axis=-1) / errors.count
    return figures


def _wape(errors: Errors) -> Values:
    return np.where(errors.sold > 0, 100 * errors.size.sum(axis=-1) / errors.sold, np.nan)


METRICS: Mapping[str, Metric] = {
    "wape": Metric("WAPE", "percent", "sum of absolute errors in percent of sales", _wape, tie=0),
    "smape": Metric("sMAPE", "percent", "symmetric percentage error, 0 to 200", _smape, tie=1),
    "mae": Metric(
        "MAE",
        "units a day",
        "mean absolute error",
        lambda errors: errors.size.sum(axis=-1) / errors.count,
        tie=3,
    ),
    "bias": Metric(
        "bias",
        "units a day",
        "mean of actual minus forecast; positive = forecasts too little",
        lambda errors: errors.error.sum(axis=-1) / errors.count,
        tie=2,
        is_signed=True,
    ),
    "rmse": Metric(
        "RMSE",
        "units a day",
        "root mean squared error",
        lambda errors: np.sqrt((errors.error * errors.error).sum(axis=-1) / errors.count),
    ),
}
# What breaks ties, the first first: without a number for each of them a candidate is not ranked.
CHAIN: tuple[str, ...] = tuple(
    name for _, name in sorted((one.tie, name) for name, one in METRICS.items() if one.tie is not None)
)
# Those of the chain, in the order of all metrics: what a scored item of a launch reports.
ITEM_METRICS: tuple[str, ...] = tuple(name for name in METRICS if name in CHAIN)


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
    figures = {name: np.empty((forecast.shape[0], *count.shape)) for name in METRICS}
    # Dividing by zero says what is meant: nothing sold, or nothing scored, is no number.
    with np.errstate(divide="ignore", invalid="ignore"):
        for candidate, days in enumerate(forecast):
            guess = np.where(scored, days, 0).astype(np.float64)
            usable = np.where(np.isfinite(guess).all(axis=-1) & (count > 0), 1.0, np.nan)
            error = truth - guess
            errors = Errors(truth, guess, error, np.abs(error), count, sold)
            for name, metric in METRICS.items():
                figures[name][candidate] = usable * metric.formula(errors)
    return FoldMetrics(**figures, sample_size=count)


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
