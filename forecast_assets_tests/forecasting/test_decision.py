"""Stock from forecasts: the worked numbers, the edges, and what bias means."""

import numpy as np
import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.decision import bias_risk, decide, z_value

WEEK = np.array([[10, 12, 8, 15, 11, 9, 12]], np.float32)
UNKNOWN = np.full_like(WEEK, np.nan)


@pytest.mark.parametrize(
    ("service_level", "lead_time", "safety", "reorder"),
    [
        (0.95, 7, 9.3050, 86.3050),
        (0.90, 14, 10.2528, 164.2528),
        (0.50, 7, 7.2498, 84.2498),  # the nearest tabulated level is 0.90
        (0.999, 7, 13.1595, 90.1595),  # and 0.99
    ],
)
def test_worked_safety_stocks(service_level, lead_time, safety, reorder):
    decision = decide(WEEK, UNKNOWN, lead_time_days=lead_time, service_level=service_level)
    assert decision.sigma_daily_demand[0] == pytest.approx(2.1381, abs=1e-4)
    assert decision.safety_stock[0] == pytest.approx(safety, abs=1e-4)
    assert decision.reorder_point[0] == pytest.approx(reorder, abs=1e-4)
    assert decision.expected_demand_over_lead_time[0] == pytest.approx(11 * lead_time)
    assert np.isnan(decision.interval_safety_stock[0]), "no interval is known"


def test_a_flat_forecast_and_a_single_day_need_no_heuristic_safety_stock():
    assert decide(np.full((1, 7), 5.0), UNKNOWN).safety_stock[0] == 0
    assert decide(np.array([[5.0]]), np.array([[np.nan]])).safety_stock[0] == 0


def test_measured_errors_ask_for_stock_where_the_heuristic_asks_for_none():
    flat = np.full((1, 7), 5.0)
    decision = decide(flat, flat + 1.2816, lead_time_days=4, service_level=0.95)
    assert decision.safety_stock[0] == 0
    assert decision.interval_safety_stock[0] == pytest.approx(1.6449 * 2)


@pytest.mark.parametrize("wrong", [{"lead_time_days": 0}, {"lead_time_days": 366}, {"lead_time_days": 1.5}])
def test_impossible_lead_time_is_refused(wrong):
    with pytest.raises(BadSetting, match="lead_time_days"):
        decide(WEEK, UNKNOWN, **wrong)


@pytest.mark.parametrize("wrong", [0.49, 1.0, -1, float("nan"), True])
def test_impossible_service_level_is_refused(wrong):
    with pytest.raises(BadSetting, match="service_level"):
        z_value(wrong)


def test_bias_is_told_with_its_risk():
    assert "plan for stock-outs" in bias_risk(0.5)
    assert "plan for overstock" in bias_risk(-0.5)
    assert "has none" in bias_risk(0.0)
    assert "not known" in bias_risk(None)
