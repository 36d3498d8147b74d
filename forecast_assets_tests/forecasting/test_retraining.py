"""Priorities of the retraining queue and staleness of aliases, by their worked examples."""

import numpy as np
import pytest

from forecast_assets.forecasting.analysis.retraining import Trained, priority, stale_reason


def test_priorities_by_the_worked_examples():
    staleness = np.array([45.0, 90, 120, -3, 0, 0])
    wape = np.array([20.0, np.nan, 150, 10, np.inf, -4])
    assert priority(staleness, wape).tolist() == [0.38, 0.6, 1.0, 0.04, 0.4, 0.0]


NEWEST = Trained("b")


@pytest.mark.parametrize(
    ("alias", "newest", "reason"),
    [
        (Trained("b"), NEWEST, None),
        (Trained("a"), None, None),
        (Trained("a"), NEWEST, "newer_success_run"),
        (Trained("a", successful=False), NEWEST, "run_not_success"),
        (Trained("a", feature_frame=2), NEWEST, "feature_frame_version_mismatch"),
        (Trained("b", feature_frame=2), NEWEST, None),
        (Trained("b", verified=False), NEWEST, "artifact_not_verified"),
        (Trained("a", successful=False, verified=False), NEWEST, "artifact_not_verified"),
    ],
)
def test_an_alias_is_stale_for_the_first_reason_that_fits(alias, newest, reason):
    assert stale_reason(alias, newest) == reason
