"""Backtests of the product's seven candidates by statsforecast and mlforecast, and what they cost.

Usage: library_backtests.py SALES.parquet SERIES HORIZON FOLDS
SALES has store_id, product_id, date and units, every series whole. Prints processor seconds per model over
SERIES series, of the tree model over all series of the file. Runs in its own environment, because these
libraries cap pandas; the tree model needs LightGBM there (global.in).
"""

import json
import resource
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from statsforecast import StatsForecast
from statsforecast.models import TSB, AutoETS, CrostonSBA, Naive, SeasonalNaive, WindowAverage

SEASON = 7
TREES = {"n_estimators": 100, "num_leaves": 31, "num_threads": 1, "verbosity": -1}


def cpu() -> float:
    """Processor seconds of this process and its finished children."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of ``work``."""
    before = cpu()
    work()
    return cpu() - before


def main() -> None:
    """Read, backtest, tell."""
    warnings.simplefilter("ignore")
    path, few, horizon, folds = sys.argv[1], *map(int, sys.argv[2:])
    sales = pd.read_parquet(path)
    ids = (sales["store_id"] + "/" + sales["product_id"]).astype("category")
    frame = pd.DataFrame(
        {"unique_id": ids, "ds": pd.to_datetime(sales["date"]), "y": sales["units"].fillna(0)}
    )
    ids = ids.cat.categories
    chosen = ids[:: max(1, len(ids) // few)][:few]
    part = frame[frame["unique_id"].isin(chosen)].copy()
    part["unique_id"] = part["unique_id"].cat.remove_unused_categories()
    windows = {"h": horizon, "n_windows": folds, "step_size": horizon}
    seconds = by_statsforecast(part, windows)
    series = dict.fromkeys(seconds, len(chosen))
    missing = ""
    if find_spec("lightgbm"):
        seconds["lightgbm"] = by_mlforecast(frame, windows)
        series["lightgbm"] = len(ids)
    else:
        missing = "lightgbm: not installed there (benchmarks/peers/global.in)"
    print(json.dumps({"cpu_s": seconds, "series": series, "missing": missing}))


def by_statsforecast(frame: pd.DataFrame, windows: dict[str, int]) -> dict[str, float]:
    """The six candidates that forecast a series from its own past."""
    models = {
        "naive": Naive(),
        "seasonal_naive": SeasonalNaive(season_length=SEASON),
        "moving_average": WindowAverage(window_size=SEASON),
        "croston_sba": CrostonSBA(),
        "tsb": TSB(alpha_d=0.1, alpha_p=0.1),
        "auto_ets": AutoETS(model="ANA", season_length=SEASON),
    }
    two = frame[frame["unique_id"].isin(frame["unique_id"].unique()[:2])]
    StatsForecast(models=[Naive()], freq="D").cross_validation(
        df=two, **windows
    )  # what only a first call costs
    return {
        name: timed(
            lambda model=model: StatsForecast(models=[model], freq="D", n_jobs=1).cross_validation(
                df=frame, **windows
            )
        )
        for name, model in models.items()
    }


def by_mlforecast(frame: pd.DataFrame, windows: dict[str, int]) -> float:
    """The one that learns from all series, fitted again at every cutoff."""
    from lightgbm import LGBMRegressor  # noqa: PLC0415 - may be missing

    model = MLForecast(
        models=[LGBMRegressor(**TREES)],
        freq="D",
        lags=[1, 2, 3, 4, 5, 6, 7, 14, 28],
        lag_transforms={1: [RollingMean(7), RollingMean(28)]},
        date_features=["dayofweek"],
        num_threads=1,
    )
    return timed(lambda: model.cross_validation(df=frame, refit=True, **windows))


if __name__ == "__main__":
    main()
