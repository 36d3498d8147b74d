"""Folds over calendars of every length; worked splits by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.folds import FoldPlan, eligible


@pytest.mark.parametrize(
    ("plan", "days", "expected"),
    [
        (FoldPlan(), 365, [295, 309, 323, 337, 351]),
        (FoldPlan(n_splits=3), 72, [30, 44, 58]),
        (FoldPlan(n_splits=3), 71, [43, 57]),
        (FoldPlan(n_splits=3, gap=7), 92, [43, 57, 71]),
        (FoldPlan(n_splits=3, horizon=28, step=7), 365, [323, 330, 337]),
        (FoldPlan(), 44, [30]),
    ],
)
def test_cutoffs_by_hand(plan, days, expected):
    assert plan.cutoffs(days).tolist() == expected


plans = st.builds(
    FoldPlan,
    horizon=st.integers(31, 90),
    n_splits=st.integers(2, 20),
    gap=st.integers(0, 30),
    min_train=st.integers(7, 60),
    step=st.none() | st.integers(1, 90),
)


@given(plans, st.integers(180, 3000))
def test_the_newest_day_is_always_tested_and_the_others_follow_in_steps(plan, days):
    cutoffs = plan.cutoffs(days)
    assert cutoffs.dtype == np.int64
    assert cutoffs[-1] + plan.gap + plan.horizon == days
    assert set(np.diff(cutoffs)) <= {plan.step or plan.horizon}
    assert cutoffs[0] >= plan.min_train
    assert len(cutoffs) == plan.n_splits or cutoffs[0] - (plan.step or plan.horizon) < plan.min_train


def test_too_few_days_say_how_many_are_needed():
    with pytest.raises(BadSetting, match=r"43 days of history leave no fold.* need 44"):
        FoldPlan().cutoffs(43)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon": 0}, "horizon is 0\n.*from 1 to 90"),
        ({"horizon": 91}, "horizon is 91"),
        ({"horizon": 7.5}, "horizon is 7.5\n.*whole number"),
        ({"horizon": True}, "horizon is True"),
        ({"n_splits": 1}, "n_splits is 1\n.*from 2 to 20"),
        ({"n_splits": 21}, "n_splits is 21"),
        ({"gap": -1}, "gap is -1"),
        ({"gap": 31, "horizon": 60}, "gap is 31\n.*from 0 to 30"),
        ({"gap": 14}, "gap is 14 with a horizon of 14\n.*below horizon"),
        ({"min_train": 6}, "min_train is 6\n.*at least 7"),
        ({"step": 0}, "step is 0\n.*at least 1"),
        ({"strategy": "random"}, "strategy is 'random'\n.*expanding or sliding"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_the_remedy(settings, message):
    with pytest.raises(BadSetting, match=message):
        FoldPlan(**settings)


def test_only_a_sliding_plan_limits_what_is_read():
    assert FoldPlan().window() is None
    assert FoldPlan(strategy="sliding", min_train=60).window() == 60


def test_a_series_counts_from_min_train_days_after_launch_with_a_day_to_score():
    plan = FoldPlan(horizon=5, n_splits=2, min_train=10, gap=2)
    units = np.zeros((5, 30), np.float32)
    cutoffs = plan.cutoffs(30)
    assert cutoffs.tolist() == [18, 23]
    units[1, :8] = np.nan  # ten days before the older cutoff
    units[2, :9] = np.nan  # nine
    units[3, 20:25] = np.nan  # the older window was never observed; the two gap days do not help
    units[3, 1:17] = np.nan  # calendar days count, observed or not
    units[4] = np.nan
    assert eligible(units, cutoffs, plan).tolist() == [
        [True, True],
        [True, True],
        [False, True],
        [False, True],
        [False, False],
    ]
