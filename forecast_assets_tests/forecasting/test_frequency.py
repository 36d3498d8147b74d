"""Days, weeks and months: positions, dates and words agree, and candidates find the season of each."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.forecasting.core.candidates.catalogue import candidate
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES, MONTH, WEEK
from forecast_assets.forecasting.core.global_model import GlobalSettings, fit, predict
from forecast_assets.forecasting.core.panel import Panel

START = {"day": dt.date(2023, 1, 1), "week": dt.date(2023, 1, 2), "month": dt.date(2019, 1, 1)}
FREQUENCY = pytest.mark.parametrize("frequency", FREQUENCIES.values(), ids=FREQUENCIES)


def seasonal(frequency, cycles: int, series: int = 1) -> Panel:
    """Series that repeat one rising season exactly; series i sells i + 1 times as much as the first."""
    season = np.arange(10, 10 + frequency.season, dtype=np.float32)
    units = np.tile(season, (series, cycles)) * np.arange(1, series + 1, dtype=np.float32)[:, None]
    names = np.array([f"shop__S1__P{at:03d}" for at in range(series)])
    return Panel(names, START[frequency.name], units, {}, {}, frequency=frequency)


@given(st.sampled_from(list(FREQUENCIES.values())), st.integers(-500, 5000))
def test_the_period_at_a_position_holds_its_first_and_its_last_day_and_no_other(frequency, at):
    start = START[frequency.name]
    first, last = frequency.date(start, at), frequency.last_day(start, at)
    assert frequency.position(start, first) == frequency.position(start, last) == at
    assert frequency.position(start, first - dt.timedelta(days=1)) == at - 1
    assert frequency.position(start, last + dt.timedelta(days=1)) == at + 1


def test_months_have_their_own_lengths_and_weeks_know_no_year():
    assert [str(day) for day in MONTH.dates(dt.date(2024, 1, 1), 0, 4)] == [
        "2024-01-01",
        "2024-02-01",
        "2024-03-01",
        "2024-04-01",
    ]
    assert WEEK.date(dt.date(2020, 12, 21), 2) == dt.date(2021, 1, 4), "2020 had a week 53"
    assert MONTH.last_day(dt.date(2024, 2, 1), 0) == dt.date(2024, 2, 29)


def test_a_number_of_periods_has_the_word_of_its_frequency():
    assert (DAY.count(14), WEEK.count(1), MONTH.count(3)) == ("14 days", "1 week", "3 months")
    assert (WEEK.periods(60), MONTH.periods(60), WEEK.periods(1)) == (9, 2, 1)


@FREQUENCY
@pytest.mark.parametrize("label", ["seasonal_naive", "seasonal_average", "ets"])
def test_a_season_that_repeats_is_forecast_as_it_was(frequency, label):
    panel = seasonal(frequency, cycles=6)
    cutoff = 5 * frequency.season
    forecast = candidate(label).predict(panel, np.array([cutoff]), 4)[0, 0]
    np.testing.assert_allclose(forecast, panel.units[0, cutoff : cutoff + 4], rtol=0.02)


@FREQUENCY
def test_the_global_model_learns_the_season_of_the_frequency(frequency):
    panel = seasonal(frequency, cycles=60 if frequency == DAY else 6, series=40)
    cutoff = panel.days - frequency.season
    settings = GlobalSettings(n_estimators=120, min_data_in_leaf=5)
    forecasts = predict(fit(panel, cutoff, 4, settings, threads=1), panel, threads=1)
    actual = panel.units[:, cutoff : cutoff + 4]
    error = np.abs(forecasts - actual).sum()
    without_season = np.abs(panel.units[:, :cutoff].mean(axis=1, keepdims=True) - actual).sum()
    assert error < 0.15 * without_season


@FREQUENCY
def test_a_longer_calendar_keeps_the_digest_of_a_series_and_another_start_changes_it(frequency):
    panel = seasonal(frequency, cycles=3)
    later = Panel(panel.series, panel.date(1), panel.units, {}, {}, frequency=frequency)
    longer = np.concatenate([panel.units, np.full((1, 5), np.nan, np.float32)], axis=1)
    assert (
        Panel(panel.series, panel.start, longer, {}, {}, frequency=frequency).content_hashes()
        == panel.content_hashes()
    )
    assert later.content_hashes() != panel.content_hashes()
