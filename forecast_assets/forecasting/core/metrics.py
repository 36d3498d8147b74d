"""Forecast accuracy over arrays of series, folds and days: the one list of metrics.

Belongs here: the formulas with their names and units, their edges, and how folds become one figure.
Does not belong here: what counts as good; ranking.

Percentages are 0-100 (sMAPE 0-200). Bias is actual minus forecast: positive means the forecast was too low.
All sums run over the last axis in float64, so a row never depends on the rows around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.fold_errors import DistributionSums, Errors

MetricName = Literal[
    "wape", "smape", "mae", "bias", "rmse",
    "wape_bias", "total_error", "pinball", "wql", "coverage_80", "coverage_95", "stock_cost", "service",
]  # fmt: skip

# Days of lead, counted from the first scored day as 1.
BUCKETS = {"h_1_7": (1, 7), "h_8_14": (8, 14), "h_15_28": (15, 28), "h_29_plus": (29, None)}
_FEWEST_FOR_SPREAD = 2


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of accuracy.

    ``formula`` turns errors into figures (n, k); dividing by zero gives NaN or infinity there. The best value
    is the one nearest to ``target``, without one the lowest. ``tie`` is its place in the chain that
    breaks ties of a ranking. The figure of a series is the plain mean over the folds that have one;
    ``by_fold``: those of the folds are stored, too. ``of_distribution``: it takes a pool of errors.
    """

    label: str
    unit: Literal["percent", "units a period", "units per 100 sold"]
    meaning: str
    formula: Callable[[Errors], Values]
    tie: int | None = None
    target: float | None = None
    by_fold: bool = False
    of_distribution: bool = False

    def distance(self, values: Values) -> Values:
        """Return how far ``values`` are from the best one; the lower the better."""
        return values if self.target is None else np.abs(values - self.target)


def _smape(errors: Errors) -> Values:
    scale = np.abs(errors.truth) + np.abs(errors.guess)
    relative = np.divide(errors.size, scale, out=np.zeros_like(scale), where=scale > 0)
    figures: Values = 200 * relative.sum(axis=-1) / errors.count
    return figures


def _wape(errors: Errors) -> Values:
    return np.where(errors.sold > 0, 100 * errors.size.sum(axis=-1) / errors.sold, np.nan)


def _total_error(errors: Errors) -> Values:
    return np.where(errors.sold > 0, 100 * np.abs(errors.spread.missed) / errors.sold, np.nan)


