"""The past forecast again week by week: nothing leaks, every candidate can, alarms keep their promise."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import forecast_assets
from forecast_assets.forecasting.analysis.drift import verdict
from forecast_assets.forecasting.analysis.leakage import scrambled
from forecast_assets.forecasting.analysis.replay import (
    actual_weeks,
    blocks_by_label,
    origins,
    replay,
    weekly_errors,
)
from forecast_assets.forecasting.core.candidates.learners import LightGBM
from forecast_assets.forecasting.core.global_model import fit
from forecast_assets.forecasting.core.panel import Panel

BAKERY = Path(forecast_assets.__file__).parent / "data" / "bakery" / "sales.parquet"


def panel(units: np.ndarray) -> Panel:
    series = np.array([f"d__s__{n:05d}" for n in range(len(units))])
    return Panel(series, dt.date(2026, 1, 5), units.astype(np.float32), {}, {})


def replayed(sales: Panel, label: str, cutoffs: np.ndarray, models=None, gap: int = 0) -> np.ndarray:
    return replay(sales, label, models or {}, cutoffs, gap=gap, window=None, threads=1)


def errors(sales: Panel, label: str, weeks: int, models=None, gap: int = 0):
    cutoffs = origins(sales.days, weeks, gap)
    forecasts = replayed(sales, label, cutoffs, models, gap)
    return weekly_errors(actual_weeks(sales, cutoffs, gap=gap), forecasts)


def test_the_weeks_end_on_the_newest_day_and_none_begins_before_the_first():
    assert origins(60, 3, 0).tolist() == [39, 46, 53]
    assert origins(60, 3, 5).tolist() == [34, 41, 48]
    assert origins(16, 9, 0).tolist() == [2, 9]


def test_errors_of_a_rising_series_are_what_naive_misses():
    relative, wrong = errors(panel(np.arange(1, 61)[None]), "naive", 2)
    assert wrong.tolist() == [[28.0, 28.0]]
    assert relative[0, 1] == pytest.approx(100 * 28 / sum(range(54, 61)))


def test_a_gap_moves_the_cutoff_and_not_the_week():
    _, wrong = errors(panel(np.arange(1, 61)[None]), "naive", 1, gap=3)
    assert wrong.tolist() == [[sum(range(4, 11))]]


def test_a_week_without_sales_counts_and_a_week_that_was_not_observed_does_not():
    units = np.full((3, 70), 5.0)
    units[0, -7:] = 0
    units[1, -4:] = np.nan
    units[2, -3:] = np.nan
    relative, wrong = errors(panel(units), "naive", 1)
    assert relative[0, 0] == 100
    assert wrong[0, 0] == 35
    assert np.isnan(relative[1, 0])
    assert relative[2, 0] == 0


def weekly_demand(count: int, days: int, seed: int = 3) -> Panel:
    level = 20 + 10 * (np.arange(days) % 7 >= 5)
    return panel(np.random.default_rng(seed).poisson(level, (count, days)))


@pytest.fixture(scope="module")
def learned():
    sales = weekly_demand(30, 180)
    settings = LightGBM(n_estimators=10).settings()
    return sales, {"lightgbm": [fit(sales, cutoff, 14, settings, threads=1) for cutoff in (152, 166)]}


def test_a_global_champion_is_replayed_by_the_model_that_knew_nothing_later(learned):
    sales, models = learned
    relative, _ = errors(sales, "lightgbm", 6, models)
    assert np.isnan(relative[:, :2]).all()
    assert np.isfinite(relative[:, 2:]).all()
    assert relative[:, 2:].mean() < 25


def test_an_ensemble_is_replayed_by_its_members(learned):
    sales, models = learned
    cutoffs = origins(sales.days, 4, 0)
    parts = [replayed(sales, name, cutoffs, models) for name in ("ets", "lightgbm")]
    mean = replayed(sales, "ensemble_mean", cutoffs, models)
    assert np.allclose(mean, (parts[0] + parts[1]) / 2, atol=1e-4)


@pytest.mark.parametrize(
    "label", ["naive", "seasonal_naive", "moving_average(window_size=28)", "ets", "lightgbm"]
)
def test_no_week_knows_what_came_after_its_cutoff(learned, label):
    sales, models = learned
    cutoffs = origins(sales.days, 4, 0)
    before = replayed(sales, label, cutoffs, models)
    after = replayed(scrambled(sales, int(cutoffs[2])), label, cutoffs, models)
    assert np.array_equal(before[:, :3], after[:, :3])


def test_series_are_grouped_by_their_champion():
    labels = ["ets", None, "naive", "ets"]
    assert [(label, rows.tolist()) for label, rows in blocks_by_label(labels)] == [
        ("ets", [0, 3]),
        ("naive", [2]),
    ]


def test_changed_series_are_found_and_unchanged_ones_alarm_as_promised():
    sales = weekly_demand(2000, 250)
    units = sales.units.copy()
    units[:500, -7:] *= 2.5
    relative, _ = errors(panel(units), "moving_average", 26)
    verdicts = verdict(relative[:, -1], relative[:, :-1], alarm=0.10)
    flagged = verdicts.status == "degrading"
    assert flagged[:500].mean() > 0.99
    assert flagged[500:].mean() == pytest.approx(2 / 26, abs=0.02)


def test_a_global_champion_keeps_the_promise_with_an_old_model_before_those_of_the_folds():
    sales = weekly_demand(300, 250)
    units = sales.units.copy()
    units[:100, -7:] *= 2.5
    settings = LightGBM(n_estimators=10).settings()
    models = {
        "lightgbm": [fit(panel(units), cutoff, 14, settings, threads=1) for cutoff in (56, 208, 222, 236)]
    }
    relative, _ = errors(panel(units), "lightgbm", 26, models)
    verdicts = verdict(relative[:, -1], relative[:, :-1], alarm=0.10)
    flagged = verdicts.status == "degrading"
    assert (verdicts.windows == 25).all()
    assert flagged[:100].mean() > 0.99
    assert flagged[100:].mean() <= 2 / 26 + 0.02


def test_on_real_sales_the_share_of_alarms_is_what_was_promised():
    """Whether the newest of 26 weeks is among its two worst, asked at 100 ends of the bakery's history."""
    frame = pl.read_parquet(BAKERY).sort("date")  # in which every series has every day
    units = np.stack([group["units"].to_numpy() for _, group in frame.group_by("store_id", "product_id")])
    sales = panel(np.nan_to_num(units, nan=0.0))
    relative, _ = errors(sales, "seasonal_naive", 126)
    flagged = promised = 0.0
    for end in range(26, 126):
        verdicts = verdict(relative[:, end], relative[:, end - 25 : end], alarm=0.10)
        flagged += (verdicts.status == "degrading").mean() / 100
        promised += np.nan_to_num(verdicts.false_alarm).mean() / 100
    assert promised == pytest.approx(2 / 26, abs=0.01)
    # Weeks of a bakery are alike but not exchangeable: holidays come in turn.
    assert flagged == pytest.approx(promised, abs=0.02)
