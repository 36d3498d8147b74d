"""How often and how evenly a product sells, and what it is worth."""

import numpy as np

from forecast_assets.forecasting.core.demand import demand_classes, is_intermittent, revenue

NAN = np.nan


def test_the_four_classes_by_interval_and_variation():
    units = np.zeros((5, 12), np.float32)
    units[0] = 5  # every day, evenly
    units[1] = [1, 1, 1, 20] * 3  # every day, unevenly
    units[2, ::3] = 2  # every third day, evenly
    units[3, ::3] = [1, 1, 1, 30]  # every third day, unevenly
    assert demand_classes(units) == ["smooth", "erratic", "intermittent", "lumpy", None]


def test_days_without_an_observation_do_not_lengthen_the_interval():
    units = np.full((1, 12), NAN, np.float32)
    units[0, ::3] = 2
    assert demand_classes(units) == ["smooth"]


def test_intermittent_and_lumpy_demand_pass_days_without_a_sale():
    assert [
        name for name in ("smooth", "erratic", "intermittent", "lumpy", None) if is_intermittent(name)
    ] == [
        "intermittent",
        "lumpy",
    ]


def test_revenue_is_units_times_price_and_units_alone_without_prices():
    units = np.array([[1, 2, NAN], [4, 0, 1]], np.float32)
    assert revenue(units, None).tolist() == [3, 5]
    price = np.array([[2, 3, 9, 9], [5, NAN, NAN, 9]], np.float32)
    assert revenue(units, price).tolist() == [8, 25], "a day without a price takes the mean of its series"
