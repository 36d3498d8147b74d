"""Forecasts by statsforecast, for whoever wants to compare.

Usage: statsforecast_forecasts.py IN.npz OUT.npz [MODEL ...]
IN has ``units`` (n, T) without NaN after the first observed day, ``cutoffs`` (k,), ``horizon`` and, where
periods are no days, ``season`` and ``window``.
OUT has one (n, k, horizon) array per model, NaN where statsforecast refuses. Runs in its own environment,
because statsforecast caps pandas.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsforecast.models import TSB, AutoETS, CrostonSBA, Naive, SeasonalNaive, WindowAverage

Factory = Callable[[], Any]


def models(season: int, window: int) -> dict[str, Factory]:
    """Return a factory per name, for a ``season`` and the ``window`` of the moving average in periods."""
    return {
        "naive": Naive,
        "seasonal_naive": lambda: SeasonalNaive(season_length=season),
        "moving_average": lambda: WindowAverage(window_size=window),
        "croston_sba": CrostonSBA,
        "tsb": lambda: TSB(alpha_d=0.1, alpha_p=0.1),
        "auto_ets_ana": lambda: AutoETS(model="ANA", season_length=season),
        "auto_ets_ann": lambda: AutoETS(model="ANN", season_length=season),
        "auto_ets_anz": lambda: AutoETS(model="ANZ", season_length=season),
    }


def forecast(
    model: Factory, units: NDArray[np.float32], cutoffs: NDArray[np.int64], horizon: int
) -> NDArray[np.float64]:
    """Fit one model per series and cutoff on the days from the first observed one to the cutoff."""
    answer = np.full((units.shape[0], cutoffs.size, horizon), np.nan)
    for row, series in enumerate(units.astype(np.float64)):
        for fold, cutoff in enumerate(cutoffs):
            past = series[:cutoff]
            past = past[np.argmax(~np.isnan(past)) :]
            if np.isnan(past).any() or not past.size:
                continue
            try:
                answer[row, fold] = model().forecast(y=past, h=horizon)["mean"]
            except Exception as refusal:  # noqa: BLE001 - too short for it: the caller sees NaN
                print(f"series {row}, cutoff {cutoff}: {refusal}", file=sys.stderr)
    return answer


def main() -> None:
    """Read, forecast, write."""
    source, target, *names = sys.argv[1:]
    with np.load(source) as arrays:
        units, cutoffs, horizon = arrays["units"], arrays["cutoffs"], int(arrays["horizon"])
        season, window = (int(arrays[name]) if name in arrays else 7 for name in ("season", "window"))
    by_name = models(season, window)
    np.savez(target, **{name: forecast(by_name[name], units, cutoffs, horizon) for name in names or by_name})


if __name__ == "__main__":
    main()
