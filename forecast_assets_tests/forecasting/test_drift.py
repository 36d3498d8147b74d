"""Drift: the trend of evaluations, and the rank among one's own past."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.forecasting.analysis.drift import trend, verdict

NONE = math.nan


def directions(*histories):
    width = max(map(len, histories))
    padded = np.array([[*row, *[NONE] * (width - len(row))] for row in histories], dtype=np.float64)
    return trend(padded)


@pytest.mark.parametrize(
    ("history", "direction", "delta"),
    [
        ([20, 22], "stable", 2),
        ([20, 22.01], "degrading", 2.01),
        ([20, 18], "stable", -2),
        ([20, 17.9], "improving", -2.1),
        ([30, 10, 21], "stable", 11),
        ([0, 0], "stable", 0),
        ([0, 5], "degrading", 5),
        ([10, 30, NONE, 21], "stable", -9),
        ([0.3, 0.33], "stable", 0.03),
        ([12, NONE], "unknown", None),
        ([NONE, NONE], "unknown", None),
        ([], "unknown", None),
    ],
)
def test_the_trend_of_a_history(history, direction, delta):
    trends = directions(history)
    assert trends.direction.tolist() == [direction]
    assert (None if np.isnan(trends.delta[0]) else trends.delta[0]) == delta


def test_direction_and_delta_may_point_different_ways():
    trends = directions([30, 10, 24])
    assert (trends.baseline[0], trends.delta[0], trends.direction[0]) == (20, 14, "degrading")
    trends = directions([30, 10, 17])
    assert (trends.delta[0], trends.direction[0]) == (7, "improving")


def test_a_series_is_judged_alike_alone_and_among_thousands():
    draw = np.random.default_rng(1)
    history = draw.gamma(9, 3, (500, 12))
    history[draw.random(history.shape) < 0.4] = np.nan
    together = trend(history)
    for row in range(0, 500, 25):
        alone = trend(history[row : row + 1])
        assert alone.direction[0] == together.direction[row]
        assert np.array_equal(alone.baseline, together.baseline[row : row + 1], equal_nan=True)


def test_chance_is_the_share_of_windows_at_least_as_bad_counting_the_newest():
    past = np.arange(1.0, 20.0)[None]
    verdicts = [verdict(np.array([recent]), past, alarm=0.05) for recent in (19.5, 19.0, 10.0, 0.0)]
    assert [one.chance[0] for one in verdicts] == [1 / 20, 2 / 20, 11 / 20, 1]
    assert [one.status[0] for one in verdicts] == ["degrading", "stable", "stable", "stable"]


def test_too_few_windows_are_unknown_and_never_stable():
    past = np.array([[1.0] * 8, [1.0] * 8])
    past[1, 0] = np.nan
    verdicts = verdict(np.array([9.0, 9.0]), np.column_stack([past, [1.0, 1.0]]), alarm=0.10)
    assert verdicts.status.tolist() == ["degrading", "unknown"]
    assert verdicts.windows.tolist() == [9, 8]
    assert np.isnan(verdicts.chance[1])
    assert np.isnan(verdicts.false_alarm[1])


def test_a_window_that_cannot_be_scored_is_unknown():
    verdicts = verdict(np.array([np.nan]), np.ones((1, 30)), alarm=0.10)
    assert (verdicts.status[0], np.isnan(verdicts.chance[0])) == ("unknown", True)


@pytest.mark.parametrize("windows", [9, 19, 25, 40])
@pytest.mark.parametrize("alarm", [0.05, 0.10, 0.2])
def test_unchanged_noise_raises_exactly_as_many_alarms_as_promised(windows, alarm):
    draw = np.random.default_rng(7).gamma(2, 3, (40_000, windows + 1))
    verdicts = verdict(draw[:, -1], draw[:, :-1], alarm=alarm)
    share = (verdicts.status == "degrading").mean()
    promised = np.nan_to_num(verdicts.false_alarm).mean()
    assert promised <= alarm
    assert share == pytest.approx(promised, abs=0.006)


@given(st.lists(st.integers(0, 1000), min_size=9, max_size=40), st.integers(0, 1000), st.integers(-10, 10))
def test_the_verdict_does_not_depend_on_the_unit(past, recent, power):
    unit = 2.0**power
    before = verdict(np.array([float(recent)]), np.array([past], dtype=np.float64), alarm=0.1)
    after = verdict(np.array([recent * unit]), np.array([past]) * unit, alarm=0.1)
    assert before.status[0] == after.status[0]
    assert before.chance[0] == after.chance[0]


def test_thirty_thousand_series_are_judged_at_once():
    draw = np.random.default_rng(3).gamma(9, 3, (30_490, 26))
    verdicts = verdict(draw[:, -1] * np.where(np.arange(30_490) < 1000, 10, 1), draw[:, :-1], alarm=0.1)
    assert (verdicts.status[:1000] == "degrading").mean() > 0.99
    assert trend(draw).direction.shape == (30_490,)
