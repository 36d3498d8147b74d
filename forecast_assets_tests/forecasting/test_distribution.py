"""A distribution says what the pooled errors said, at the level of the curve."""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.forecasting.core.distribution import PROBABILITIES, ErrorTable, own_spread

LEVELS = np.array(PROBABILITIES)


def poisson_days(mean: float, days: int, seed: int = 1):
    return np.full(days, mean), np.random.default_rng(seed).poisson(mean, days).astype(np.float64)


@cache
def table_of_two_levels(*, whole: bool = False) -> ErrorTable:
    slow, fast = poisson_days(0.3, 4000), poisson_days(30, 4000, seed=2)
    table = ErrorTable.learn(
        np.concatenate([slow[0], fast[0]]), np.concatenate([slow[1], fast[1]]), whole=whole
    )
    assert table is not None
    return table


@pytest.mark.parametrize("whole", [True, False])
@settings(max_examples=30, deadline=None)
@given(curve=st.lists(st.floats(0, 1e4), min_size=1, max_size=20), spread=st.floats(0.2, 5))
def test_quantiles_never_cross_and_are_never_negative(*, whole: bool, curve: list[float], spread: float):
    units = table_of_two_levels(whole=whole).quantiles(np.array(curve), LEVELS, spread=spread)
    assert (np.diff(units, axis=-1) >= 0).all()
    assert (units >= 0).all()


def test_quantiles_cover_as_often_as_they_say_at_every_level():
    table = table_of_two_levels()
    for mean, seed in ((0.3, 7), (30.0, 8)):
        curve, actual = poisson_days(mean, 5000, seed)
        limit = table.quantiles(curve[:1], np.array([0.9, 0.975]))[0]
        share = (actual[:, None] <= limit + 0.5).mean(axis=0)
        assert (share >= np.array([0.88, 0.965])).all(), mean


def test_a_slow_mover_has_a_median_of_zero_and_a_mean_that_keeps_its_total():
    table = table_of_two_levels(whole=True)
    curve, actual = poisson_days(0.3, 5000, seed=9)
    assert table.median(curve).max() == 0
    assert table.expected(curve).sum() == pytest.approx(actual.sum(), rel=0.1)


def test_a_curve_that_is_too_low_is_raised_to_the_mean():
    low, actual = poisson_days(30, 5000)
    table = ErrorTable.learn(low * 0.7, actual)
    assert table is not None
    assert table.expected(low[:1] * 0.7)[0] == pytest.approx(30, rel=0.02)


def test_counts_are_rounded_to_whole_units_only_where_the_dataset_sells_whole_units():
    counts = table_of_two_levels(whole=True).quantiles(np.array([2.3]), LEVELS)
    assert (counts == np.rint(counts)).all()
    assert (table_of_two_levels().quantiles(np.array([2.3]), LEVELS) != counts).any()


def test_few_errors_are_no_table():
    assert ErrorTable.learn(np.ones(199), np.ones(199)) is None
    assert ErrorTable.learn(np.ones(250), np.r_[np.ones(199), np.full(51, np.nan)]) is None


def test_a_rare_level_beside_a_common_one_has_errors_of_its_own():
    curve = np.repeat([0.0, 2.0], [1900, 60])
    actual = np.concatenate([np.resize([0.0] * 9 + [1.0], 1900), np.resize([0.0, 0.0, 1.0], 60)])
    table = ErrorTable.learn(curve, actual)
    assert table is not None
    assert table.expected(np.array([0.0, 2.0])) == pytest.approx([0.1, 1 / 3], abs=0.05)


def test_a_mean_that_may_be_noise_moves_a_curve_half_way_at_most():
    curve, noise = np.full(200, 10.0), np.resize([-4.0, 4.0], 200)
    table = ErrorTable.learn(curve, curve + noise + 0.3)
    assert table is not None
    assert table.expected(curve[:1])[0] == pytest.approx(10.15, abs=0.01)


def test_few_errors_cover_a_new_day_as_often_as_they_say():
    days = np.random.default_rng(5).normal(100, 10, (2000, 33))
    limits = [
        table.quantiles(np.array([100.0]), np.array([0.9]))[0, 0]
        for row in days
        if (table := ErrorTable.learn(np.full(32, 100.0), row[:32], fewest=14)) is not None
    ]
    assert (days[:, 32] <= np.array(limits)).mean() == pytest.approx(0.9, abs=0.015)


def test_a_table_read_back_gives_the_same_bytes():
    table = table_of_two_levels()
    again = ErrorTable.from_json(json.loads(json.dumps(table.to_json())))
    curve = np.linspace(0, 50, 33)
    assert (again.quantiles(curve, LEVELS) == table.quantiles(curve, LEVELS)).all()
    assert (again.expected(curve) == table.expected(curve)).all()


def test_own_errors_count_the_more_the_more_days_there_are():
    own, usual, days = np.array([20.0, 200.0, 0.0]), np.array([10.0, 100.0, 0.0]), np.array([10, 100, 0])
    assert own_spread(own, usual, days, 30).tolist() == pytest.approx([1.25, 1 + 100 / 130, 1])
    assert own_spread(own, usual, days, np.inf).tolist() == [1, 1, 1]


@pytest.mark.parametrize("seed", range(4))
def test_a_table_holds_the_numbers_of_numpy_s_own_quantiles_and_interpolation(seed: int):
    draw = np.random.default_rng(seed)
    curve = draw.gamma(0.5, 3, 20_000)
    table = ErrorTable.learn(curve, draw.poisson(curve).astype(np.float32))
    assert table is not None
    lowest, highest = table.levels[[0, -1]]
    asked = np.concatenate([draw.gamma(0.5, 4, 500), table.levels, [0, lowest / 2, highest * 2, np.nan]])
    grid = np.concatenate([[0.005, 0.01], np.linspace(0.025, 0.975, 39), [0.98, 0.99, 0.995, 0.999]])
    by_level = np.stack([np.interp(LEVELS, grid, row) for row in table.errors])
    scaled = np.stack([np.interp(asked, table.levels, column) for column in by_level.T], axis=-1)
    units = np.maximum(asked[:, None] + np.sqrt(asked + 0.5)[:, None] * scaled, 0)
    expected = np.maximum.accumulate(units, axis=-1)
    assert table.quantiles(asked, LEVELS).tobytes() == expected.tobytes()


@pytest.mark.parametrize("count", [200, 250, 299])
def test_errors_of_one_level_are_the_sample_quantiles_of_numpy(count: int):
    actual = np.random.default_rng(count).gamma(2, 3, count)
    table = ErrorTable.learn(np.full(count, 4.0), actual)
    assert table is not None
    errors = np.sort((actual - 4) / np.sqrt(4.5))
    grid = np.concatenate([[0.005, 0.01], np.linspace(0.025, 0.975, 39), [0.98, 0.99, 0.995, 0.999]])
    assert table.errors[0].tobytes() == np.quantile(errors, grid, method="weibull").tobytes()
    assert table.rms[0] == errors.std() * np.sqrt((count + 1) / (count - 1))
