"""Slow candidates are kept to the series that are worth it, and their cost is told first."""

import numpy as np
import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.restriction import Restriction, costs

LABELS = ("naive", "prophet", "random_forest(n_estimators=50)")
KEYS = ["a", "b", "c", "d"]
REVENUE = np.array([5.0, 9.0, 5.0, 0.0])
CLASSES = ["smooth", "lumpy", None, "erratic"]


def test_the_top_series_by_revenue_are_allowed_and_ties_fall_to_the_first_key():
    rule = Restriction.parse("prophet: top 2", LABELS)
    assert rule.allows(REVENUE, CLASSES, KEYS).tolist() == [True, True, False, False]
    assert rule.sentence() == "the top 2 by revenue"


def test_classes_of_demand_are_allowed():
    rule = Restriction.parse("random_forest(n_estimators=50): smooth+erratic", LABELS)
    assert rule.allows(REVENUE, CLASSES, KEYS).tolist() == [True, False, False, True]
    assert rule.sentence() == "smooth and erratic demand"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prophet", "cannot be read"),
        ("prophet: top many", "cannot be read"),
        ("prophet: seasonal", "cannot be read"),
        ("ets: top 3", "is no candidate"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(text, message):
    with pytest.raises(BadSetting, match=message):
        Restriction.parse(text, LABELS)


def test_the_cost_of_slow_candidates_is_told_and_fast_ones_are_not_mentioned():
    (sentence,) = costs(LABELS[:2], {"naive": 30_000, "prophet": 400}, folds=5)
    assert sentence.startswith("prophet: 400 series x 5 folds = 2,000 fits, about ")
    assert costs(LABELS, dict.fromkeys(LABELS, 0), folds=5) == []
