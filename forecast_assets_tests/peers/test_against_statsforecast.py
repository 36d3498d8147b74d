"""Our candidates against statsforecast, which lives in an environment of its own."""

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import forecast_assets
from forecast_assets.forecasting.core.candidates.catalogue import local
from forecast_assets.forecasting.core.metrics import aggregate, fold_metrics
from forecast_assets_tests.forecasting.awkward import predict

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PROGRAM = ROOT / "benchmarks" / "peers" / "statsforecast_forecasts.py"
SALES = Path(forecast_assets.__file__).parent / "data" / "bakery" / "sales.parquet"
HORIZON = 28
SAME = ("naive", "seasonal_naive", "moving_average", "croston_sba", "tsb")

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-peers: see benchmarks/peers/requirements.in"),
]


def theirs(folder, units, cutoffs, *models):
    np.savez(folder / "in.npz", units=units, cutoffs=cutoffs, horizon=HORIZON)
    command = [PYTHON, PROGRAM, folder / "in.npz", folder / "out.npz", *models]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with np.load(folder / "out.npz") as forecasts:
        return dict(forecasts)


def bakery():
    """(36, days) units of the shipped sales, which have no missing day."""
    sales = pl.read_parquet(SALES).sort("store_id", "product_id", "date")
    return sales["units"].to_numpy().reshape(36, -1).astype(np.float32)


def slow_sellers():
    """(40, 400) units, most days without a sale; late launches, one series that never sells."""
    draw = np.random.default_rng(11)
    sold = draw.random((40, 400)) < draw.uniform(0.02, 0.9, (40, 1))
    units = np.where(sold, draw.poisson(3, sold.shape) + 1, 0).astype(np.float32)
    for row in range(0, 40, 4):
        units[row, : draw.integers(1, 300)] = np.nan
    units[1] = 0
    return units


@pytest.mark.parametrize("sales", [bakery, slow_sellers])
def test_the_same_method_gives_the_same_forecast(sales, tmp_path):
    units = sales()
    cutoffs = units.shape[1] - np.array([84, 56, 28])
    for name, expected in theirs(tmp_path, units, cutoffs, *SAME).items():
        assert np.isfinite(expected).all()
        found = predict(local(name), units, cutoffs, HORIZON)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_the_ets_grid_is_as_accurate_as_auto_ets(tmp_path):
    units = bakery()
    cutoffs = units.shape[1] - np.array([84, 56, 28])
    peer = np.maximum(theirs(tmp_path, units, cutoffs, "auto_ets_ana")["auto_ets_ana"], 0)
    actual = np.stack([units[:, cutoff : cutoff + HORIZON] for cutoff in cutoffs], axis=1)
    scored = fold_metrics(actual, np.stack([predict(local("ets"), units, cutoffs, HORIZON), peer]))
    folds = np.ones(actual.shape[:2], bool)
    for metric in (scored.wape, scored.mae):
        ours, other = aggregate(metric, folds).mean(axis=1)
        print(f"ets {ours:.3f}, AutoETS ANA {other:.3f}")  # noqa: T201 - shown by pytest -rP
        assert ours <= 1.02 * other
