"""Parts that add up to the forecast of the next day, and what is told beside them."""

from dataclasses import replace

import numpy as np
import pytest

from forecast_assets.forecasting.analysis.contributions import contributions, strongest_features
from forecast_assets.forecasting.analysis.feature_words import in_words
from forecast_assets.forecasting.core import features
from forecast_assets.forecasting.core.frequency import FREQUENCIES, MONTH
from forecast_assets.forecasting.core.global_model import GlobalSettings, fit
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.plans import Role
from forecast_assets_tests.forecasting.awkward import awkward_units, panel_of

NAN = np.nan
LABELS = (
    "naive",
    "seasonal_naive",
    "moving_average",
    "weighted_moving_average(window_size=3)",
    "seasonal_average",
    "ses",
    "ets",
    "croston_sba",
    "tsb",
    "adida",
    "prophet_like",
    "trend_regression_baseline",
    "lightgbm",
    "ensemble_mean",
)


@pytest.fixture(scope="module")
def panel():
    promo = np.tile((np.arange(134) % 9 == 0).astype(np.float32), (10, 1))
    return replace(panel_of(awkward_units(seed=5, days=120)[:10]), known={"promo": promo})


@pytest.fixture(scope="module")
def models(panel):
    quick = GlobalSettings(n_estimators=5, max_rows=2_000)
    return {"lightgbm": fit(panel, panel.days, 14, quick, threads=1)}


@pytest.mark.parametrize("label", LABELS)
def test_parts_add_up_to_the_first_forecast_of_the_days_after_a_gap(panel, models, label):
    for row, gap in ((0, 0), (3, 0), (6, 0), (3, 2), (6, 5)):
        one = panel.take(np.array([row]))
        explanation = contributions(one, label, models, 14 - gap, threads=1, gap=gap)
        expected = outlook(one, [label], models, 14, threads=1).units[0, gap]
        assert explanation is not None
        assert explanation.exact
        assert explanation.forecast == pytest.approx(float(expected), rel=1e-4, abs=1e-4)
        assert sum(driver.contribution for driver in explanation.drivers) == pytest.approx(
            explanation.forecast, abs=1e-6
        )
        assert len(explanation.drivers) <= 11
        assert explanation.summary.startswith(f"{label} expects ")
        assert (f"on day {gap + 1} ahead" if gap else "on the next day") in explanation.summary


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost"])
def test_the_features_that_gain_most_are_named_with_their_share(panel, learner):
    quick = GlobalSettings(learner=learner, n_estimators=5, max_rows=2_000)
    model = fit(panel, panel.days, 14, quick, threads=1)
    every = strongest_features(model, most=1000)
    assert set(every) == set(model.features)
    assert sum(every.values()) == pytest.approx(1)
    assert list(strongest_features(model, most=3)) == list(every)[:3]


def test_parts_of_a_monthly_forecast_speak_of_months(panel):
    monthly = replace(panel.take(np.array([0])), frequency=MONTH)
    explanation = contributions(monthly, "seasonal_naive", {}, 3, threads=1)
    assert explanation is not None
    descriptions = [f"{one.name} {one.description}" for one in explanation.drivers]
    assert descriptions == [
        "level mean of the next 3 months",
        "month how this month differs from the next 3 months",
    ]
    assert "in the next month" in explanation.summary


ROLES: dict[str, Role] = {
    "promo": "flag",
    "price": "price",
    "is_holiday": "carried",
    "temperature": "number",
}


def test_every_feature_of_a_global_model_has_words():
    for name, rhythm in features.RHYTHMS.items():
        for feature in features.names(rhythm, ROLES, {"category": None}):
            assert "_" not in in_words(feature, FREQUENCIES[name], "Monday"), feature
    assert in_words("weekday_mean_8", FREQUENCIES["day"], "Monday") == "mean of the last eight Mondays"
    assert in_words("mean_1", FREQUENCIES["week"], "") == "mean of the newest week"


def test_a_weighted_average_names_every_day_with_its_weight():
    explanation = contributions(
        panel_of(np.array([[2, 4, 6]], np.float32)),
        "weighted_moving_average(window_size=3)",
        {},
        7,
        threads=1,
    )
    assert explanation is not None
    assert [(one.name, one.value, one.contribution, one.direction) for one in explanation.drivers] == [
        ("newest day", 6.0, 3.0, "up"),
        ("2 days ago", 4.0, pytest.approx(4 / 3), "up"),
        ("3 days ago", 2.0, pytest.approx(1 / 3), "up"),
    ]


def test_nothing_is_explained_where_nothing_is_forecast():
    silent = panel_of(np.full((1, 40), NAN, np.float32))
    assert contributions(silent, "moving_average", {}, 7, threads=1) is None
    assert contributions(silent, "lightgbm", {"lightgbm": "too little data"}, 7, threads=1) is None
    assert contributions(silent, "ensemble_mean", {}, 7, threads=1) is None


def codes(units, **known) -> dict[str, str]:
    columns = {name: np.array([values], np.float32) for name, values in known.items()}
    one = replace(panel_of(np.array([units], np.float32)), known=columns)
    explanation = contributions(one, "naive", {}, 7, threads=1)
    assert explanation is not None
    return {reason.code: reason.severity for reason in explanation.reasons}


def test_a_steady_long_history_needs_no_remark():
    assert codes([5] * 120) == {}


def test_what_should_be_known_is_coded():
    assert codes([5] * 118 + [NAN, 5]) == {"stockout_constrained": "warn"}
    assert codes([5] * 120, promo=[0] * 120 + [1, 1]) == {"promotion_overlap": "info"}
    assert codes([5] * 120, holiday=[0] * 120 + [0, 1]) == {"holiday_effect": "info"}
    assert codes([5] * 113 + [9] * 7) == {"trend_shift": "warn"}
    assert codes([5] * 20) == {"lifecycle_decay": "warn", "insufficient_history": "warn"}


def test_the_confidence_of_the_choice_is_the_one_that_is_told():
    one = panel_of(np.full((1, 120), 5, np.float32))
    explanation = contributions(one, "naive", {}, 7, confidence="low", threads=1)
    assert explanation is not None
    assert explanation.confidence == "low"
    assert "Confidence is low" in explanation.summary


def test_confidence_falls_with_variation_and_short_histories():
    def confidence(units):
        explanation = contributions(panel_of(np.array([units], np.float32)), "naive", {}, 7, threads=1)
        assert explanation is not None
        return explanation.confidence

    assert confidence([5] * 120) == "high"
    assert confidence([1, 9] * 60) == "medium"
    assert confidence([0, 0, 0, 9] * 30) == "low"
    assert confidence([5] * 20) == "low"
