"""Exponential smoothing with and without a weekly season: ETS(A,N,N) and ETS(A,N,A).

Belongs here: the grid of smoothing weights, the one pass over the days, the choice by AICc.
Does not belong here: trends; other seasons than the week.

All configurations of all series of a block advance together, one day at a time, by elementwise
operations: a lane (configuration, series) never sees its neighbours. One pass serves every cutoff,
because the past of an older cutoff is a prefix of the past of a newer one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.candidates.protocol import Positions, Units, blocks, histories, unknown
from forecast_assets.forecasting.core.panel import Panel

WEEK = 7
# The starting states are averages of this many days after launch.
WARM_UP = 4 * WEEK
BLOCK = 1024

# Finer or wider grids cost more and were no more accurate, neither against AutoETS nor on held-out days.
_LEVEL_ONLY = (0.01, 0.04, 0.1, 0.25, 0.6)
_WEEKLY = tuple((alpha, gamma) for alpha in (0.005, 0.02, 0.06, 0.2) for gamma in (0.002, 0.01, 0.04, 0.15))
_FREE_LEVEL_ONLY = 3  # alpha, the first level, the variance
_FREE_WEEKLY = 10  # alpha, gamma, the first level, six weekdays, the variance
_FEWEST_DAYS = 2
_PLAIN = len(_LEVEL_ONLY)
_ALPHA = np.array((*_LEVEL_ONLY, *(alpha for alpha, _ in _WEEKLY)), np.float32)[:, None]
_GAMMA = np.array([gamma for _, gamma in _WEEKLY], np.float32)[:, None]
_FREE = np.repeat((_FREE_LEVEL_ONLY, _FREE_WEEKLY), (_PLAIN, len(_WEEKLY)))[:, None]


@dataclass(frozen=True, slots=True)
class ETS:
    """Level with or without weekly season; the best of a fixed grid of smoothing weights by AICc."""

    name: ClassVar[str] = "ets"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        units = panel.units
        forecast = unknown(units, cutoffs, horizon, window)
        for history in histories(cutoffs, window):
            past = units[:, history.begin : history.end]
            for rows in blocks(units.shape[0], BLOCK):
                forecast[rows, history.first : history.last] = _forecast(past[rows], history.stops, horizon)
        return forecast


def _forecast(past: Units, stops: Positions, horizon: int) -> Units:
    """Answer (n, k, horizon) for one block of series.

    The starting states read ``WARM_UP`` days after launch, so a cutoff within them needs a pass of its own.
    """
    forecast = np.full((past.shape[0], stops.size, horizon), np.nan, np.float32)
    observed = ~np.isnan(past)
    launch = np.where(observed.any(axis=1), observed.argmax(axis=1), past.shape[1])
    ripe = np.searchsorted(stops, launch + WARM_UP)
    for fold in range(stops.size):
        rows = np.flatnonzero(ripe == fold)
        if rows.size:
            forecast[rows, fold:] = _sweep(past[rows], launch[rows], stops[fold:], horizon)
        rows = np.flatnonzero((ripe > fold) & (launch < stops[fold]))
        if rows.size:
            begin = max(0, int(stops[fold]) - WARM_UP)
            young = past[rows, begin : stops[fold]]
            forecast[rows, fold] = _sweep(
                young, launch[rows] - begin, stops[fold : fold + 1] - begin, horizon
            )[:, 0]
    return forecast


def _sweep(past: Units, launch: Positions, stops: Positions, horizon: int) -> Units:
    """Learn day by day and answer the chosen forecasts (n, k, horizon) at every stop.

    Each stop lies behind the warm-up of every series, or is the only one and the end of ``past``.
    """
    observed = ~np.isnan(past)
    days = np.ascontiguousarray(np.where(observed, past, 0).T)
    seen = np.ascontiguousarray(observed.T).astype(np.float32)
    whole: list[bool] = np.logical_and.reduce(observed, axis=0).tolist()
    lanes = _Lanes(*_starting_states(past, observed, launch))
    forecast = np.empty((past.shape[0], stops.size, horizon), np.float32)
    day = int(launch.min())
    for fold, stop in enumerate(stops.tolist()):
        for now in range(day, stop):
            lanes.learn(now % WEEK, days[now], None if whole[now] else seen[now])
        day = stop
        count = observed[:, :stop].sum(axis=1)
        forecast[:, fold] = lanes.outlook(lanes.best(count), (stop + np.arange(horizon)) % WEEK)
        forecast[count < _FEWEST_DAYS, fold] = np.nan
    return forecast


class _Lanes:
    """All configurations of all series of a block, as they stand after the days learned so far.

    ``level``, ``squares`` (sum of squared one-day errors) and all scratch are (configurations, n),
    ``season`` is (7, weekly configurations, n); the weekly configurations come last.
    """

    def __init__(self, level: Units, season: Units) -> None:
        self.level = np.repeat(level[None, :], _ALPHA.size, axis=0)
        self.season = np.repeat(season.T[:, None, :], _GAMMA.size, axis=1)
        self.squares = np.zeros_like(self.level)
        self._first_level = level
        # Written out in full: NumPy multiplies equal shapes about twice as fast as it broadcasts a column.
        self._alpha = np.repeat(_ALPHA, level.size, axis=1)
        self._ratio = np.repeat(_GAMMA, level.size, axis=1) / self._alpha[_PLAIN:]
        self._error, self._square = np.empty_like(self.level), np.empty_like(self.level)
        self._weekly = self._error[_PLAIN:]

    def learn(self, phase: int, units: Units, seen: Units | None) -> None:
        """Take in one day: ``units`` (n,), and ``seen`` (n,) with 0 for an unobserved one."""
        error, square, weekly, season = self._error, self._square, self._weekly, self.season[phase]
        np.subtract(units, self.level, out=error)
        np.subtract(weekly, season, out=weekly)
        if seen is not None:
            np.multiply(error, seen, out=error)
        np.multiply(error, error, out=square)
        np.add(self.squares, square, out=self.squares)
        np.multiply(error, self._alpha, out=error)
        np.add(self.level, error, out=self.level)
        np.multiply(weekly, self._ratio, out=weekly)
        np.add(season, weekly, out=season)

    def best(self, count: Positions) -> Positions:
        """Answer the configuration with the smallest AICc per series (n,), the first of equals.

        ``count`` (n,) is the number of observed days. Where AICc is not defined the slowest level wins.
        """
        # Without a floor, rounding noise would decide for a series that always sells the same.
        floor = (1e-4 * np.abs(self._first_level) + 1e-6) ** 2
        spare = count - _FREE - 1
        penalty = np.where(spare > 0, 2 * _FREE * count / np.maximum(spare, 1), np.inf)
        fit = count * np.log(self.squares / np.maximum(count, 1) + floor)
        choice: Positions = (fit + penalty).argmin(axis=0)
        return choice

    def outlook(self, best: Positions, phases: Positions) -> Units:
        """Answer (n, horizon) units per day from the configurations ``best``."""
        ahead = np.repeat(self.level[best, np.arange(best.size)][:, None], phases.size, axis=1)
        weekly = np.flatnonzero(best >= _PLAIN)
        ahead[weekly] += self.season[phases, (best[weekly] - _PLAIN)[:, None], weekly[:, None]]
        return np.maximum(ahead, np.float32(0))


def _starting_states(past: Units, observed: NDArray[np.bool_], launch: Positions) -> tuple[Units, Units]:
    """Answer the level (n,) and the seven weekday deviations (n, 7), indexed by position modulo 7.

    Both are averages over the warm-up, or over all days of ``past`` if these are fewer.
    """
    end = past.shape[1]
    reach = launch[:, None] + np.arange(WARM_UP)
    inside = reach < end
    at = np.minimum(reach, end - 1)
    used = inside & np.take_along_axis(observed, at, axis=1)
    value = np.where(used, np.take_along_axis(past, at, axis=1), 0).astype(np.float64)
    level = value.sum(axis=1) / used.sum(axis=1)
    by_phase = value.reshape(-1, WARM_UP // WEEK, WEEK).sum(axis=1)
    times = used.reshape(-1, WARM_UP // WEEK, WEEK).sum(axis=1)
    mean = np.divide(by_phase, times, out=np.repeat(level[:, None], WEEK, axis=1), where=times > 0)
    deviation = np.empty_like(mean)
    np.put_along_axis(deviation, reach[:, :WEEK] % WEEK, mean - level[:, None], axis=1)
    return level.astype(np.float32), deviation.astype(np.float32)
