"""The champion of each series forecasts from the newest day on, with stated assumptions."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast_assets.forecasting.core.candidates.baselines import Naive
from forecast_assets.forecasting.core.candidates.catalogue import local
from forecast_assets.forecasting.core.global_model import GlobalSettings, fit, predict
from forecast_assets.forecasting.core.outlook import needed, outlook, totals, with_plan
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets_tests.forecasting.awkward import awkward_units, panel_of

NAN = np.nan
HORIZON = 7


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of(awkward_units(seed=5, days=120)[:10])


@pytest.fixture(scope="module")
def model(panel):
    return fit(panel, panel.days, HORIZON, GlobalSettings(n_estimators=5, max_rows=2_000), threads=1)


def test_every_series_is_forecast_by_its_own_candidate(panel, model):
    labels = ["naive", "ets", "lightgbm", "ensemble_mean", None] * 2
    forecasts = outlook(panel, labels, {"lightgbm": model}, HORIZON, threads=1)
    end = np.array([panel.days])
    learned = predict(model, panel, threads=1)
    smoothed = local("ets").predict(panel, end, HORIZON)[:, 0]
    np.testing.assert_array_equal(forecasts.units[0], local("naive").predict(panel, end, HORIZON)[0, 0])
    np.testing.assert_array_equal(forecasts.units[1], smoothed[1])
    np.testing.assert_array_equal(forecasts.units[2], learned[2])
    np.testing.assert_allclose(forecasts.units[3], (smoothed[3] + learned[3]) / 2, rtol=1e-6)
    assert np.isnan(forecasts.units[4]).all()


def test_a_forecast_never_depends_on_which_other_series_are_asked_for(panel, model):
    labels = ["ets", "lightgbm", "ensemble_mean", "tsb", "lightgbm"] * 2
    together = outlook(panel, labels, {"lightgbm": model}, HORIZON, threads=1)
    for row, label in enumerate(labels):
        alone = outlook(panel.take(np.array([row])), [label], {"lightgbm": model}, HORIZON, threads=1)
        np.testing.assert_array_equal(alone.units[0], together.units[row])


def test_a_global_champion_without_a_model_fails_with_the_models_reason(panel):
    forecasts = outlook(panel, ["lightgbm"] * 10, {"lightgbm": "3 rows to learn from"}, HORIZON, threads=1)
    assert set(forecasts.failures.values()) == {"3 rows to learn from"}
    absent = outlook(panel, ["ensemble_mean"] * 10, {}, HORIZON, threads=1)
    assert set(absent.failures.values()) == {"lightgbm: no production model of lightgbm"}


def test_a_candidate_that_raises_for_one_series_costs_only_that_series(panel, monkeypatch):
    stock = Naive.predict

    def picky(self, some, cutoffs, horizon, window=None):
        if (some.series == panel.series[3]).any():
            raise ArithmeticError("not this one")
        return stock(self, some, cutoffs, horizon, window)

    monkeypatch.setattr(Naive, "predict", picky)
    forecasts = outlook(panel, ["naive"] * 10, {}, HORIZON, threads=1)
    assert forecasts.failures[3] == "ArithmeticError: not this one"
    assert np.isfinite(forecasts.units[[0, 1, 2, 4]]).all()


def test_members_of_ensembles_are_needed_too():
    assert needed(["ets", "ensemble_mean"]) == ["lightgbm"]
    assert needed(["regression", "ensemble_mean", "lightgbm"]) == ["regression", "lightgbm"]


def planned(**known) -> tuple[Panel, list[list[str]]]:
    columns = {name: np.array(rows, np.float32) for name, rows in known.items()}
    return with_plan(replace(panel_of(np.ones((2, 3), np.float32)), known=columns), 2)


def test_a_missing_plan_is_filled_by_a_stated_assumption():
    filled_panel, assumptions = planned(
        promo=[[0, 1, 0, 1], [0, 0, 0, 0]],
        price=[[2, 3, NAN, NAN], [5, 5, 4, 6]],
        rain=[[0, 7, -1, NAN], [0.5, 0, 0, 3]],
    )
    np.testing.assert_array_equal(filled_panel.known["promo"][:, 3:], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(filled_panel.known["price"][:, 3:], [[3, 3], [6, 6]])
    np.testing.assert_array_equal(filled_panel.known["rain"][:, 3:], [[NAN, NAN], [3, NAN]])
    assert assumptions[0] == [
        "promo: no plan for 1 of 2 days, taken as not set",
        "price: no plan for 2 of 2 days, its last value kept",
        "rain: no plan for 2 of 2 days, left unknown",
    ]


def test_the_role_of_a_column_is_declared_and_not_read_from_its_values():
    columns = {"price": np.array([[1, 1, 1]] * 2, np.float32), "stage": np.array([[0, 1, 1]] * 2, np.float32)}
    panel = replace(panel_of(np.ones((2, 3), np.float32)), known=columns, roles={"stage": "carried"})
    filled_panel, _ = with_plan(panel, 2)
    np.testing.assert_array_equal(filled_panel.known["price"][:, 3:], [[1, 1]] * 2)
    np.testing.assert_array_equal(filled_panel.known["stage"][:, 3:], [[1, 1]] * 2)


def test_a_plan_that_the_folds_did_not_know_is_told_as_not_used():
    columns = {"promo": np.array([[0, 1, 0, 1, 1]] * 2, np.float32)}
    panel = replace(panel_of(np.ones((2, 3), np.float32)), known=columns, reach={"promo": 1})
    _, assumptions = with_plan(panel, 2)
    assert assumptions[0] == ["promo: no plan that the folds knew for 1 of 2 days, taken as not set"]


def test_a_whole_plan_needs_no_assumption():
    _, assumptions = planned(promo=[[0, 1, 0, 1, 0]] * 2)
    assert assumptions == [[], []]


def test_only_candidates_that_read_a_plan_carry_its_assumptions(panel):
    promo = np.zeros((10, panel.days), np.float32)
    promo_panel = replace(panel, known={"promo": promo})
    aware = fit(promo_panel, panel.days, HORIZON, GlobalSettings(n_estimators=5, max_rows=2_000), threads=1)
    forecasts = outlook(promo_panel, ["ets", "lightgbm"] * 5, {"lightgbm": aware}, HORIZON, threads=1)
    assert forecasts.assumptions[0] == []
    assert forecasts.assumptions[1] == ["promo: no plan for 7 of 7 days, taken as not set"]


def test_of_equal_days_the_first_is_the_peak_and_the_low():
    sums = totals(np.array([[2, 5, 5, 1, 1]], np.float32))
    assert (sums.total[0], sums.average[0]) == (14, pytest.approx(2.8))
    assert (sums.peak[0], sums.peak_units[0], sums.low[0], sums.low_units[0]) == (1, 5, 3, 1)


def test_the_panel_of_a_forecast_starts_where_it_always_did(panel):
    filled_panel, _ = with_plan(panel, HORIZON)
    assert filled_panel.start == panel.start == dt.date(2024, 1, 1)
