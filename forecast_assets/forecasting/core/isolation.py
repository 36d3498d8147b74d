"""Forecasts of candidates that look at each series alone, so that a failure costs one series only.

Belongs here: finding the series that a candidate fails for, whoever wrote it.
Does not belong here: global models, which are fitted upstream, and the process of foreign code (``foreign``).
"""

import numpy as np

from forecast_assets.forecasting.core.arrays import Forecasts, Positions
from forecast_assets.forecasting.core.candidates.catalogue import entry, local
from forecast_assets.forecasting.core.foreign import Failed, sandbox
from forecast_assets.forecasting.core.panel import Panel

Isolated = tuple[Forecasts, dict[int, str]]


def isolated(label: str, panel: Panel, cutoffs: Positions, horizon: int, window: int | None) -> Isolated:
    """Forecast every series from every cutoff (n, k, horizon); rows that failed are NaN, with the reason.

    Our own candidates take all series at once, and one by one if that raises. Foreign ones take one series
    at a time, in a process of their own.
    """
    if entry(label).foreign:
        return _guarded(label, panel, cutoffs, horizon, window)
    try:
        forecasts = np.asarray(local(label).predict(panel, cutoffs, horizon, window), np.float32)
        if forecasts.shape != (len(panel.series), len(cutoffs), horizon):
            raise ValueError(f"forecasts of {forecasts.shape} series, folds and days")  # noqa: TRY301 - as if it raised
    except Exception as error:  # noqa: BLE001 - a model may raise anything, and its neighbours must not pay
        if len(panel.series) == 1:
            return _nothing(panel, cutoffs, horizon), {0: f"{type(error).__name__}: {error}"}
    else:
        return forecasts, {}
    forecasts, failures = _nothing(panel, cutoffs, horizon), {}
    for row in range(len(panel.series)):
        part, why = isolated(label, panel.take(np.array([row])), cutoffs, horizon, window)
        forecasts[row] = part[0]
        if why:
            failures[row] = why[0]
    return forecasts, failures


def _nothing(panel: Panel, cutoffs: Positions, horizon: int) -> Forecasts:
    return np.full((len(panel.series), len(cutoffs), horizon), np.nan, np.float32)


def _guarded(label: str, panel: Panel, cutoffs: Positions, horizon: int, window: int | None) -> Isolated:
    forecasts, failures = _nothing(panel, cutoffs, horizon), {}
    with sandbox() as own:
        for row in range(len(panel.series)):
            try:
                forecasts[row] = own.predict(label, panel.take(np.array([row])), cutoffs, horizon, window)[0]
            except Failed as failed:
                failures[row] = str(failed)
    return forecasts, failures
