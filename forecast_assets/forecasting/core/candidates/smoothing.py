"""Simple exponential smoothing, of days and of blocks of days.

Belongs here: one level that follows the sales, its weight given or chosen from a grid.
Does not belong here: seasons (``ets``), sizes and chances apart (``intermittent``).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast_assets.forecasting.core.arrays import Positions, Units, Values
from forecast_assets.forecasting.core.bounds import SHARE, Checked, optional
from forecast_assets.forecasting.core.candidates.protocol import blocks, histories, unknown
from forecast_assets.forecasting.core.panel import Panel

BLOCK = 1024
_DAYS_GRID = np.array([0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3, 0.4, 0.55, 0.75, 0.95])
_BLOCKS_GRID = np.linspace(0.1, 0.3, 21)  # wider grids follow single large blocks


@dataclass(frozen=True, slots=True)
class SES(Checked):
    """One level that moves to every observed day by the share ``alpha``.

    Without ``alpha`` the one of a grid with the smallest squared one-day errors so far is used.
    """

    alpha: float | None = optional(SHARE)

    name: ClassVar[str] = "ses"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        grid = _DAYS_GRID if self.alpha is None else np.array([self.alpha])
        for history in histories(cutoffs, window):
            past = panel.units[:, history.begin : history.end]
            for rows in blocks(len(past), BLOCK):
                level = _levels(past[rows].astype(np.float64), history.stops, grid)
                forecast[rows, history.first : history.last] = level.T[:, :, None]
        return forecast


def _levels(past: Values, stops: Positions, grid: Values) -> Values:
    """Return the level (k, n) at every stop after smoothing ``past`` (n, T), NaN before anything is known."""
    observed = ~np.isnan(past)
    seen = np.ascontiguousarray(observed.T)
    days = np.ascontiguousarray(np.where(observed, past, 0).T)
    alpha = grid[:, None]
    level, squares = np.zeros((2, grid.size, len(past)))
    started = np.zeros(len(past), np.bool_)
    answer = np.full((stops.size, len(past)), np.nan)
    day = 0
    for fold, stop in enumerate(stops.tolist()):
        for now in range(day, stop):
            begins = seen[now] & ~started
            level = np.where(begins, days[now], level)
            error = np.where(seen[now], days[now] - level, 0.0)
            squares += error * error
            level += alpha * error
            started |= begins
        day = stop
        best = squares.argmin(axis=0)
        chosen = level[best, np.arange(len(past))]
        answer[fold] = np.where(started, np.maximum(chosen, 0), np.nan)
    return answer


@dataclass(frozen=True, slots=True)
class ADIDA:
    """Smooths sums over blocks of days as long as the product takes, on average, to sell once.

    Nikolopoulos et al. 2011. Blocks are counted back from the cutoff; an unobserved day takes the mean of
    its block. A product that never sold is expected not to.
    """

    name: ClassVar[str] = "adida"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = 0 if window is None else max(0, cutoff - window)
            forecast[:, fold] = _adida(panel.units[:, begin:cutoff])[:, None]
        return forecast


def _adida(past: Units) -> Values:
    """Return units per day (n,) after the history ``past`` (n, T)."""
    observed, sold = ~np.isnan(past), past > 0
    observed_days, sales = observed.sum(axis=1), sold.sum(axis=1)
    rate = np.where(observed_days > 0, 0.0, np.nan)
    if not sales.any():
        return rate
    last = past.shape[1] - sold[:, ::-1].argmax(axis=1)
    until_last = np.where(np.arange(past.shape[1]) < last[:, None], observed, 0).sum(axis=1)
    length = np.where(sales > 0, np.rint(until_last / np.maximum(sales, 1)), 0).astype(np.int64)
    age = past.shape[1] - observed.argmax(axis=1)
    for days in np.unique(length[length > 0]).tolist():
        rows = np.flatnonzero(length == days)
        whole = age[rows] // days
        reach = int(whole.max()) * days
        parts = past[rows, past.shape[1] - reach :].astype(np.float64).reshape(rows.size, -1, days)
        there = ~np.isnan(parts)
        count = there.sum(axis=2)
        total = np.where(there, parts, 0).sum(axis=2)
        sums = np.divide(days * total, count, out=np.full(count.shape, np.nan), where=count > 0)
        sums[np.arange(sums.shape[1]) < sums.shape[1] - whole[:, None]] = np.nan
        stop = np.array([sums.shape[1]], np.int64)
        rate[rows] = _levels(sums, stop, _BLOCKS_GRID)[0] / days
    return rate
