"""Promises about live days: broken ones are flagged, kept ones hardly ever, ties are no miss."""

import numpy as np
import pytest

from forecast_assets.forecasting.analysis.calibration import (
    Hits,
    Verdict,
    covered,
    inside,
    randomised_pit,
)


def judged(kept: np.ndarray, level: float = 0.8, alarm: float = 0.1, without=None) -> Verdict:
    """The verdict on promises (weeks, cases) that were kept (1) or not (0)."""
    hits = Hits()
    weeks = np.repeat(np.arange(len(kept)), kept.shape[1])
    flat = kept.ravel().astype(float)
    hits.add(
        weeks, np.full(flat.size, level), flat, flat if without is None else without.ravel().astype(float)
    )
    return hits.verdict("coverage", alarm)


def test_kept_promises_are_flagged_no_more_often_than_told():
    draw = np.random.default_rng(5)
    # Cases of a week go together: a week is good or bad as a whole.
    flagged = 0
    for _ in range(300):
        share = np.clip(0.8 + draw.normal(0, 0.08, 8), 0, 1)
        flagged += judged(draw.random((8, 200)) < share[:, None]).holds is False
    assert flagged <= 0.1 * 300 + 3 * np.sqrt(300 * 0.1 * 0.9)


@pytest.mark.parametrize("share", [0.7, 0.9])
def test_broken_promises_are_flagged_on_both_sides(share):
    draw = np.random.default_rng(6)
    verdict = judged(draw.random((8, 400)) < share)
    assert verdict.holds is False
    assert verdict.missed == pytest.approx(share - 0.8, abs=0.03)
    assert verdict.chance == 2 / 2**8


def test_what_ties_explain_is_no_miss():
    draw = np.random.default_rng(7)
    with_ties = draw.random((8, 400)) < 0.97
    verdict = judged(with_ties, without=with_ties & (draw.random((8, 400)) < 0.3))
    assert verdict.holds is True
    assert verdict.missed == 0


def test_a_distance_within_two_points_and_too_few_weeks_raise_no_alarm():
    assert judged(np.tile(np.arange(100) < 79, (12, 1))).holds is True
    few = judged(np.zeros((4, 50)))
    assert few.holds is None
    assert judged(np.zeros((5, 50))).holds is False
    assert Hits().verdict("nothing", 0.1).holds is None


def test_limits_that_equal_what_was_sold_count_both_ways():
    sold, lower, upper = np.array([0.0, 1, 2, 5]), np.zeros(4), np.full(4, 2.0)
    closed, opened = inside(sold, lower, upper)
    assert (closed.tolist(), opened.tolist()) == ([1, 1, 1, 0], [0, 1, 0, 0])
    with_ties, without = covered(np.array([3.0, 4, 5]), np.full(3, 4.0))
    assert (with_ties.tolist(), without.tolist()) == ([1, 1, 0], [1, 0, 0])


@pytest.mark.parametrize("mean", [0.3, 3.0, 40.0])
def test_calibrated_counts_have_uniform_probabilities_however_many_are_zero(mean):
    draw = np.random.default_rng(8)
    sold = draw.poisson(mean, 40_000).astype(float)
    levels = np.linspace(0.005, 0.995, 199)
    quantiles = np.quantile(draw.poisson(mean, 400_000), levels, method="inverted_cdf")
    pit = randomised_pit(sold, np.tile(quantiles, (len(sold), 1)), levels, draw.random(len(sold)))
    for low, high, level in ((0.1, 0.9, 0.8), (0.025, 0.975, 0.95)):
        assert ((pit >= low) & (pit <= high)).mean() == pytest.approx(level, abs=0.01)
    doubled = randomised_pit(2 * sold + 1, np.tile(quantiles, (len(sold), 1)), levels, draw.random(len(sold)))
    assert ((doubled >= 0.1) & (doubled <= 0.9)).mean() < 0.75
