"""Additive models of single series: a ridge regression whose parts sum to the forecast.

Belongs here: linear models over the calendar or a feature frame, and their parts.
Does not belong here: the columns of a frame (``frames``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Positions, Units, Values
from forecast_assets.forecasting.core.bounds import Checked, flag, number, ruled, whole
from forecast_assets.forecasting.core.candidates.protocol import blocks, unknown
from forecast_assets.forecasting.core.candidates.tabular import PACKS_RULE, Framed
from forecast_assets.forecasting.core.frames import frame
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.panel import Panel

BLOCK = 64
LEAST_ROWS = 30
_FEWEST_DAYS = 2
_SEASONAL = ("dow_", "month_", "is_weekend", "is_month_end", "week_", "day_of_month_")
_PLANNED = ("price_", "promo_", "is_holiday", "markdown_", "bundle_")


def _ridge(
    columns: Values, target: Values, used: NDArray[np.bool_], alpha: float
) -> tuple[Values, Values, Values]:
    """Fit (n, T, p) to (n, T) over the ``used`` days: weights (n, p), means (n, p) and intercepts (n,)."""
    weight = used.astype(np.float64)
    count = np.maximum(weight.sum(axis=1), 1)
    middle = (columns * weight[..., None]).sum(axis=1) / count[:, None]
    level = (np.where(used, target, 0)).sum(axis=1) / count
    centred = (columns - middle[:, None, :]) * weight[..., None]
    off = np.where(used, target - level[:, None], 0)
    gram = np.matmul(centred.transpose(0, 2, 1), centred)
    gram += alpha * np.eye(columns.shape[2])
    moment = np.matmul(centred.transpose(0, 2, 1), off[..., None])
    # A column that never varies has nothing to say; without a penalty its equation would be singular.
    still = np.einsum("nii->ni", gram) <= 0
    gram += np.einsum("ni,ij->nij", still.astype(np.float64), np.eye(columns.shape[2]))
    return np.linalg.solve(gram, moment)[..., 0], middle, level


@dataclass(frozen=True, slots=True)
class TrendRegression(Checked):
    """Ridge regression on elapsed days, weekday and month: a straight line with a calendar."""

    alpha: float = number(1.0, 0, 1000)
    include_dow: bool = flag(default=True)
    include_month: bool = flag(default=True)

    name: ClassVar[str] = "trend_regression_baseline"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = 0 if window is None else max(0, cutoff - window)
            columns = self._columns(panel, begin, cutoff + horizon)
            for rows in blocks(len(panel.units), BLOCK):
                past = panel.units[rows, begin:cutoff].astype(np.float64)
                used = ~np.isnan(past)
                size = cutoff - begin
                whole_frame = np.broadcast_to(columns, (len(past), *columns.shape))
                weights, middle, level = _ridge(whole_frame[:, :size], past, used, self.alpha)
                ahead = level[:, None] + np.einsum(
                    "nhp,np->nh", whole_frame[:, size:] - middle[:, None], weights
                )
                ahead[used.sum(axis=1) < _FEWEST_DAYS] = np.nan
                forecast[rows, fold] = np.maximum(ahead, 0)
        return forecast

    def _columns(self, panel: Panel, begin: int, end: int) -> Values:
        """Calendar columns (days, p) of the days ``begin`` to ``end``; the day counts in years."""
        dates = panel.dates(begin, end)
        columns = [np.arange(end - begin) * panel.frequency.days / 365.25]
        if self.include_dow and panel.frequency == DAY:
            weekday = (dates.astype(np.int64) + 3) % 7
            columns += [(weekday == day).astype(np.float64) for day in range(7)]
        if self.include_month:
            month = dates.astype("datetime64[M]").astype(np.int64) % 12
            columns += [(month == number).astype(np.float64) for number in range(12)]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class ProphetLike(Framed):
    """Ridge regression over a feature frame: trend, calendar and plan, added up."""

    alpha: float = number(1.0, 0, 10_000)
    frame: int = whole(1, 1, 2)
    packs: str = ruled("", PACKS_RULE)

    name: ClassVar[str] = "prophet_like"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            for rows, parts in self.parts(panel, cutoff, horizon, window):
                forecast[rows, fold] = np.maximum(sum(parts.values()), 0)
        return forecast

    def parts(
        self, panel: Panel, cutoff: int, horizon: int, window: int | None = None
    ) -> Iterator[tuple[slice, dict[str, Values]]]:
        """Intercept, trend, seasonality and plan (n, horizon); their sum is the forecast, not yet cut at 0.

        What is unknown takes the median of the days that were learned from; NaN below 30 of them.
        """
        for rows in blocks(len(panel.units), BLOCK):
            part = panel.take(np.arange(rows.start, rows.stop))
            begin = 0 if window is None else max(0, cutoff - window)
            features = frame(part, cutoff, horizon, self.frame, self.chosen(), begin=begin)
            columns = np.stack(list(features.values()), axis=2)[:, begin:]
            size = cutoff - begin
            past = part.units[:, begin:cutoff].astype(np.float64)
            used = ~np.isnan(past)
            columns = _imputed(columns, used, size)
            weights, middle, level = _ridge(columns[:, :size], past, used, self.alpha)
            shares = (columns[:, size:] - middle[:, None]) * weights[:, None]
            # What every day shares belongs to the intercept, so that a part is what it adds on its day.
            young = used.sum(axis=1) < LEAST_ROWS
            grouped = {"intercept": np.repeat(level[:, None], horizon, axis=1)}
            for group in ("trend", "seasonality", "holiday_regressor"):
                own = [at for at, name in enumerate(features) if _group(name) == group]
                grouped[group] = shares[:, :, own].sum(axis=2)
            for values in grouped.values():
                values[young] = np.nan
            yield rows, grouped


def _group(column: str) -> str:
    if column.startswith(_SEASONAL):
        return "seasonality"
    return "holiday_regressor" if column.startswith(_PLANNED) else "trend"


def _imputed(columns: Values, used: NDArray[np.bool_], size: int) -> Values:
    """Fill unknown cells (n, T + h, p) with the median of the used days of the past, or 0 without one."""
    if not size:
        return np.nan_to_num(columns)
    past = np.where(used[..., None], columns[:, :size], np.nan)
    is_known: NDArray[np.bool_] = np.any(~np.isnan(past), axis=1)
    filled = np.where(is_known[:, None, :], past, 0.0)
    middle = np.where(is_known, np.nanmedian(filled, axis=1), 0.0)
    return np.where(np.isnan(columns), middle[:, None, :], columns)
