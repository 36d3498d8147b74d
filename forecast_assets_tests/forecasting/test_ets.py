"""The ETS grid against a slow twin for one series and one cutoff, and on series with a clear answer."""

import math

import numpy as np
import pytest

from forecast_assets.forecasting.core.candidates import ets
from forecast_assets.forecasting.core.candidates.ets import ETS
from forecast_assets_tests.forecasting.awkward import awkward_units, predict

WEEK = np.array([10, 12, 14, 16, 30, 40, 3], np.float32)


def forecast(units, cutoffs=None, horizon=14):
    units = np.atleast_2d(np.asarray(units, np.float32))
    return predict(ETS(), units, np.array([units.shape[1]] if cutoffs is None else cutoffs), horizon)


def twin(series, horizon: int) -> np.ndarray:
    """The same method in plain Python: day by day, configuration by configuration."""
    days = series[int(np.argmax(~np.isnan(series))) :].astype(float).tolist()
    count = sum(not math.isnan(day) for day in days)
    if count < 2:
        return np.full(horizon, np.nan)
    start = [(at % 7, day) for at, day in enumerate(days[:28]) if not math.isnan(day)]
    mean = sum(day for _, day in start) / len(start)
    weekday = [
        np.mean(same) - mean if (same := [day for at, day in start if at == phase]) else 0.0
        for phase in range(7)
    ]
    grid = [(alpha, None) for alpha in ets._LEVEL_ONLY] + list(ets._SEASONAL)
    best, answer = math.inf, np.empty(0)
    for alpha, gamma in grid:
        level, season, squares = mean, [0.0] * 7 if gamma is None else list(weekday), 0.0
        for at, day in enumerate(days):
            if math.isnan(day):
                continue
            error = day - level - season[at % 7]
            squares += error * error
            level += alpha * error
            season[at % 7] += (gamma or 0) * error
        free = 3 if gamma is None else 10
        spare = count - free - 1
        penalty = 2 * free * count / spare if spare > 0 else math.inf
        aicc = count * math.log(squares / count + (1e-4 * mean + 1e-6) ** 2) + penalty
        if aicc < best or not answer.size:
            ahead = [level + season[(len(days) + step) % 7] for step in range(horizon)]
            best, answer = aicc, np.maximum(ahead, 0)
    return answer


@pytest.mark.parametrize("seed", range(4))
def test_the_grid_equals_its_slow_twin(seed):
    units = awkward_units(seed, days=150)[:-1]
    cutoffs = [6, 20, 45, 90, 150]
    forecasts = forecast(units, cutoffs)
    for row, series in enumerate(units):
        for fold, cutoff in enumerate(cutoffs):
            past = series[:cutoff]
            has_observation = not np.isnan(past).all()
            expected = twin(past, 14) if has_observation else np.full(14, np.nan)
            np.testing.assert_allclose(forecasts[row, fold], expected, rtol=1e-4, atol=1e-4)


def test_a_weekly_pattern_is_continued():
    np.testing.assert_allclose(forecast(np.tile(WEEK, 10))[0, 0], np.tile(WEEK, 2), rtol=1e-5)


def test_a_weekly_pattern_keeps_its_weekdays_wherever_the_series_ends_or_starts():
    units = np.tile(WEEK, 12)
    units[:17] = np.nan
    forecasts = forecast(units, [70, 71, 75, 80])[0]
    for fold, cutoff in enumerate([70, 71, 75, 80]):
        np.testing.assert_allclose(forecasts[fold], np.tile(WEEK, 20)[cutoff : cutoff + 14], rtol=1e-5)


def test_an_unobserved_day_neither_teaches_nor_shifts_the_week():
    units = np.tile(WEEK, 12)
    units[[13, 40, 41, 60]] = np.nan
    np.testing.assert_allclose(forecast(units)[0, 0], np.tile(WEEK, 2), rtol=1e-5)


def test_a_weekday_that_is_always_closed_gets_the_level():
    units = np.tile(WEEK, 12)
    units[6::7] = np.nan
    forecasts = forecast(units)[0, 0]
    np.testing.assert_allclose(forecasts[:6], WEEK[:6], rtol=1e-5)
    assert np.isfinite(forecasts[6])


def test_noise_without_a_week_gets_a_flat_forecast_near_the_mean():
    units = np.random.default_rng(5).poisson(20, (20, 400))
    forecasts = forecast(units)[:, 0]
    assert np.mean(np.ptp(forecasts, axis=1) == 0) >= 0.8
    np.testing.assert_allclose(forecasts.mean(axis=1), 20, rtol=0.1)


def test_a_level_shift_is_followed():
    assert forecast(np.r_[np.full(100, 10.0), np.full(30, 50.0)])[0, 0] == pytest.approx([50] * 14, rel=0.02)


@pytest.mark.parametrize("units", [0.1, 1, 37, 1e6])
def test_a_constant_is_continued_flat(units):
    np.testing.assert_allclose(forecast(np.full(200, units))[0, 0], np.full(14, units), rtol=1e-6)


def test_a_falling_series_stops_at_zero():
    assert (forecast(np.maximum(0, 60 - np.arange(90)))[0, 0] >= 0).all()


def test_one_day_is_too_little_and_two_give_their_mean():
    assert np.isnan(forecast([5])).all()
    assert forecast([4, 6])[0, 0] == pytest.approx([5] * 14, rel=0.02)


def test_a_cutoff_within_the_warm_up_reads_nothing_beyond_itself():
    units = np.arange(1, 61, dtype=np.float32)[None]
    for cutoff in range(2, 40):
        alone = forecast(units[:, :cutoff])
        assert np.array_equal(forecast(units, [cutoff, 60])[:, :1], alone)
