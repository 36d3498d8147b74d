"""Baselines: what a planner would pencil in without any model.

Belongs here: forecasts that repeat or average observed days.
Does not belong here: anything that carries a state from day to day.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Positions, Units
from forecast_assets.forecasting.core.bounds import Checked, choice, flag, optional, share, whole, whole_rule
from forecast_assets.forecasting.core.candidates.protocol import unknown
from forecast_assets.forecasting.core.panel import Panel

MOST_SEASONS_AT_ONCE = 32
_LEAST_SEASONS = 2
_FEWEST_TO_TRIM = 4


def _visible(cutoff: int, window: int | None) -> int:
    """Position of the first day that may be read."""
    return 0 if window is None else max(0, cutoff - window)


def _newest_season(units: Units, begin: int, cutoff: int, length: int) -> Units:
    """Return (n, length): per phase the newest observed day in ``[begin, cutoff)``, NaN where there is none.

    Column j has the phase of day ``cutoff + j``.
    """
    newest = np.full((units.shape[0], length), np.nan, np.float32)
    pending = np.arange(units.shape[0])
    end, reach = cutoff, 1
    while end > begin and pending.size:
        start = max(begin, end - reach * length)
        days = units[pending, start:end]
        missing = -days.shape[1] % length
        seasons = np.pad(days, [(0, 0), (missing, 0)], constant_values=np.nan).reshape(len(days), -1, length)
        seasons = seasons[:, ::-1]
        newest_season = (~np.isnan(seasons)).argmax(axis=1)[:, None]
        season = np.take_along_axis(seasons, newest_season, axis=1)[:, 0]
        newest[pending] = np.where(np.isnan(newest[pending]), season, newest[pending])
        pending = pending[np.isnan(newest[pending]).any(axis=1)]
        # Most rows need one season; what is still open is searched in longer steps.
        end, reach = start, min(2 * reach, MOST_SEASONS_AT_ONCE)
    return np.maximum(newest, np.float32(0))


@dataclass(frozen=True, slots=True)
class Naive:
    """Repeats the last observed day."""

    name: ClassVar[str] = "naive"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        units = panel.units
        forecast = unknown(units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            newest = _newest_season(units, _visible(cutoff, window), cutoff, 1)
            forecast[:, fold] = newest
        return forecast


@dataclass(frozen=True, slots=True)
class SeasonalNaive(Checked):
    """Repeats the newest season; an unobserved day of it is taken from the season before.

    The season is 7 days, 52 weeks or 12 months unless ``season_length`` says otherwise.
    """

    season_length: int | None = optional(whole_rule(1, 365))

    name: ClassVar[str] = "seasonal_naive"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        units = panel.units
        forecast = unknown(units, cutoffs, horizon, window)
        length = self.season_length or panel.frequency.season
        phase = np.arange(horizon) % length
        for fold, cutoff in enumerate(cutoffs.tolist()):
            newest = _newest_season(units, _visible(cutoff, window), cutoff, length)
            forecast[:, fold] = newest[:, phase]
        return forecast


@dataclass(frozen=True, slots=True)
class MovingAverage(Checked):
    """Mean of the observed days among the last ``window_size``, the same for every day ahead.

    The window is 7 days, 4 weeks or 3 months unless ``window_size`` says otherwise.
    """

    window_size: int | None = optional(whole_rule(1, 90))

    name: ClassVar[str] = "moving_average"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        units = panel.units
        forecast = unknown(units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = max(_visible(cutoff, window), cutoff - (self.window_size or panel.frequency.short))
            days = units[:, begin:cutoff].astype(np.float64)
            observed = ~np.isnan(days)
            total = np.where(observed, days, 0).sum(axis=1)
            count = observed.sum(axis=1)
            mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
            forecast[:, fold] = np.maximum(mean, 0)[:, None]
        return forecast


@dataclass(frozen=True, slots=True)
class WeightedMovingAverage(Checked):
    """Weighted mean of the observed days among the last ``window_size``, newer ones weighing more.

    ``weight_strategy`` linear: the oldest day weighs 1, the newest ``window_size``; exponential: a day of
    age a weighs ``decay ** a``.
    """

    window_size: int | None = optional(whole_rule(2, 90))
    weight_strategy: str = choice("linear", "linear", "exponential")
    decay: float = share(0.7)

    name: ClassVar[str] = "weighted_moving_average"

    def weights(self, size: int) -> NDArray[np.float64]:
        """Return weights (size,) from the oldest day to the newest, not yet divided by their sum."""
        age = np.arange(size)[::-1]
        if self.weight_strategy == "exponential":
            return np.asarray(self.decay**age, np.float64)
        return np.asarray(size - age, np.float64)

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        size = self.window_size or panel.frequency.short
        weights = self.weights(size)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = max(_visible(cutoff, window), cutoff - size)
            days = panel.units[:, begin:cutoff].astype(np.float64)
            weight = np.where(np.isnan(days), 0.0, weights[size - days.shape[1] :])
            total = (weight * np.nan_to_num(days)).sum(axis=1)
            mass = weight.sum(axis=1)
            mean = np.divide(total, mass, out=np.full(mass.shape, np.nan), where=mass > 0)
            forecast[:, fold] = np.maximum(mean, 0)[:, None]
        return forecast


@dataclass(frozen=True, slots=True)
class SeasonalAverage(Checked):
    """Mean of the same place in the last ``lookback_cycles`` seasons, for every day ahead.

    ``trim_outliers`` drops the lowest and the highest of at least four observed days. Needs two seasons.
    """

    season_length: int | None = optional(whole_rule(2, 365))
    lookback_cycles: int = whole(4, 2, 12)
    trim_outliers: bool = flag()

    name: ClassVar[str] = "seasonal_average"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        length = self.season_length or panel.frequency.season
        phase = np.arange(horizon) % length
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = max(_visible(cutoff, window), cutoff - length * self.lookback_cycles)
            days = panel.units[:, begin:cutoff].astype(np.float64)
            missing = -days.shape[1] % length
            cycles = (days.shape[1] + missing) // length
            seasons = np.pad(days, [(0, 0), (missing, 0)], constant_values=np.nan)
            seasons = seasons.reshape(len(days), cycles, length)
            # The last axis is the one summed over, so that a series never depends on its neighbours.
            average = _season_mean(np.ascontiguousarray(seasons.transpose(0, 2, 1)), trim=self.trim_outliers)
            young = _age(panel.units, begin=_visible(cutoff, window), cutoff=cutoff) < _LEAST_SEASONS * length
            average[young] = np.nan
            forecast[:, fold] = np.maximum(average, 0)[:, phase]
        return forecast


def _season_mean(seasons: NDArray[np.float64], *, trim: bool) -> NDArray[np.float64]:
    """Mean (n, length) over the last axis of (n, length, cycles); NaN where nothing was observed."""
    observed = ~np.isnan(seasons)
    count = observed.sum(axis=2)
    total = np.where(observed, seasons, 0).sum(axis=2)
    if trim:
        cut = count >= _FEWEST_TO_TRIM
        low = np.where(observed, seasons, np.inf).min(axis=2)
        high = np.where(observed, seasons, -np.inf).max(axis=2)
        total = np.where(cut, total - np.where(cut, low + high, 0), total)
        count = np.where(cut, count - 2, count)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def _age(units: Units, *, begin: int, cutoff: int) -> Positions:
    """Days (n,) from the first observed day in ``[begin, cutoff)`` to the cutoff; 0 without one."""
    observed = ~np.isnan(units[:, begin:cutoff])
    if not observed.shape[1]:
        return np.zeros(len(units), np.int64)
    return np.where(observed.any(axis=1), observed.shape[1] - observed.argmax(axis=1), 0)
