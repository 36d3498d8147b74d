"""Forecasts by statsforecast, for whoever wants to compare.

Usage: statsforecast_forecasts.py IN.npz OUT.npz [MODEL ...]
IN has ``units`` (n, T) without NaN after the first observed day, ``cutoffs`` (k,) and ``horizon``.
OUT has one (n, k, horizon) array per model, NaN where statsforecast refuses. Runs in its own environment,
because statsforecast caps pandas.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsforecast.models import TSB, AutoETS, CrostonSBA, Naive, SeasonalNaive, WindowAverage

MODELS = {
    "naive": Naive,
    "seasonal_naive": lambda: SeasonalNaive(season_length=7),
    "moving_average": lambda: WindowAverage(window_size=7),
    "croston_sba": CrostonSBA,
    "tsb": lambda: TSB(alpha_d=0.1, alpha_p=0.1),
    "auto_ets_ana": lambda: AutoETS(model="ANA", season_length=7),
    "auto_ets_ann": lambda: AutoETS(model="ANN", season_length=7),
    "auto_ets_anz": lambda: AutoETS(model="ANZ", season_length=7),
}


def forecast(
    model: Callable[[], Any], units: NDArray[np.float32], cutoffs: NDArray[np.int64], horizon: int
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
    labels = names or list(MODELS)
    np.savez(target, **{name: forecast(MODELS[name], units, cutoffs, horizon) for name in labels})


if __name__ == "__main__":
    main()
