"""Days of an order on forecasts by day, week and month."""

import datetime as dt

import numpy as np
import pytest

from forecast_assets.forecasting.core.frequency import DAY, MONTH, WEEK, Frequency
from forecast_assets.forecasts.store import StoredForecast
from forecast_assets.order_settings import OrderSettings
from forecast_assets.orders.forecast_window import ForecastWindow
from forecast_assets.orders.stock_state import StockState

MONDAY = dt.date(2024, 4, 1)
UNITS = np.array([300, 600, 900], np.float32)


def forecast(period: Frequency) -> StoredForecast:
    return StoredForecast("d__S__P", "naive", "run", MONDAY, {}, UNITS, None, period)


def stock(counted: dt.date) -> StockState:
    settings = OrderSettings(lead_time_days=7, review_days=3)
    return StockState(10.0, None, counted, settings, 0.95, None)


@pytest.mark.parametrize(
    ("period", "elapsed", "lead", "review"),
    [(DAY, 2, 7, 3), (WEEK, 2 / 7, 1, 3 / 7), (MONTH, 24 / 365.25, 84 / 365.25, 36 / 365.25)],
    ids=["days", "weeks", "months"],
)
def test_a_window_is_as_long_as_its_days(period, elapsed, lead, review):
    window = ForecastWindow.of(forecast(period), stock(MONDAY), MONDAY + dt.timedelta(days=2)).window
    assert (window.elapsed, window.lead, window.review) == pytest.approx((elapsed, lead, review))


@pytest.mark.parametrize(
    ("period", "counted", "units"),
    [
        (DAY, 1, [900]),
        (WEEK, -1, [300, 600, 900]),
        (WEEK, 5, [(300 + 6 * 600) / 7, (600 + 6 * 900) / 7, 900]),
        (WEEK, 6, [600, 900]),
        (MONTH, 29, [600, 900]),
        (WEEK, 60, [300, 600, 900]),
    ],
    ids=[
        "a day",
        "the day before",
        "six of seven days",
        "a whole week",
        "a whole month",
        "beyond the forecast",
    ],
)
def test_what_was_over_when_the_stock_was_counted_is_not_ordered_for(period, counted, units):
    at = MONDAY + dt.timedelta(days=counted)
    ahead = ForecastWindow.of(forecast(period), stock(at), at)
    assert ahead.curve(forecast(period)) == pytest.approx(units)
