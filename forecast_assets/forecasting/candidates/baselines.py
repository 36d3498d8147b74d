"""Baselines: what a planner would pencil in without any model.

Belongs here: forecasts that repeat or average observed days.
Does not belong here: anything that carries a state from day to day.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast_assets.forecasting.bounds import check_whole
from forecast_assets.forecasting.candidates.protocol import Positions, Units, unknown

MOST_SEASONS_AT_ONCE = 32


def _visible(cutoff: int, window: int | None) -> int:
    """Position of the first day that may be read."""
    return 0 if window is None else max(0, cutoff - window)


def _newest_season(units: Units, begin: int, cutoff: int, length: int) -> Units:
    """Answer (n, length): per phase the newest observed day in ``[begin, cutoff)``, NaN where there is none.

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
        found = np.take_along_axis(seasons, newest_season, axis=1)[:, 0]
        newest[pending] = np.where(np.isnan(newest[pending]), found, newest[pending])
        pending = pending[np.isnan(newest[pending]).any(axis=1)]
        # Most rows need one season; what is still open is searched in longer steps.
        end, reach = start, min(2 * reach, MOST_SEASONS_AT_ONCE)
    return np.maximum(newest, np.float32(0))


@dataclass(frozen=True, slots=True)
class Naive:
    """Repeats the last observed day."""

    name: ClassVar[str] = "naive"

    def predict(self, units: Units, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            newest = _newest_season(units, _visible(cutoff, window), cutoff, 1)
            forecast[:, fold] = newest
        return forecast


@dataclass(frozen=True, slots=True)
class SeasonalNaive:
    """Repeats the newest season; an unobserved day of it is taken from the season before."""

    season_length: int = 7

    name: ClassVar[str] = "seasonal_naive"

    def __post_init__(self) -> None:
        check_whole("season_length", self.season_length, 1, 365)

    def predict(self, units: Units, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(units, cutoffs, horizon, window)
        phase = np.arange(horizon) % self.season_length
        for fold, cutoff in enumerate(cutoffs.tolist()):
            newest = _newest_season(units, _visible(cutoff, window), cutoff, self.season_length)
            forecast[:, fold] = newest[:, phase]
        return forecast


@dataclass(frozen=True, slots=True)
class MovingAverage:
    """Mean of the observed days among the last ``window_size``, the same for every day ahead."""

    window_size: int = 7

    name: ClassVar[str] = "moving_average"

    def __post_init__(self) -> None:
        check_whole("window_size", self.window_size, 1, 90)

    def predict(self, units: Units, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = max(_visible(cutoff, window), cutoff - self.window_size)
            days = units[:, begin:cutoff].astype(np.float64)
            observed = ~np.isnan(days)
            total = np.where(observed, days, 0).sum(axis=1)
            count = observed.sum(axis=1)
            mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
            forecast[:, fold] = np.maximum(mean, 0)[:, None]
        return forecast
