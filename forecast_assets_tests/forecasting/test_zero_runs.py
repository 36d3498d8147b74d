"""Stretches of days without a sale that are no chance."""

import numpy as np
import pytest

from forecast_assets.forecasting.core.zero_runs import stockouts, zero_runs
from forecast_assets_tests.forecasting.awkward import panel_of

DAYS = 240
NAN = np.float32("nan")


def steady(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).poisson(6, (count, DAYS)).astype(np.float32) + 1


def runs_of(units: np.ndarray) -> list[tuple[int, int, int]]:
    runs = zero_runs(units)
    return list(zip(runs.row.tolist(), runs.first.tolist(), runs.end.tolist(), strict=True))


@pytest.mark.parametrize("first", [30, 120, DAYS - 12])
def test_zeros_amid_daily_sales_are_found_wherever_they_are(first):
    units = steady()
    units[1, first : first + 12] = 0
    assert runs_of(units) == [(1, first, first + 12)]


def test_days_that_were_not_observed_neither_end_nor_lengthen_a_stretch():
    units = steady()
    units[0, 100:106] = [0, NAN, NAN, 0, NAN, 0]
    assert runs_of(units) == [(0, 100, 106)]


def test_a_weekly_closing_day_a_slow_seller_and_a_young_series_are_no_stretch():
    weekly = steady(1)
    weekly[0, ::7] = 0
    weekly[0, 98:101] = 0
    slow = (np.random.default_rng(4).random((40, DAYS)) < 0.08).astype(np.float32)
    young = np.full((1, DAYS), NAN)
    young[0, -10:] = [5, 5, 0, 0, 0, 0, 5, 5, 5, 5]
    assert runs_of(np.concatenate([weekly, slow, young])) == []


def test_a_month_without_a_sale_is_no_stockout_and_one_before_the_scored_days_does_not_count():
    units = steady()
    units[0, 100:140] = 0
    units[1, 50:60] = 0
    units[2, 200:207] = 0
    assert list(stockouts(panel_of(units), 180)) == [(2, 200, 207)]
    assert [row for row, _, _ in stockouts(panel_of(units))] == [1, 2]


def test_the_same_series_is_judged_alike_alone_and_among_others():
    units = np.concatenate([steady(1100), steady(1)])
    units[[5, 1030], 60:70] = 0
    assert runs_of(units) == [(5, 60, 70), (1030, 60, 70)]
    assert runs_of(units[1030:1031]) == [(0, 60, 70)]
