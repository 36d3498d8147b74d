"""Assumptions on the days ahead: factors, what a model is asked, worth and stock."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.analysis.effect import coverage, effect
from forecast_assets.forecasting.analysis.whatif import Assumptions, Lifecycle, Promotion, differing
from forecast_assets.forecasting.core.outlook import with_plan
from forecast_assets_tests.forecasting.awkward import panel_of

HORIZON = 7


@pytest.fixture
def panel():
    history = np.full((1, 60), 5, np.float32)
    known = {"price": np.full((1, 60), 2, np.float32), "promo": (history * 0).astype(np.float32)}
    return with_plan(replace(panel_of(history), known=known), HORIZON)[0]


def ahead(panel, offset: int) -> dt.date:
    return panel.start + dt.timedelta(days=panel.days + offset)


@pytest.mark.parametrize(
    ("assumed", "factor"),
    [
        ({"price_change": -0.1}, 0.9**-1.2),
        ({"price_change": 0.5}, 1.5**-1.2),
        ({"price_change": -0.9}, 5.0),
        ({"price_change": 5.0}, 6**-1.2),
        ({"promotion": "pct_off"}, 1.25),
        ({"promotion": "bogo"}, 1.4),
        ({"promotion": "bundle"}, 1.15),
        ({"promotion": "markdown"}, 1.3),
        ({"lifecycle": "launch"}, 1.2),
        ({"lifecycle": "growth"}, 1.1),
        ({"lifecycle": "decline"}, 0.85),
        ({"promotion": "bogo", "lifecycle": "launch", "price_change": -0.9}, 5.0),
    ],
)
def test_rules_of_thumb_multiply_within_their_bounds(panel, assumed, factor):
    difference = differing(panel, HORIZON, Assumptions(**assumed), asks_model=False)
    assert difference.factors == pytest.approx(np.full(HORIZON, factor))
    assert (difference.method, difference.panel) == ("heuristic", None)


def test_a_holiday_touches_its_day_alone_and_a_promotion_its_span(panel):
    difference = differing(panel, HORIZON, Assumptions(holidays=(ahead(panel, 2),)), asks_model=False)
    assert difference.factors.tolist() == [1, 1, 1.3, 1, 1, 1, 1]
    spanned = Assumptions(promotion="bogo", first_day=ahead(panel, 1), last_day=ahead(panel, 2))
    assert differing(panel, HORIZON, spanned, asks_model=False).factors.tolist() == [1, 1.4, 1.4, 1, 1, 1, 1]


def test_a_model_is_asked_about_columns_it_has_and_rules_of_thumb_do_the_rest(panel):
    day = ahead(panel, 3)
    difference = differing(
        panel,
        HORIZON,
        Assumptions(price_change=-0.5, promotion="bogo", holidays=(day,), lifecycle="decline"),
        asks_model=True,
    )
    assert difference.method == "model_exogenous"
    assert difference.panel is not None
    assert difference.panel.known["price"][0, 60:67].tolist() == [1.0] * 7
    assert difference.panel.known["promo"][0, 60:67].tolist() == [1.0] * 7
    assert difference.factors == pytest.approx(np.where(np.arange(7) == 3, 1.3 * 0.85, 0.85))
    assert [sentence.rsplit(": ", 1)[1] for sentence in difference.sentences] == [
        "answered by the model",
        "answered by the model",
        "rule of thumb, x1.30",
        "rule of thumb, x0.85",
        "no sale tells what happens there",
        "every second unit is free",
    ]
    for name, column in panel.known.items():
        np.testing.assert_array_equal(difference.panel.known[name][:, :60], column[:, :60])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (-0.1, None),
        (0.0, None),
        (0.5, "a price of 3.00 lies above any price so far (1.50 to 2.00)"),
        (-0.5, "a price of 1.00 lies below any price so far (1.50 to 2.00)"),
    ],
)
def test_a_price_that_was_never_paid_is_said_to_be_one(panel, change, sentence):
    price = np.full((1, panel.units.shape[1] + HORIZON), 2, np.float32)
    price[0, 10:20] = 1.5
    difference = differing(
        replace(panel, known={"price": price}),
        HORIZON,
        Assumptions(price_change=change, on_hand=1),
        asks_model=False,
    )
    notes = [note for note in difference.sentences if "any price so far" in note]
    assert [note.partition(":")[0] for note in notes] == ([sentence] if sentence else [])


@pytest.mark.parametrize(
    ("assumed", "share"),
    [
        ({"promotion": "bogo"}, 0.5),
        ({"promotion": "pct_off", "discount": 0.2}, 0.8),
        ({"promotion": "markdown", "discount": 0.2, "price_change": -0.5}, 0.4),
        ({"promotion": "pct_off"}, 0.75),
    ],
)
def test_revenue_of_a_promotion_is_at_the_price_that_is_paid(panel, assumed, share):
    promo = np.zeros((1, panel.units.shape[1] + HORIZON), np.float32)
    promo[0, 10:20] = 1
    price = np.where(promo > 0, np.float32(1.5), np.float32(2))
    priced = replace(panel, known={"promo": promo, "price": price})
    difference = differing(priced, HORIZON, Assumptions(**assumed), asks_model=False)
    baseline = np.full(HORIZON, 10.0)
    scenario_effect = effect(baseline, baseline, np.full(HORIZON, 2.0), difference, None)
    assert scenario_effect.scenario_revenue == pytest.approx((scenario_effect.units * 2 * share).sum())


def test_a_model_is_not_asked_about_a_flag_whose_plans_it_never_knew(panel):
    blind = replace(panel, reach={"promo": 0, "price": 0})
    difference = differing(blind, HORIZON, Assumptions(promotion="bogo"), asks_model=True)
    assert difference.method == "heuristic"
    difference = differing(blind, HORIZON, Assumptions(price_change=-0.5), asks_model=True)
    assert difference.method == "model_exogenous"
    assert difference.panel is not None
    assert "price" not in difference.panel.reach


def test_revenue_of_a_promotion_without_a_known_discount_is_unknown(panel):
    price = np.full((1, panel.units.shape[1] + HORIZON), 2, np.float32)
    difference = differing(
        replace(panel, known={"price": price}), HORIZON, Assumptions(promotion="pct_off"), asks_model=False
    )
    baseline = np.full(HORIZON, 10.0)
    scenario_effect = effect(baseline, baseline, np.full(HORIZON, 2.0), difference, None)
    assert (
        scenario_effect.baseline_revenue,
        scenario_effect.scenario_revenue,
        scenario_effect.revenue_delta,
    ) == (140, None, None)
    assert "not known without a discount" in difference.sentences[-1]


def test_units_and_revenue_are_compared_and_unknown_without_a_price(panel):
    difference = differing(panel, HORIZON, Assumptions(price_change=-0.5), asks_model=False)
    baseline, price = np.full(HORIZON, 10.0), np.full(HORIZON, 2.0)
    scenario_effect = effect(baseline, baseline, price, difference, 100)
    factor = 0.5**-1.2
    assert scenario_effect.units == pytest.approx(baseline * factor)
    assert scenario_effect.units_delta == pytest.approx(70 * (factor - 1))
    assert scenario_effect.baseline_revenue == 140
    assert scenario_effect.revenue_delta == pytest.approx(70 * factor - 140)
    unpriced = effect(baseline, baseline, price * np.nan, difference, None)
    assert (unpriced.revenue_delta, unpriced.coverage) == (None, "unknown")


@pytest.mark.parametrize(
    ("demand", "on_hand", "expected"),
    [
        (89.9, 100, "covered"),
        (90, 100, "at_risk"),
        (110, 100, "at_risk"),
        (110.1, 100, "stockout"),
        (1, 0, "stockout"),
        (5, None, "unknown"),
    ],
)
def test_stock_covers_may_cover_or_runs_out(demand, on_hand, expected):
    assert coverage(demand, on_hand) == expected


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"price_change": -0.91}, "price_change"),
        ({"price_change": 5.1}, "price_change"),
        ({"price_change": "cheap"}, "price_change"),
        ({"promotion": "free"}, "promotion"),
        ({"lifecycle": "death"}, "lifecycle"),
        ({"on_hand": -1}, "on_hand"),
        ({"on_hand": float("nan")}, "on_hand"),
        ({"holidays": ["24.12.2026"]}, "holidays"),
        ({"weather": "sun"}, "weather"),
    ],
)
def test_assumptions_out_of_bounds_are_refused_by_name(stated, named):
    with pytest.raises(BadSetting, match=named):
        Assumptions.from_json(stated)


def test_days_outside_the_forecast_and_no_assumption_at_all_are_refused(panel):
    with pytest.raises(BadSetting, match="holidays outside"):
        differing(panel, HORIZON, Assumptions(holidays=(ahead(panel, 7),)), asks_model=True)
    with pytest.raises(BadSetting, match="no forecast day"):
        differing(panel, HORIZON, Assumptions(price_change=1, last_day=panel.start), asks_model=True)
    with pytest.raises(BadSetting, match="nothing is assumed"):
        differing(panel, HORIZON, Assumptions(), asks_model=True)


@given(
    st.builds(
        Assumptions,
        price_change=st.none() | st.floats(-0.9, 5),
        promotion=st.none() | st.sampled_from([str(one) for one in Promotion]),
        holidays=st.lists(st.dates(), max_size=3).map(tuple),
        on_hand=st.none() | st.floats(0, 1e9),
        lifecycle=st.none() | st.sampled_from([str(one) for one in Lifecycle]),
        first_day=st.none() | st.dates(),
    )
)
def test_assumptions_survive_being_stored(assumptions):
    assert Assumptions.from_json(assumptions.to_json()) == assumptions
