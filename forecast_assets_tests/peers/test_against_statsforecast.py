"""Our candidates against statsforecast, which lives in an environment of its own."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import forecast_assets
from forecast_assets.forecasting.core.candidates.catalogue import local
from forecast_assets.forecasting.core.frequency import DAY, MONTH, WEEK
from forecast_assets.forecasting.core.metrics import aggregate, fold_metrics
from forecast_assets_tests.forecasting.awkward import panel_of, predict

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


def theirs(folder, units, cutoffs, *models, horizon=HORIZON, period=DAY):
    lengths = {"season": period.season, "window": period.short}
    np.savez(folder / "in.npz", units=units, cutoffs=cutoffs, horizon=horizon, **lengths)
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


def by_period(period, years):
    """(24, periods) units with a season of a year, a trend and noise; slow sellers and late launches too."""
    draw = np.random.default_rng(5)
    at = np.arange(years * period.season)
    season = 1 + draw.uniform(0.1, 0.5, (24, 1)) * np.sin(
        2 * np.pi * at / period.season + draw.random((24, 1))
    )
    level = draw.uniform(2, 800, (24, 1)) * (1 + draw.uniform(-0.3, 0.3, (24, 1)) * at / at.size)
    units = draw.poisson(level * season).astype(np.float32)
    units[:4] *= draw.random((4, at.size)) < 0.3
    units[4, : period.season] = np.nan
    return units


@pytest.mark.parametrize(("period", "years"), [(WEEK, 5), (MONTH, 8)], ids=["weeks", "months"])
def test_weeks_and_months_are_forecast_alike(period, years, tmp_path):
    units, horizon = by_period(period, years), period.horizon
    cutoffs = units.shape[1] - horizon * np.array([3, 2, 1])
    panel = replace(panel_of(units), frequency=period)
    for name, expected in theirs(tmp_path, units, cutoffs, *SAME, horizon=horizon, period=period).items():
        forecasts = local(name).predict(panel, cutoffs, horizon)
        np.testing.assert_allclose(forecasts, expected, rtol=1e-5, atol=1e-5, err_msg=name)


def bakery_by(length):
    """The shipped sales added up to periods of ``length`` days."""
    units = bakery()
    count = units.shape[1] // length
    return units[:, -count * length :].reshape(len(units), count, length).sum(axis=2)


@pytest.mark.parametrize(
    ("units", "period", "model", "most"),
    [
        (bakery_by(30), MONTH, "auto_ets_anz", 1.02),
        # AutoETS knows no season of 52 weeks.
        (bakery_by(7), WEEK, "auto_ets_ann", 1.02),
        # It searches for starting states, too, which pays off where a season is strong.
        (by_period(MONTH, 8)[5:], MONTH, "auto_ets_anz", 1.07),
    ],
    ids=["bakery months", "bakery weeks", "strong season"],
)
def test_the_ets_grid_is_about_as_accurate_on_weeks_and_months(units, period, model, most, tmp_path):
    horizon = period.horizon
    cutoffs = units.shape[1] - horizon * np.array([4, 3, 2, 1])
    peer = np.maximum(theirs(tmp_path, units, cutoffs, model, horizon=horizon, period=period)[model], 0)
    ours = local("ets").predict(replace(panel_of(units), frequency=period), cutoffs, horizon)
    actual = np.stack([units[:, cutoff : cutoff + horizon] for cutoff in cutoffs], axis=1)
    scored = fold_metrics(actual, np.stack([ours, peer]))
    mine, other = aggregate(scored.wape, np.ones(actual.shape[:2], bool)).mean(axis=1)
    print(f"{period.name}: ets {mine:.3f}, {model} {other:.3f}")  # noqa: T201 - shown by pytest -rP
    assert mine <= most * other


@pytest.mark.parametrize("sales", [bakery, slow_sellers])
def test_the_same_method_gives_the_same_forecast(sales, tmp_path):
    units = sales()
    cutoffs = units.shape[1] - np.array([84, 56, 28])
    for name, expected in theirs(tmp_path, units, cutoffs, *SAME).items():
        assert np.isfinite(expected).all()
        forecasts = predict(local(name), units, cutoffs, HORIZON)
        np.testing.assert_allclose(forecasts, expected, rtol=1e-5, atol=1e-5, err_msg=name)


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
