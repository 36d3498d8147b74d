"""Backtests of a block: what is scored, who fails alone, and that blocks and processes decide nothing."""

from datetime import date

import numpy as np
import pytest

from forecast_assets.forecasting.core import backtest as engine
from forecast_assets.forecasting.core.backtest import backtest, backtests
from forecast_assets.forecasting.core.candidates.baselines import MovingAverage, Naive
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets_tests.forecasting.awkward import awkward_units

PLAN = FoldPlan(horizon=7, n_splits=3, min_train=14)
LOCAL = ("naive", "seasonal_naive", "moving_average", "croston_sba", "tsb", "ets")


def panel_of(units) -> Panel:
    matrix = np.array(units, np.float32)
    series = np.array([f"d__S__P{row:03d}" for row in range(len(matrix))])
    return Panel(series=series, start=date(2026, 1, 1), units=matrix, known={}, static={})


@pytest.fixture(scope="module")
def awkward() -> Panel:
    return panel_of(awkward_units(seed=3))


def scored(panel: Panel, candidates=LOCAL, global_forecasts=None, plan: FoldPlan = PLAN):
    return backtest(panel, plan.cutoffs(panel.days), plan, candidates, global_forecasts or {})


def test_a_forecast_is_scored_on_the_days_after_its_cutoff():
    done = scored(panel_of([range(35)]), ["naive"])
    assert done.actual[0].tolist() == [[*range(14, 21)], [*range(21, 28)], [*range(28, 35)]]
    assert done.forecasts[0, 0].tolist() == [[13.0] * 7, [20.0] * 7, [27.0] * 7]
    assert done.fold_metrics.bias[0, 0].tolist() == [4.0] * 3
    assert done.scores.sample_size.tolist() == [[21]]


def test_a_gap_is_forecast_and_left_out():
    plan = FoldPlan(horizon=7, n_splits=2, min_train=14, gap=3)
    done = scored(panel_of([range(35)]), ["seasonal_naive"], plan=plan)
    assert done.actual[0].tolist() == [[*range(21, 28)], [*range(28, 35)]]
    # the newest week known on day 18 is 11..17; day 21 is its day 14, a week later
    assert done.forecasts[0, 0, 0].tolist() == [14, 15, 16, 17, 11, 12, 13]


def test_a_series_too_young_for_the_oldest_folds_is_scored_on_the_others():
    units = np.full((1, 35), np.nan)
    units[0, 10:] = range(25)
    done = scored(panel_of(units), ["naive"])
    assert done.folds.tolist() == [[False, False, True]]
    assert np.isnan(done.fold_metrics.wape[0, 0, :2]).all()
    assert done.scores.wape[0, 0] == done.fold_metrics.wape[0, 0, 2]
    assert done.scores.sample_size.tolist() == [[7]]


def test_a_fold_without_a_forecast_is_in_neither_the_mean_nor_the_sample_size():
    """A sliding window that was closed throughout tells a candidate nothing, and others something."""
    units = np.arange(56, dtype=float)[None]
    units[0, 35:42] = np.nan
    plan = FoldPlan(horizon=7, n_splits=3, min_train=7, strategy="sliding")
    global_forecasts = {"lightgbm": np.full((1, 3, 7), 40, np.float32)}
    done = scored(panel_of(units), ["naive", "lightgbm"], global_forecasts, plan)
    assert done.folds.tolist() == [[False, True, True]]
    assert np.isnan(done.forecasts[0, 0, 1]).all()
    assert done.scores.mae[0, 0] == done.fold_metrics.mae[0, 0, 2]
    assert done.scores.sample_size.tolist() == [[7], [14]]


def test_a_global_candidate_is_scored_on_what_it_was_given_or_fails_with_the_reason(awkward):
    count = len(awkward.series)
    good = np.ones((count, 3, 7), np.float32)
    done = scored(awkward, ["lightgbm"], {"lightgbm": good})
    assert done.forecasts[0].tobytes() == good.tobytes()
    assert done.failures == {}
    failed = scored(awkward, ["lightgbm"], {"lightgbm": "too little data"})
    assert failed.failures == {("lightgbm", row): "too little data" for row in range(count)}
    missing = scored(awkward, ["lightgbm"])
    assert set(missing.failures.values()) == {"no global forecasts were given"}
    assert np.isnan(missing.scores.wape).all()
    assert not missing.scores.sample_size.any()


def test_only_the_series_that_a_candidate_raises_for_fail_and_the_others_are_untouched(awkward, monkeypatch):
    whole = scored(awkward, ["naive", "moving_average"])
    stock = Naive.predict

    def picky(self, panel, cutoffs, horizon, window=None):
        if (np.nansum(panel.units, axis=1) == 4 * 90).any():  # the constant series
            raise ZeroDivisionError("constant")
        return stock(self, panel, cutoffs, horizon, window)

    monkeypatch.setattr(Naive, "predict", picky)
    done = scored(awkward, ["naive", "moving_average"])
    assert done.failures == {("naive", 6): "ZeroDivisionError: constant"}
    assert np.isnan(done.forecasts[0, 6]).all()
    others = np.delete(np.arange(12), 6)
    assert done.forecasts[:, others].tobytes() == whole.forecasts[:, others].tobytes()
    assert done.forecasts[1].tobytes() == whole.forecasts[1].tobytes()


@pytest.mark.parametrize(
    "wrong", [lambda good: good[:, :, :-1], lambda good: good[:, 1:], lambda good: good[0]]
)
def test_an_answer_of_the_wrong_shape_fails_the_candidate_and_not_the_run(awkward, monkeypatch, wrong):
    stock = MovingAverage.predict
    monkeypatch.setattr(MovingAverage, "predict", lambda *arguments: wrong(stock(*arguments)))
    done = scored(awkward, ["naive", "moving_average"])
    assert {name for name, _ in done.failures} == {"moving_average"}
    assert "series, folds and days" in done.failures["moving_average", 0]
    assert np.isfinite(done.scores.wape[0, 0])


def same(one, other) -> bool:
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("folds", "actual", "forecasts", "stability")
    ) and all(
        getattr(one.scores, name).tobytes() == getattr(other.scores, name).tobytes()
        for name in ("wape", "smape", "mae", "bias", "rmse", "sample_size")
    )


def test_every_series_alone_is_what_it_is_among_all(awkward):
    whole = scored(awkward)
    for row in range(len(awkward.series)):
        alone = scored(awkward.take(np.array([row])))
        assert alone.forecasts.tobytes() == whole.forecasts[:, [row]].tobytes()
        for name in ("wape", "smape", "mae", "bias", "rmse"):
            together = getattr(whole.scores, name)[:, [row]]
            assert getattr(alone.scores, name).tobytes() == together.tobytes()


@pytest.mark.parametrize("processes", [1, 2])
def test_blocks_come_in_order_and_hold_what_one_block_would(awkward, monkeypatch, processes):
    whole = scored(awkward)
    monkeypatch.setattr(engine, "BLOCK", 5)
    global_forecasts = {"lightgbm": "none"}
    blocks = list(backtests(awkward, PLAN.cutoffs(90), PLAN, LOCAL, global_forecasts, processes=processes))
    assert [len(block.series) for block in blocks] == [5, 5, 2]
    assert [key for block in blocks for key in block.series] == awkward.series.tolist()
    joined = np.concatenate([block.forecasts for block in blocks], axis=1)
    assert joined.tobytes() == whole.forecasts.tobytes()
    assert all(
        same(block, scored(awkward.take(rows))) for block, rows in zip(blocks, rows_of(12, 5), strict=True)
    )


def rows_of(count: int, size: int):
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]
