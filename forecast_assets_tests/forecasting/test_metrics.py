"""Metrics by hand, against utilsforecast, and at their edges."""

import warnings
from dataclasses import fields
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.forecasting.core.fold_errors import DistributionSums
from forecast_assets.forecasting.core.metrics import (
    METRICS,
    OF_CURVES,
    FoldMetrics,
    MetricName,
    aggregate,
    fold_metrics,
    horizon_buckets,
    stability,
)
from forecast_assets.forecasting.core.ranking import Scores

with warnings.catch_warnings():
    # Its docstrings hold bare backslashes, which Python reports whenever it compiles them afresh.
    warnings.simplefilter("ignore", DeprecationWarning)
    import utilsforecast.losses as uf

NAMES = OF_CURVES


def one(actual, forecast) -> dict[str, float]:
    """Metrics of one candidate, one series, one fold."""
    scored = fold_metrics(np.array([[actual]], float), np.array([[[forecast]]], float))
    return {name: getattr(scored, name).item() for name in (*NAMES, "sample_size")}


def test_the_worked_example():
    assert one([10, 0, 5, 20], [8, 0, 10, 16]) == {
        "mae": 2.75,
        "rmse": pytest.approx(3.3541, abs=5e-5),
        "smape": pytest.approx(27.7778, abs=5e-5),
        "wape": pytest.approx(31.4286, abs=5e-5),
        "bias": 0.25,
        "total_error": pytest.approx(2.8571, abs=5e-5),
        "wape_bias": pytest.approx(34.2857, abs=5e-5),
        "sample_size": 4,
    }


def test_what_a_distribution_missed_becomes_figures_and_without_one_they_are_unknown():
    actual, forecast = np.array([[[10.0, 0, 5, 5]]]), np.array([[[[8.0, 0, 5, 5]]]])
    sums = DistributionSums(*(np.array([[value]]) for value in (1.0, 4.0, 3, 4, 2.0, 40.0, 19, 20)))
    metrics = fold_metrics(actual, forecast, [sums])
    figures = {name: getattr(metrics, name).item() for name in METRICS if name not in {"smape", "rmse"}}
    assert figures == {
        "wape": 10,
        "mae": 0.5,
        "bias": 0.5,
        "total_error": 5,
        "wape_bias": 15,
        "pinball": 0.5,
        "wql": 20,
        "coverage_80": 75,
        "coverage_95": 100,
        "stock_cost": 5,
        "service": 95,
    }
    unknown = fold_metrics(actual, forecast)
    assert all(np.isnan(getattr(unknown, name)).all() for name in METRICS if name not in OF_CURVES)
    assert unknown.total_error.item() == 10


def test_a_day_that_was_not_observed_is_not_scored():
    assert one([10, np.nan, 0, 5, 20], [8, np.nan, 0, 10, 16]) == one([10, 0, 5, 20], [8, 0, 10, 16])


def test_a_fold_without_sales_has_no_wape_and_counts_in_the_other_metrics():
    assert np.isnan(one([0, 0], [1, 0])["wape"])
    assert np.isnan(one([0, 0], [0, 0])["wape"])
    assert one([0, 0], [1, 0])["mae"] == 0.5
    assert one([0, 0], [0, 0])["smape"] == 0


def test_nothing_scored_is_no_number():
    empty = one([np.nan, np.nan], [1, 2])
    assert empty.pop("sample_size") == 0
    assert all(np.isnan(value) for value in empty.values())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_number_spoils_that_candidate_in_that_fold_only(bad):
    actual = np.ones((2, 2, 3))
    forecast = np.full((2, 2, 2, 3), 2.0)
    forecast[1, 0, 1, 2] = bad
    scored = fold_metrics(actual, forecast)
    for name in NAMES:
        assert np.argwhere(np.isnan(getattr(scored, name))).tolist() == [[1, 0, 1]]
    assert (scored.sample_size == 3).all()


