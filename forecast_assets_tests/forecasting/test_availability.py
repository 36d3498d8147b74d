"""Ready, limited or unusable, at the day where one becomes the other."""

import pytest

from forecast_assets.forecasting.core.availability import Availability, of_history, of_window
from forecast_assets.forecasting.core.folds import FoldPlan

PLAN = FoldPlan(horizon=14, n_splits=5, min_train=30)  # 44 days are limited, 100 are ready


@pytest.mark.parametrize(
    ("observed", "expected", "state", "reason"),
    [
        (0, 0, "unusable", "no sales at all"),
        (43, 43, "unusable", "43 observed days, at least 44 are needed"),
        (44, 44, "limited", "44 observed days, 100 are needed for all folds"),
        (99, 99, "limited", "99 observed days, 100 are needed for all folds"),
        (100, 100, "ready", "100 observed days, 100 % of the calendar"),
        (1215, 1215, "ready", "1,215 observed days, 100 % of the calendar"),
        (100, 125, "ready", "100 observed days, 80 % of the calendar"),
        (100, 126, "limited", "79 % of the days are observed, 80 % are needed"),
        (7999, 10_000, "limited", "79 % of the days are observed, 80 % are needed"),
        (99, 1000, "limited", "99 observed days, 100 are needed for all folds"),
        (500, 1000, "limited", "50 % of the days are observed, 80 % are needed"),
    ],
)
def test_the_whole_history_is_judged(observed, expected, state, reason):
    assert of_history(observed, expected, PLAN) == Availability(state, reason)


@pytest.mark.parametrize(
    ("folds", "state", "reason"),
    [
        (0, "unusable", "no fold has 30 days of history before it and sales to score"),
        (1, "limited", "only one fold can be scored"),
        (2, "ready", "2 folds can be scored"),
        (5, "ready", "5 folds can be scored"),
    ],
)
def test_the_evaluated_window_is_judged(folds, state, reason):
    assert of_window(folds, PLAN) == Availability(state, reason)


def test_the_stricter_verdict_is_told_and_of_two_equal_ones_the_first():
    ready, limited, unusable = (Availability(state, state) for state in ("ready", "limited", "unusable"))
    assert ready.stricter(limited) == limited.stricter(ready) == limited
    assert limited.stricter(unusable) == unusable.stricter(limited) == unusable
    other = Availability("limited", "another reason")
    assert limited.stricter(other) is limited
    assert other.stricter(limited) is other
