"""Forecasts scored once their days have come, by range of lead."""

import numpy as np
import pytest

from forecast_assets.forecasting.analysis.live import CLAIMED, RANGES, Scores

UNCLAIMED = {count: {metric: np.full((count, len(RANGES)), np.nan) for metric in CLAIMED} for count in (1, 2)}


def test_days_that_have_not_come_or_were_not_observed_are_not_scored():
    scores = Scores(2)
    actual = np.array([[10, np.nan, 20, np.nan], [np.nan] * 4])
    scores.add(np.array([0, 1]), actual, np.array([[12.0, 5, 16, 9], [1, 1, 1, 1]]), 7, UNCLAIMED[2])
    live = scores.live()
    assert scores.days[:, 0].tolist() == [2, 0]
    assert live.wape[0, 0] == pytest.approx(100 * 6 / 30)
    assert live.bias[0, 0] == pytest.approx((-2 + 4) / 2)
    assert (scores.first[0, 0], scores.last[0, 0]) == (7, 9)
    assert np.isnan(live.wape[1]).all()


def test_leads_fall_into_their_ranges_and_several_forecasts_add_up():
    scores = Scores(1)
    for _ in range(2):
        scores.add(np.array([0]), np.ones((1, 30)), np.full((1, 30), 2.0), 0, UNCLAIMED[1])
    assert dict(zip(RANGES, scores.days[0].tolist(), strict=True)) == {
        "all": 60,
        "h_1_7": 14,
        "h_8_14": 14,
        "h_15_28": 28,
        "h_29_plus": 4,
    }
    assert scores.forecasts[0].tolist() == [2] * 5
    assert scores.total().wape.tolist() == [100] * 5


def test_nothing_sold_has_no_percentage():
    scores = Scores(1)
    scores.add(np.array([0]), np.zeros((1, 3)), np.ones((1, 3)), 0, UNCLAIMED[1])
    assert np.isnan(scores.live().wape[0, 0])
    assert scores.live().mae[0, 0] == 1


def test_what_was_claimed_is_weighed_by_the_days_that_have_come():
    scores = Scores(1)
    for days, claim in ((3, 10.0), (1, 50.0)):
        actual = np.full((1, 7), np.nan)
        actual[0, :days] = 4
        claimed = {metric: np.full((1, len(RANGES)), claim) for metric in CLAIMED}
        scores.add(np.array([0]), actual, np.full((1, 7), 4.0), 0, claimed)
    assert scores.claimed()["wape"][0, :2].tolist() == [20, 20]
    assert np.isnan(scores.claimed()["wape"][0, 2])