def test_positive_bias_means_too_little_was_forecast():
    assert one([10, 10], [7, 9])["bias"] == 2


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 2, 3, 5), (1, 3, 3, 4)])
def test_arrays_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="forecast must be"):
        fold_metrics(np.ones((2, 3, 4)), np.ones(shape))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_metrics_equal_utilsforecast(seed, horizon):
    draw = np.random.default_rng(seed)
    actual = draw.poisson(0.7, (3, 2, horizon)).astype(np.float32)
    actual[draw.random(actual.shape) < 0.2] = np.nan
    forecast = draw.choice([0.0, 0.5, 3.25], (2, *actual.shape)).astype(np.float32)
    ours = fold_metrics(actual, forecast)
    ids = np.repeat([f"{row}" for row in range(6)], horizon)
    frame = pl.DataFrame(
        {"unique_id": ids, "y": actual.ravel(), "a": forecast[0].ravel(), "b": forecast[1].ravel()},
        schema_overrides=dict.fromkeys("yab", pl.Float64),
    ).filter(pl.col("y").is_not_nan())
    kept = np.array(frame["unique_id"].unique().sort(), int)
    theirs = {
        "mae": uf.mae(frame, ["a", "b"]),
        "rmse": uf.rmse(frame, ["a", "b"]),
        "smape": uf.smape(frame, ["a", "b"]),
        "wape": uf.nd(frame, ["a", "b"]),
        "bias": uf.bias(frame, ["a", "b"]),
    }
    factors = {"smape": 200, "wape": 100, "bias": -1}
    for name, table in theirs.items():
        expected = factors.get(name, 1) * table.sort("unique_id").select("a", "b").to_numpy().T
        metric_values = getattr(ours, name).reshape(2, 6)
        assert np.isnan(np.delete(metric_values, kept, axis=1)).all()
        metric_values = np.where(np.isinf(metric_values), np.nan, metric_values)[:, kept]
        np.testing.assert_allclose(
            metric_values, np.where(np.isinf(expected), np.nan, expected), rtol=1e-9, atol=1e-12
        )


def test_a_row_never_depends_on_the_rows_around_it():
    draw = np.random.default_rng(3)
    actual, forecast = draw.gamma(2, 3, (9, 3, 28)), draw.gamma(2, 3, (4, 9, 3, 28))
    order = draw.permutation(9)
    together = fold_metrics(actual, forecast)
    shuffled = fold_metrics(actual[order], forecast[:, order])
    for name in NAMES:
        batch = getattr(together, name)
        assert np.array_equal(batch[:, order], getattr(shuffled, name))
        for row in range(9):
            alone = getattr(fold_metrics(actual[row : row + 1], forecast[:, row : row + 1]), name)
            assert np.array_equal(batch[:, row], alone[:, 0])


EVERY_FOLD = np.ones((1, 3), bool)


@pytest.mark.parametrize(
    ("values", "mean", "spread"),
    [
        ([1, 2, 3], 2, 100 * np.sqrt(2 / 3) / 2),
        ([1, np.nan, 3], 2, 50),
        ([1, np.inf, 3], np.inf, np.nan),
        ([np.nan, np.nan, 3], 3, np.nan),
        ([np.nan, np.nan, np.nan], np.nan, np.nan),
        ([-1, 0, 1], 0, np.inf),
        ([-3, -3, -3], -3, 0),
    ],
)
def test_folds_become_one_figure(values, mean, spread):
    values = np.array([[values]], float)
    np.testing.assert_allclose(aggregate(values, EVERY_FOLD).item(), mean)
    np.testing.assert_allclose(stability(values, EVERY_FOLD).item(), spread)


def test_folds_that_do_not_count_are_left_out():
    values, mask = np.array([[[1.0, 50.0, 3.0]]]), np.array([[True, False, True]])
    assert aggregate(values, mask).item() == 2
    assert stability(values, mask).item() == 50
    with pytest.raises(ValueError, match="do not fit"):
        aggregate(values, mask[:, :2])


def test_buckets_count_from_the_first_scored_day():
    actual = np.zeros((1, 1, 30))
    forecast = np.zeros((1, 1, 1, 30))
    forecast[..., :7], forecast[..., 7:14], forecast[..., 14:28], forecast[..., 28:] = 1, 2, 3, 4
    buckets = horizon_buckets(actual, forecast)
    assert {name: (bucket.mae.item(), bucket.sample_size.item()) for name, bucket in buckets.items()} == {
        "h_1_7": (1, 7),
        "h_8_14": (2, 7),
        "h_15_28": (3, 14),
        "h_29_plus": (4, 2),
    }


@pytest.mark.parametrize(("horizon", "count"), [(1, 1), (7, 1), (8, 2), (14, 2), (15, 3), (28, 3), (29, 4)])
def test_buckets_beyond_the_horizon_are_left_out(horizon, count):
    buckets = horizon_buckets(np.ones((1, 1, horizon)), np.ones((1, 1, 1, horizon)))
    assert len(buckets) == count
    assert sum(bucket.sample_size.item() for bucket in buckets.values()) == horizon


def test_every_metric_is_measured_per_fold_and_per_series_and_may_lead_a_ranking():
    named = {field.name for field in fields(FoldMetrics)} - {"sample_size"}
    assert named == set(METRICS) == set(get_args(MetricName))
    assert set(METRICS) <= {field.name for field in fields(Scores)}
    assert all(metric.label and metric.meaning for metric in METRICS.values())
