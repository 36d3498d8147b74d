"""Forecasts for products that do not sell every day.

Belongs here: methods that smooth how much is sold apart from how often.
Does not belong here: methods for steady sellers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Mask, Positions, Units, Values
from forecast_assets.forecasting.core.bounds import Checked, share
from forecast_assets.forecasting.core.candidates.protocol import blocks, histories, unknown
from forecast_assets.forecasting.core.panel import Panel

CROSTON_ALPHA = 0.1
# Croston's ratio of two smoothed means is too high on average; Syntetos and Boylan's factor 1 - alpha / 2.
SBA_FACTOR = 1 - CROSTON_ALPHA / 2
BLOCK = 512

Rates = Callable[[Units, Positions], Values]


def _first(flags: Mask) -> tuple[Positions, Positions]:
    """Return the rows that have a flag, and the position of the first one in each of them."""
    rows = np.flatnonzero(flags.any(axis=1))
    return rows, flags[rows].argmax(axis=1)


def _by_day(matrix: NDArray[np.generic]) -> Values:
    """Return (days, series): the lanes of one day lie side by side."""
    return np.ascontiguousarray(matrix.T).astype(np.float64)


def _since(first: tuple[Positions, Positions], count: int, stops: Positions) -> Mask:
    """Return (k, n): does the first flag lie before the stop?"""
    at = np.full(count, stops[-1])
    at[first[0]] = first[1]
    before: Mask = at[None, :] < stops[:, None]
    return before


def _croston_sba(past: Units, stops: Positions) -> Values:
    """Return (k, n) units per day of the history ``past`` (n, T)."""
    observed, sold = ~np.isnan(past), past > 0
    seller, sale = first_sale = _first(sold)
    size, gap, wait = np.zeros((3, past.shape[0]))
    # Each state starts at its own first value: the first update then changes nothing.
    size[seller] = past[seller, sale]
    gap[seller] = (observed[seller] & (np.arange(past.shape[1]) <= sale[:, None])).sum(axis=1)
    days, gains, seen = _by_day(np.fmax(past, 0)), _by_day(sold), _by_day(observed)
    unsold = 1 - gains
    gains *= CROSTON_ALPHA
    rates = np.zeros((stops.size, past.shape[0]))
    step = np.empty_like(size)
    day = 0
    for fold, stop in enumerate(stops.tolist()):
        for now in range(day, stop):
            # Unobserved days do not count as waiting: nobody knows whether they would have sold.
            np.add(wait, seen[now], out=wait)
            np.subtract(days[now], size, out=step)
            np.multiply(step, gains[now], out=step)
            np.add(size, step, out=size)
            np.subtract(wait, gap, out=step)
            np.multiply(step, gains[now], out=step)
            np.add(gap, step, out=gap)
            np.multiply(wait, unsold[now], out=wait)
        day = stop
        np.divide(SBA_FACTOR * size, gap, out=rates[fold], where=gap > 0)
    rates[~_since(first_sale, rates.shape[1], stops)] = 0
    rates[~_since(_first(observed), rates.shape[1], stops)] = np.nan
    return rates


def _tsb(past: Units, stops: Positions, alpha_d: float, alpha_p: float) -> Values:
    """Return (k, n) units per day of the history ``past`` (n, T)."""
    observed, sold = ~np.isnan(past), past > 0
    seller, sale = first_sale = _first(sold)
    has_sales, launch = first_day = _first(observed)
    size, chance = np.zeros((2, past.shape[0]))
    size[seller] = past[seller, sale]
    chance[has_sales] = sold[has_sales, launch]
    days, sales, chance_gains = _by_day(np.fmax(past, 0)), _by_day(sold), _by_day(observed)
    size_gains = alpha_d * sales
    chance_gains *= alpha_p
    rates = np.zeros((stops.size, past.shape[0]))
    step = np.empty_like(size)
    day = 0
    for fold, stop in enumerate(stops.tolist()):
        for now in range(day, stop):
            np.subtract(days[now], size, out=step)
            np.multiply(step, size_gains[now], out=step)
            np.add(size, step, out=size)
            np.subtract(sales[now], chance, out=step)
            np.multiply(step, chance_gains[now], out=step)
            np.add(chance, step, out=chance)
        day = stop
        np.multiply(size, chance, out=rates[fold])
    rates[~_since(first_sale, rates.shape[1], stops)] = 0
    rates[~_since(first_day, rates.shape[1], stops)] = np.nan
    return rates


def _predict(rates: Rates, units: Units, cutoffs: Positions, horizon: int, window: int | None) -> Units:
    """Run ``rates`` over blocks of series; its units per day hold for the whole horizon."""
    forecast = unknown(units, cutoffs, horizon, window)
    for history in histories(cutoffs, window):
        if history.begin == history.end:
            continue
        for rows in blocks(units.shape[0], BLOCK):
            rate = rates(units[rows, history.begin : history.end], history.stops)
            forecast[rows, history.first : history.last] = rate.T[:, :, None]
    return forecast


@dataclass(frozen=True, slots=True)
class CrostonSBA:
    """Mean size of a sale over mean days between sales, bias-corrected; moves only when something sells."""

    name: ClassVar[str] = "croston_sba"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        return _predict(_croston_sba, panel.units, cutoffs, horizon, window)


@dataclass(frozen=True, slots=True)
class TSB(Checked):
    """Mean size of a sale times the chance of one; unlike Croston it fades while nothing sells.

    ``alpha_d`` smooths the sizes, ``alpha_p`` the chance.
    """

    alpha_d: float = share(0.1)
    alpha_p: float = share(0.1)

    name: ClassVar[str] = "tsb"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        def rates(past: Units, stops: Positions) -> Values:
            return _tsb(past, stops, self.alpha_d, self.alpha_p)

        return _predict(rates, panel.units, cutoffs, horizon, window)