METRICS: Mapping[str, Metric] = {
    "wape": Metric(
        "WAPE", "percent", "sum of absolute errors in percent of sales", _wape, tie=0, by_fold=True
    ),
    "smape": Metric("sMAPE", "percent", "symmetric percentage error, 0 to 200", _smape, tie=1, by_fold=True),
    "mae": Metric(
        "MAE",
        "units a period",
        "mean absolute error",
        lambda errors: errors.size.sum(axis=-1) / errors.count,
        tie=3,
        by_fold=True,
    ),
    "bias": Metric(
        "bias",
        "units a period",
        "mean of actual minus forecast; positive = forecasts too little",
        lambda errors: errors.error.sum(axis=-1) / errors.count,
        tie=2,
        target=0,
        by_fold=True,
    ),
    "rmse": Metric(
        "RMSE",
        "units a period",
        "root mean squared error",
        lambda errors: np.sqrt((errors.error * errors.error).sum(axis=-1) / errors.count),
        by_fold=True,
    ),
    "wape_bias": Metric(
        "WAPE and bias",
        "percent",
        "WAPE plus the absolute bias of the expected units in percent of sales",
        lambda errors: _wape(errors) + _total_error(errors),
    ),
    "total_error": Metric(
        "error of totals",
        "percent",
        "absolute error of the expected total of a fold in percent of its sales",
        _total_error,
    ),
    "pinball": Metric(
        "pinball loss",
        "units a period",
        "mean pinball loss of the quantiles from 0.1 to 0.9",
        lambda errors: errors.spread.loss / 2 / errors.count,
        of_distribution=True,
    ),
    "wql": Metric(
        "weighted quantile loss",
        "percent",
        "twice the pinball loss of the quantiles from 0.1 to 0.9 in percent of sales",
        lambda errors: np.where(errors.sold > 0, 100 * errors.spread.loss / errors.sold, np.nan),
        of_distribution=True,
    ),
    "coverage_80": Metric(
        "coverage of 80 %",
        "percent",
        "share of days inside the 80 % interval",
        lambda errors: 100 * errors.spread.inside_80 / errors.count,
        target=80,
        of_distribution=True,
    ),
    "coverage_95": Metric(
        "coverage of 95 %",
        "percent",
        "share of days inside the 95 % interval",
        lambda errors: 100 * errors.spread.inside_95 / errors.count,
        target=95,
        of_distribution=True,
    ),
    "stock_cost": Metric(
        "stock cost",
        "units per 100 sold",
        "pinball loss at 0.95 of demand over a lead time of 7 periods, per 100 units sold",
        lambda errors: 100 * errors.spread.lead_loss / errors.spread.lead_sold,
        of_distribution=True,
    ),
    "service": Metric(
        "achieved service",
        "percent",
        "share of lead times of 7 periods that stock for a service of 95 % covers",
        lambda errors: 100 * errors.spread.covered / errors.spread.windows,
        target=95,
        of_distribution=True,
    ),
}
# What breaks ties, the first first: without a number for each of them a candidate is not ranked.
CHAIN: tuple[str, ...] = tuple(
    name for _, name in sorted((one.tie, name) for name, one in METRICS.items() if one.tie is not None)
)
# Those of the chain, in the order of all metrics: what a scored item of a launch reports.
ITEM_METRICS: tuple[str, ...] = tuple(name for name in METRICS if name in CHAIN)
# What stands beside them of the expected units: how far off totals are.
TOTAL_METRICS: tuple[str, ...] = ("wape_bias", "total_error")
# Those of which every fold is on record.
BY_FOLD: tuple[str, ...] = tuple(name for name, one in METRICS.items() if one.by_fold)
# Those of a candidate's curve alone.
OF_CURVES: tuple[str, ...] = tuple(name for name, one in METRICS.items() if not one.of_distribution)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MetricValues:
    """One array per metric of ``METRICS``, in its unit, and the scored days behind them."""

    mae: Values
    rmse: Values
    smape: Values
    wape: Values
    bias: Values
    wape_bias: Values
    total_error: Values
    pinball: Values
    wql: Values
    coverage_80: Values
    coverage_95: Values
    stock_cost: Values
    service: Values
    sample_size: NDArray[np.int64]


class FoldMetrics(MetricValues):
    """Metrics of m candidates, n series and k folds: float64 (m, n, k), ``sample_size`` int64 (n, k).

    ``mae``, ``rmse`` and ``bias`` are in units per day, ``smape`` and ``wape`` in percent; ``sample_size``
    counts the scored days. NaN where no day was scored or a candidate gave no number for a scored day;
    shares of sales also where nothing was sold: such a fold counts in the other metrics only. What takes a
    distribution is NaN without one.
    """

    __slots__ = ()


def fold_metrics(
    actual: NDArray[np.floating],
    forecast: NDArray[np.floating],
    spreads: Sequence[DistributionSums | None] | None = None,
) -> FoldMetrics:
    """Score ``forecast`` (m, n, k, h) against ``actual`` (n, k, h), whose NaN days are not scored.

    ``spreads`` (m,) say what the distributions of each candidate missed. Raises ``ValueError`` when the
    shapes differ.
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
        for candidate, (days, spread) in enumerate(
            zip(forecast, spreads or [None] * len(forecast), strict=True)
        ):
            guess = np.where(scored, days, 0).astype(np.float64)
            usable = np.where(np.isfinite(guess).all(axis=-1) & (count > 0), 1.0, np.nan)
            error = truth - guess
            sums = spread or DistributionSums.unknown(error.sum(axis=-1))
            errors = Errors(truth, guess, error, np.abs(error), count, sold, sums)
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
