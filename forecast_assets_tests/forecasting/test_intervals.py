"""Intervals promise what the folds say, and no more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.forecasting.core.intervals import LEVELS, coverage, limits, spread_of

NAN = np.nan


def folds_of(error: list[list[float]], level: float = 100.0):
    """One series: the forecast is ``level``, the actual is off by ``error`` (k, h)."""
    off = np.array([error], np.float32)
    forecast = np.full_like(off, level)
    return forecast + off, forecast, np.ones(off.shape[:2], bool)


def test_the_radius_is_the_conformal_quantile_of_the_absolute_errors():
    # Nine errors 1..9 in one week: the 80 % quantile of ten places is the eighth error.
    spread = spread_of(*folds_of([[1, -2, 3], [-4, 5, -6], [7, -8, 9]]))
    assert spread.radius[80][0] == pytest.approx(8)
    assert spread.radius[95][0] == pytest.approx(9), "nine errors cannot promise more than the largest"


def test_later_weeks_are_wider_where_their_errors_are_larger():
    errors = np.tile(np.r_[np.ones(7), 3 * np.ones(7)], (10, 1)).tolist()
    spread = spread_of(*folds_of(errors))
    (lower, upper) = limits(spread, np.full((1, 21), 100, np.float32))[80]
    width = (upper - lower)[0]
    assert width[0] < width[7] == width[20], "days beyond the folds take the last week's scale"


def test_limits_are_nested_never_negative_and_a_day_without_a_sale_is_never_excluded_by_a_rounding_error():
    draw = np.random.default_rng(3)
    actual = draw.poisson(0.4, (20, 3, 14)).astype(np.float32)
    forecast = np.full_like(actual, 0.4)
    limits_by_level = limits(
        spread_of(actual, forecast, np.ones((20, 3), bool)), np.full((20, 14), 0.45, np.float32)
    )
    for level in LEVELS:
        lower, upper = limits_by_level[level]
        assert (lower >= 0).all()
        assert ((lower == 0) | (lower >= 0.5)).all()
        assert (upper >= 0.45).all()
    assert (limits_by_level[95][0] <= limits_by_level[80][0]).all()
    assert (limits_by_level[95][1] >= limits_by_level[80][1]).all()


def test_nothing_known_of_the_errors_gives_no_limits():
    actual, forecast, folds = folds_of([[1.0, 2.0]])
    spread = spread_of(actual, forecast, np.zeros_like(folds))
    lower, upper = limits(spread, forecast[:, 0])[80]
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()
    assert np.isnan(coverage(actual, forecast, folds)[0]), "one fold cannot be left out"


def test_unobserved_days_say_nothing_of_the_errors():
    seen = spread_of(*folds_of([[1, 2, 3, 4]]))
    holed = spread_of(*folds_of([[1, 2, NAN, NAN]]))
    assert holed.radius[80][0] == pytest.approx(2)
    assert seen.radius[80][0] == pytest.approx(4)


@pytest.mark.parametrize("level", LEVELS)
def test_exchangeable_errors_are_covered_as_promised(level):
    draw = np.random.default_rng(11)
    actual = draw.normal(100, 10, (400, 5, 14)).astype(np.float32)
    covered = coverage(actual, np.full_like(actual, 100), np.ones((400, 5), bool), level)
    assert covered.mean() == pytest.approx(level / 100, abs=0.02)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=10)
def test_a_series_interval_never_depends_on_its_neighbours(seed):
    draw = np.random.default_rng(seed)
    actual = draw.gamma(1, 5, (6, 3, 10)).astype(np.float32)
    actual[draw.random(actual.shape) < 0.2] = NAN
    forecast = draw.gamma(1, 5, actual.shape).astype(np.float32)
    folds = draw.random((6, 3)) < 0.8
    together = limits(spread_of(actual, forecast, folds), forecast[:, 0])
    for row in range(6):
        one = slice(row, row + 1)
        alone = limits(spread_of(actual[one], forecast[one], folds[one]), forecast[one, 0])
        for level in LEVELS:
            for mine, ours in zip(alone[level], together[level], strict=True):
                np.testing.assert_array_equal(mine, ours[one])
