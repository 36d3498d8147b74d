"""Columns known ahead: one meaning of a missing value, in history, in folds and in production."""

from dataclasses import replace

import numpy as np
import pytest

from forecast_assets.forecasting.core.candidates.catalogue import local
from forecast_assets.forecasting.core.global_model import GlobalSettings, fit, predict
from forecast_assets.forecasting.core.outlook import with_plan
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS, Panel
from forecast_assets.forecasting.core.plans import filled, sight
from forecast_assets_tests.forecasting.awkward import panel_of

NAN = float("nan")
DAYS, CUTOFF, HORIZON = 240, 200, 14
QUICK = GlobalSettings(n_estimators=8, max_rows=3_000, min_data_in_leaf=5)


@pytest.fixture(scope="module")
def panel() -> Panel:
    draw = np.random.default_rng(7)
    promo = (draw.random((6, DAYS)) < 0.2).astype(np.float32)
    price = np.round(draw.uniform(1, 2, (6, DAYS)), 1).astype(np.float32)
    rain = draw.normal(size=(6, DAYS)).astype(np.float32)
    units = draw.poisson(6 + 6 * promo + 4 * (price < 1.5)).astype(np.float32)
    return replace(panel_of(units), known={"promo": promo, "price": price, "rain": rain})


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("flag", [[0, 1, 0, 0], [0, 0, 0, 0]]),
        ("price", [[NAN, 1, 1, 1], [NAN] * 4]),
        ("carried", [[NAN, 1, 1, 1], [NAN] * 4]),
        ("number", [[NAN, 1, NAN, NAN], [NAN] * 4]),
    ],
)
def test_a_missing_value_means_what_the_role_says(role, expected):
    column = np.array([[NAN, 1, NAN, NAN], [NAN] * 4], np.float32)
    np.testing.assert_array_equal(filled(column, role), np.array(expected, np.float32))


@pytest.mark.parametrize(
    "reach", [{}, {"promo": 0, "price": 0, "rain": 0}, {"promo": 3, "price": 9, "rain": 1}]
)
@pytest.mark.parametrize("label", ["lightgbm", "prophet_like"])
def test_a_fold_sees_of_the_plans_exactly_what_a_forecast_on_that_day_would(panel, reach, label):
    known = {}
    for name, column in panel.known.items():
        known[name] = column[:, : CUTOFF + HORIZON].copy()
        known[name][:, CUTOFF + reach.get(name, HORIZON) :] = NAN
    here = replace(panel, reach=reach)
    then, _ = with_plan(replace(here, units=panel.units[:, :CUTOFF], known=known), HORIZON)
    if label == "lightgbm":
        model = fit(here, CUTOFF, HORIZON, QUICK, threads=1)
        fold = predict(model, here, threads=1)
        production = predict(fit(then, CUTOFF, HORIZON, QUICK, threads=1), then, threads=1)
    else:
        cutoffs = np.array([CUTOFF])
        fold = local(label).predict(here, cutoffs, HORIZON)
        production = local(label).predict(then, cutoffs, HORIZON)
    assert fold.tobytes() == production.tobytes()


def test_an_origin_sees_the_plan_as_far_as_it_reaches(panel):
    some = replace(panel, reach={"price": 2})
    seen = sight(some, "price", CUTOFF, CUTOFF + 5)
    np.testing.assert_array_equal(seen[:, : CUTOFF + 2], panel.known["price"][:, : CUTOFF + 2])
    np.testing.assert_array_equal(
        seen[:, CUTOFF + 2 :], np.repeat(seen[:, CUTOFF + 1 : CUTOFF + 2], 3, axis=1)
    )
    assert sight(panel, "rain", DAYS, DAYS + 2)[:, DAYS:].shape == (6, 2)
    assert np.isnan(sight(panel, "rain", DAYS, DAYS + 2)[:, DAYS:]).all()


def test_a_plan_that_is_never_known_teaches_nothing_of_its_days(panel):
    blind = replace(panel, reach={"promo": 0, "price": 0, "rain": 0})
    features = fit(blind, CUTOFF, HORIZON, QUICK, threads=1)
    scrambled = {name: column.copy() for name, column in panel.known.items()}
    for column in scrambled.values():
        column[:, CUTOFF:] = 1e6
    assert (
        predict(features, replace(blind, known=scrambled), threads=1).tobytes()
        == predict(features, blind, threads=1).tobytes()
    )


def test_a_plan_of_the_last_price_and_no_plan_forecast_the_same(panel):
    price = panel.known["price"].copy()
    price[0] = 1  # the values of a series say nothing of its role
    here = replace(panel, known={"price": price})
    same = np.concatenate([price, np.repeat(price[:, -1:], HORIZON, axis=1)], axis=1)
    planned = replace(panel, known={"price": same}, reach={"price": HORIZON})
    bare, _ = with_plan(replace(here, reach={"price": 0}), HORIZON)
    forecasts = [
        predict(fit(one, DAYS, HORIZON, QUICK, threads=1), one, threads=1).tobytes()
        for one in (planned, bare)
    ]
    assert forecasts[0] == forecasts[1]


def test_original_ids_are_no_features(panel):
    named = replace(
        panel,
        static={name: np.array([f"Ä {n}" for n in range(6)]) for name in ORIGINAL_IDS},
    )
    assert not [name for name in fit(named, CUTOFF, HORIZON, QUICK, threads=1).features if "original" in name]
