"""Exponential smoothing with and without a season: ETS(A,N,N) and ETS(A,N,A).

Belongs here: the grid of smoothing weights, the one pass over the days, the choice by AICc.
Does not belong here: trends; other seasons than the one of the panel's frequency.

All configurations of all series of a block advance together, one day at a time, by elementwise
operations: a lane (configuration, series) never sees its neighbours. One pass serves every cutoff,
because the past of an older cutoff is a prefix of the past of a newer one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Positions, Units
from forecast_assets.forecasting.core.candidates.protocol import blocks, histories, unknown
from forecast_assets.forecasting.core.frequency import DAY, MONTH, WEEK
from forecast_assets.forecasting.core.panel import Panel

# The starting states are averages of so many whole seasons after launch, by length of the season.
_WARM_UP = {DAY.season: 4, MONTH.season: 2, WEEK.season: 1}
BLOCK = 1024

# Finer or wider grids cost more and were no more accurate, neither against AutoETS nor on held-out days.
_LEVEL_ONLY = (0.01, 0.04, 0.1, 0.25, 0.6)
_SEASONAL = tuple((alpha, gamma) for alpha in (0.005, 0.02, 0.06, 0.2) for gamma in (0.002, 0.01, 0.04, 0.15))
_FREE_LEVEL_ONLY = 3  # alpha, the first level, the variance
_FREE_BESIDE_SEASON = 3  # alpha, gamma, the variance; level and season are as many as the season is long
_FEWEST_DAYS = 2
_PLAIN = len(_LEVEL_ONLY)
_ALPHA = np.array((*_LEVEL_ONLY, *(alpha for alpha, _ in _SEASONAL)), np.float32)[:, None]
_GAMMA = np.array([gamma for _, gamma in _SEASONAL], np.float32)[:, None]


@dataclass(frozen=True, slots=True)
class ETS:
    """Level with or without season; the best of a fixed grid of smoothing weights by AICc."""

    name: ClassVar[str] = "ets"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        units = panel.units
        forecast = unknown(units, cutoffs, horizon, window)
        for history in histories(cutoffs, window):
            past = units[:, history.begin : history.end]
            for rows in blocks(units.shape[0], BLOCK):
                forecast[rows, history.first : history.last] = _forecast(
                    past[rows], history.stops, horizon, panel.frequency.season
                )
        return forecast


def _forecast(past: Units, stops: Positions, horizon: int, season: int) -> Units:
    """Return (n, k, horizon) for one block of series.

    The starting states read the days of the warm-up after launch, so a cutoff within them needs a pass of
    its own.
    """
    warm_up = season * _WARM_UP[season]
    forecast = np.full((past.shape[0], stops.size, horizon), np.nan, np.float32)
    observed = ~np.isnan(past)
    launch = np.where(observed.any(axis=1), observed.argmax(axis=1), past.shape[1])
    ripe = np.searchsorted(stops, launch + warm_up)
    for fold in range(stops.size):
        rows = np.flatnonzero(ripe == fold)
        if rows.size:
            forecast[rows, fold:] = _sweep(past[rows], launch[rows], stops[fold:], horizon, season)
        rows = np.flatnonzero((ripe > fold) & (launch < stops[fold]))
        if rows.size:
            begin = max(0, int(stops[fold]) - warm_up)
            young = past[rows, begin : stops[fold]]
            forecast[rows, fold] = _sweep(
                young, launch[rows] - begin, stops[fold : fold + 1] - begin, horizon, season
            )[:, 0]
    return forecast


def _sweep(past: Units, launch: Positions, stops: Positions, horizon: int, season: int) -> Units:
    """Learn day by day and return the chosen forecasts (n, k, horizon) at every stop.

    Each stop lies behind the warm-up of every series, or is the only one and the end of ``past``.
    """
    observed = ~np.isnan(past)
    days = np.ascontiguousarray(np.where(observed, past, 0).T)
    seen = np.ascontiguousarray(observed.T).astype(np.float32)
    whole: list[bool] = np.logical_and.reduce(observed, axis=0).tolist()
    lanes = _Lanes(*_starting_states(past, observed, launch, season))
    forecast = np.empty((past.shape[0], stops.size, horizon), np.float32)
    day = int(launch.min())
    for fold, stop in enumerate(stops.tolist()):
        for now in range(day, stop):
            lanes.learn(now % season, days[now], None if whole[now] else seen[now])
        day = stop
        count = observed[:, :stop].sum(axis=1)
        forecast[:, fold] = lanes.outlook(lanes.best(count), (stop + np.arange(horizon)) % season)
        forecast[count < _FEWEST_DAYS, fold] = np.nan
    return forecast


class _Lanes:
    """All configurations of all series of a block, as they stand after the days learned so far.

    ``level``, ``squares`` (sum of squared one-day errors) and all scratch are (configurations, n),
    ``season`` is (length, seasonal configurations, n); the seasonal configurations come last.
    """

    def __init__(self, level: Units, season: Units) -> None:
        self.level = np.repeat(level[None, :], _ALPHA.size, axis=0)
        self.season = np.repeat(season.T[:, None, :], _GAMMA.size, axis=1)
        self.squares = np.zeros_like(self.level)
        self._first_level = level
        free = (_FREE_LEVEL_ONLY, len(self.season) + _FREE_BESIDE_SEASON)
        self._free = np.repeat(free, (_PLAIN, len(_SEASONAL)))[:, None]
        # Written out in full: NumPy multiplies equal shapes about twice as fast as it broadcasts a column.
        self._alpha = np.repeat(_ALPHA, level.size, axis=1)
        self._ratio = np.repeat(_GAMMA, level.size, axis=1) / self._alpha[_PLAIN:]
        self._error, self._square = np.empty_like(self.level), np.empty_like(self.level)
        self._seasonal = self._error[_PLAIN:]

    def learn(self, phase: int, units: Units, seen: Units | None) -> None:
        """Take in one day: ``units`` (n,), and ``seen`` (n,) with 0 for an unobserved one."""
        error, square, seasonal, season = self._error, self._square, self._seasonal, self.season[phase]
        np.subtract(units, self.level, out=error)
        np.subtract(seasonal, season, out=seasonal)
        if seen is not None:
            np.multiply(error, seen, out=error)
        np.multiply(error, error, out=square)
        np.add(self.squares, square, out=self.squares)
        np.multiply(error, self._alpha, out=error)
        np.add(self.level, error, out=self.level)
        np.multiply(seasonal, self._ratio, out=seasonal)
        np.add(season, seasonal, out=season)

    def best(self, count: Positions) -> Positions:
        """Return the configuration with the smallest AICc per series (n,), the first of equals.

        ``count`` (n,) is the number of observed days. Where AICc is not defined the slowest level wins.
        """
        # Without a floor, rounding noise would decide for a series that always sells the same.
        floor = (1e-4 * np.abs(self._first_level) + 1e-6) ** 2
        spare = count - self._free - 1
        penalty = np.where(spare > 0, 2 * self._free * count / np.maximum(spare, 1), np.inf)
        fit = count * np.log(self.squares / np.maximum(count, 1) + floor)
        choice: Positions = (fit + penalty).argmin(axis=0)
        return choice

    def outlook(self, best: Positions, phases: Positions) -> Units:
        """Return (n, horizon) units per day from the configurations ``best``."""
        ahead = np.repeat(self.level[best, np.arange(best.size)][:, None], phases.size, axis=1)
        rows = np.flatnonzero(best >= _PLAIN)
        ahead[rows] += self.season[phases, (best[rows] - _PLAIN)[:, None], rows[:, None]]
        return np.maximum(ahead, np.float32(0))


def _starting_states(
    past: Units, observed: NDArray[np.bool_], launch: Positions, season: int
) -> tuple[Units, Units]:
    """Return the level (n,) and the deviations of the season (n, season), indexed by position modulo it.

    Both are averages over the warm-up, or over all days of ``past`` if these are fewer.
    """
    end, cycles = past.shape[1], _WARM_UP[season]
    reach = launch[:, None] + np.arange(season * cycles)
    inside = reach < end
    at = np.minimum(reach, end - 1)
    used = inside & np.take_along_axis(observed, at, axis=1)
    value = np.where(used, np.take_along_axis(past, at, axis=1), 0).astype(np.float64)
    level = value.sum(axis=1) / used.sum(axis=1)
    by_phase = value.reshape(-1, cycles, season).sum(axis=1)
    times = used.reshape(-1, cycles, season).sum(axis=1)
    mean = np.divide(by_phase, times, out=np.repeat(level[:, None], season, axis=1), where=times > 0)
    deviation = np.empty_like(mean)
    np.put_along_axis(deviation, reach[:, :season] % season, mean - level[:, None], axis=1)
    return level.astype(np.float32), deviation.astype(np.float32)
