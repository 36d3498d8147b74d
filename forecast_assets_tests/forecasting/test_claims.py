"""What is expected of champions holds on days that came later."""

from dataclasses import replace

import numpy as np
import pytest

from forecast_assets.forecasting.core.claims import claims, with_corrected_claims
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.error_learning import FoldErrors
from forecast_assets.forecasting.core.pool import Pool, learn_pool
from forecast_assets.forecasting.core.ranking import RankingPolicy
from forecast_assets.forecasting.core.wape_curve import WapeCurve, corrected, curves_by_class

SERIES, FOLDS, DAYS = 200, 4, 14
EVERY = np.ones((SERIES, FOLDS), bool)
NAMES = ("ets", "tsb")
CLASSES = ["smooth"] * SERIES


def sales():
    """Poisson demand (n, k, h), and forecasts by its mean."""
    draw = np.random.default_rng(5)
    mean = np.broadcast_to(np.geomspace(0.1, 20, SERIES)[:, None, None], (SERIES, FOLDS, DAYS))
    actual = draw.poisson(mean).astype(np.float32)
    return actual, {"ets": mean.astype(np.float32), "tsb": (1.05 * mean).astype(np.float32)}


def learned(actual, forecasts) -> Pool:
    pool = learn_pool(forecasts, {}, FoldErrors.of(actual, EVERY, CLASSES), reasons={})
    policy = RankingPolicy(name="default_with_margin", default="ets")
    return with_corrected_claims(pool, forecasts, policy, actual=actual, folds=EVERY, classes=CLASSES)


def claimed(pool: Pool, actual, forecasts) -> np.ndarray:
    stacked = np.stack([forecasts[name] for name in NAMES])
    winners = np.zeros(SERIES, np.int64)
    claim_by_series = claims(
        pool, NAMES, stacked, actual=actual, folds=EVERY, winners=winners, classes=CLASSES
    )
    return np.array([one.wape for one in claim_by_series], float)


def test_claims_hold_in_every_fifth_where_demand_goes_on_as_it_was():
    actual, forecasts = sales()
    pool = learned(actual, forecasts)
    promised = claimed(pool, actual, forecasts)
    ahead = np.random.default_rng(9).poisson(forecasts["ets"][:, 0].repeat(20, axis=1)).astype(float)
    curve = forecasts["ets"][:, 0].repeat(20, axis=1)
    error = np.abs(ahead - pool.medians("ets", curve[:, None].repeat(FOLDS, axis=1))[:, -1]).sum(axis=1)
    for rows in np.array_split(np.argsort(promised), 5):
        sold = ahead[rows].sum(axis=1)
        foretold = (promised[rows] * sold).sum() / sold.sum()
        assert foretold == pytest.approx(100 * error[rows].sum() / sold.sum(), abs=5)


def test_a_claim_is_what_became_of_such_claims():
    parts = sales()
    pool, curve = learned(*parts), WapeCurve((20.0, 100.0), (30.0, 90.0))
    assert len(pool.wapes[EVERY_CLASS].claimed) > 1
    drawn, folds_alone = (claimed(replace(pool, wapes=one), *parts) for one in ({EVERY_CLASS: curve}, {}))
    assert drawn == pytest.approx(curve.expected(folds_alone))


def test_classes_of_demand_have_curves_of_their_own_where_they_are_large_enough():
    draw = np.random.default_rng(5)
    foretold = draw.uniform(30, 90, (60, 4))
    labels = ["smooth"] * 28 + ["erratic"] * 28 + ["lumpy"] * 4
    truth = np.where(np.array(labels) == "smooth", 0.8, 1.2)[:, None] * foretold
    sold = np.ones_like(foretold)
    curves = curves_by_class(foretold, truth / 100, sold, labels)
    assert curves.keys() == {EVERY_CLASS, "smooth", "erratic"}
    expected = corrected(curves, np.full(3, 60.0), ["smooth", "erratic", None])
    assert expected == pytest.approx([48, 72, 60], rel=0.08)
    few = corrected(curves, np.array([60.0]), ["lumpy"])
    assert few == curves[EVERY_CLASS].expected(np.array([60.0]))


def test_a_claim_without_a_fold_to_judge_by_is_unknown_with_its_reason():
    actual, forecasts = sales()
    stacked = np.stack([forecasts[name] for name in NAMES])
    (one,) = claims(
        learned(actual, forecasts),
        NAMES,
        stacked[:, :1],
        actual=actual[:1],
        folds=np.zeros((1, FOLDS), bool),
        winners=np.zeros(1, np.int64),
        classes=CLASSES[:1],
    )
    assert (one.wape, one.reason) == (None, "nothing is expected to be sold")


def test_a_curve_rises_and_keeps_its_outermost_ratio():
    draw = np.random.default_rng(3)
    foretold = draw.uniform(20, 120, 800)
    sold = draw.uniform(1, 10, 800)
    happened = np.minimum(foretold, 90) * draw.uniform(0.7, 1.3, 800)
    curve = WapeCurve.learn(foretold, happened * sold / 100, sold)
    assert (np.diff(curve.happened) > 0).all()
    assert curve.expected(np.array([60.0]))[0] == pytest.approx(60, rel=0.05)
    assert curve.expected(np.array([110.0]))[0] == pytest.approx(90, rel=0.05)
    ends = np.array([curve.claimed[0] / 2, curve.claimed[-1] * 2])
    expected = [curve.happened[0] / 2, curve.happened[-1] * 2]
    assert curve.expected(ends) == pytest.approx(expected)
    assert WapeCurve.from_json(curve.to_json()) == curve


def test_without_anything_sold_a_claim_stays_what_it_is():
    curve = WapeCurve.learn(np.array([np.nan, 50.0]), np.array([1.0, 1.0]), np.array([1.0, 0.0]))
    assert curve.expected(np.array([70.0])).tolist() == [70]
