"""Weekdays on which a store is never open sell nothing."""

import numpy as np
import pytest

from forecast_assets.forecasting.core.openings import closed_ahead
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets_tests.forecasting.awkward import panel_of

DAYS = 120


def sundays_closed(count: int = 2) -> np.ndarray:
    units = np.full((count, DAYS), 5, np.float32)
    units[0, 6::7] = np.nan
    return units


def test_a_weekday_that_is_never_observed_is_closed_and_no_other():
    closed = closed_ahead(panel_of(sundays_closed()), 14)
    assert np.flatnonzero(closed[0]).tolist() == [n for n in range(14) if (DAYS + n) % 7 == 6]
    assert not closed[1].any()


@pytest.mark.parametrize("at", [slice(DAYS - 21, DAYS), slice(0, DAYS - 20), slice(0, DAYS)])
def test_a_late_a_young_and_a_silent_series_close_no_weekday(at):
    units = np.full((1, DAYS), 5, np.float32)
    units[0, at] = np.nan
    assert not closed_ahead(panel_of(units), 14).any()


def test_one_open_day_in_eight_weeks_keeps_a_weekday_open():
    units = sundays_closed(1)
    units[0, DAYS - 1 - (DAYS - 1 - 6) % 7 - 14] = 4
    assert not closed_ahead(panel_of(units), 7).any()


def test_a_forecast_has_nothing_on_closed_weekdays_and_its_level_on_others():
    panel = panel_of(sundays_closed())
    units = outlook(panel, ["moving_average", "naive"], {}, 14, threads=1).units
    sunday = (DAYS + np.arange(14)) % 7 == 6
    assert units[0].tolist() == np.where(sunday, 0, 5).tolist()
    assert units[1].tolist() == [5] * 14


def test_a_candidate_that_repeats_the_past_forecasts_nothing_on_a_weekday_that_is_never_open():
    units = np.tile(np.array([5, 6, 7, 8, 9, 10, np.nan], np.float32), 20)[None]
    panel = panel_of(units)
    forecasts = outlook(panel, ["seasonal_naive"], {}, 7, threads=1)
    assert forecasts.failures == {}
    assert forecasts.units[0].tolist() == [5, 6, 7, 8, 9, 10, 0]
