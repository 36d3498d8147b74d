"""Quantiles of totals come from errors that go together, and are no sums of quantiles."""

import numpy as np
import pytest

from forecast_assets.forecasting.analysis.totals import (
    error_ranks,
    paths,
    quantiles_of,
    sampled,
    summed,
)
from forecast_assets.forecasting.core.distribution import PROBABILITIES

SERIES, FOLDS, DAYS = 40, 6, 14
KEYS = [f"S__P{at:02d}" for at in range(SERIES)]
LOW, HIGH = (PROBABILITIES.index(level) for level in (0.1, 0.9))


def total_of(correlation: float, days: int = DAYS):
    """Quantiles (h, q) of a total of normal series whose errors have a correlation, and sums of quantiles."""
    draw = np.random.default_rng(7)
    shared = draw.standard_normal((1, FOLDS, DAYS))
    own = draw.standard_normal((SERIES, FOLDS, DAYS))
    forecast = np.full(own.shape, 100.0)
    actual = forecast + 10 * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    ranks = error_ranks(KEYS, actual, forecast, np.ones((SERIES, FOLDS), bool))
    usual = np.quantile(draw.standard_normal(100_000), PROBABILITIES)
    quantiles = np.broadcast_to(100 + 10 * usual, (SERIES, days, len(PROBABILITIES)))
    expected = np.full((SERIES, days), 100.0)
    return quantiles_of(summed(expected, quantiles, ranks)), quantiles.sum(axis=0)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.99])
def test_the_spread_of_a_total_grows_with_the_correlation_of_its_errors(correlation):
    total, added = total_of(correlation)
    width = (total[:, HIGH] - total[:, LOW]).mean()
    deviation = 10 * np.sqrt(SERIES * (1 + (SERIES - 1) * correlation))
    assert width == pytest.approx(2 * 1.2816 * deviation, rel=0.2)
    as_sum = (added[:, HIGH] - added[:, LOW]).mean()
    assert width < (1.05 if correlation > 0.9 else 0.8 if correlation else 0.25) * as_sum


def test_the_mean_of_a_total_is_the_sum_of_what_is_expected():
    draw = np.random.default_rng(1)
    expected = draw.gamma(2, 3, (SERIES, DAYS))
    quantiles = np.sort(draw.gamma(2, 3, (SERIES, DAYS, len(PROBABILITIES))), axis=-1)
    scenarios = summed(expected, quantiles, draw.random((SERIES, FOLDS, DAYS)))
    assert scenarios.mean(axis=0) == pytest.approx(expected.sum(axis=0))
    certain = summed(expected, np.full_like(quantiles, np.nan), draw.random((SERIES, FOLDS, DAYS)))
    assert np.ptp(certain, axis=0) == pytest.approx(0, abs=1e-9)


def test_every_day_takes_every_past_error_once_and_goes_on_within_its_fold():
    ranks = np.arange(6, dtype=float).reshape(1, 2, 3) / 6
    sample_paths = paths(ranks, 4)
    assert sample_paths.shape == (1, 6, 4)
    assert all(sorted(sample_paths[0, :, day]) == ranks.ravel().tolist() for day in range(4))
    assert (6 * sample_paths[0, 1]).round().tolist() == [1, 2, 0, 1]


def test_quantiles_between_the_stored_ones_are_interpolated_and_beyond_them_they_stay():
    quantiles = np.array(PROBABILITIES)[None, None] * 100
    ranks = np.array([[[0.001], [0.025], [0.15], [0.5], [0.999]]])
    assert sampled(quantiles, ranks).ravel() == pytest.approx([2.5, 2.5, 15, 50, 98])


def test_ranks_depend_on_the_series_alone_and_ties_are_drawn_by_lot():
    draw = np.random.default_rng(2)
    actual = draw.poisson(0.3, (SERIES, FOLDS, DAYS)).astype(float)
    forecast = np.full_like(actual, 0.3)
    counted = np.ones((SERIES, FOLDS), bool)
    counted[0, 0] = False
    ranks = error_ranks(KEYS, actual, forecast, counted)
    assert ((ranks > 0) & (ranks < 1)).all()
    assert np.array_equal(error_ranks(KEYS[3:5], actual[3:5], forecast[3:5], counted[3:5]), ranks[3:5])
    quiet = ranks[1][actual[1] == 0]
    assert len(np.unique(quiet)) == quiet.size
    assert quiet.max() < ranks[1][actual[1] > 0].min()
