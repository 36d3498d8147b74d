"""Series whose awkwardness every candidate must survive."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.candidates.protocol import Candidate
from forecast_assets.forecasting.core.panel import Panel


def panel_of(units: NDArray[np.float32], first: int = 0, **known: NDArray[np.float32]) -> Panel:
    """A panel of nothing but units, and columns known ahead, from day ``first`` of 2024 on."""
    series = np.array([f"shop__A__P{row:05d}" for row in range(len(units))], np.str_)
    start = dt.date(2024, 1, 1) + dt.timedelta(days=first)
    return Panel(series=series, start=start, units=units, known=known, static={})


def predict(
    candidate: Candidate,
    units: NDArray[np.float32],
    cutoffs: NDArray[np.int64],
    horizon: int,
    window: int | None = None,
    *,
    first: int = 0,
) -> NDArray[np.float32]:
    """Forecast ``units`` alone, from day ``first`` of 2024 on."""
    return candidate.predict(panel_of(units, first), cutoffs, horizon, window)


def awkward_units(seed: int, days: int = 90) -> NDArray[np.float32]:
    """Twelve series: late launches, holes, a closed weekday, slow sellers, a constant, zeros, and silence."""
    draw = np.random.default_rng(seed)
    week = np.tile([5, 6, 7, 8, 12, 15, 2], days // 7 + 1)[:days]
    units = draw.poisson(week * draw.gamma(2, 1, (12, 1))).astype(np.float32)
    units[3:6] = np.where(draw.random((3, days)) < 0.8, 0, units[3:6])
    units[6] = 4
    units[7] = 0
    units[8, 6::7] = np.nan
    units[draw.random(units.shape) < 0.1 * (np.arange(12)[:, None] % 2)] = np.nan
    for row in (1, 2, 4, 9):
        units[row, : draw.integers(1, days)] = np.nan
    units[10, days // 2 :] = np.nan
    units[11] = np.nan
    return units
