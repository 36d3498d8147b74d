"""Errors of the stored folds by range of lead, and against the baselines."""

import numpy as np
import pytest

from forecast_assets.backtests.fold_store import Folds
from forecast_assets.backtests.lead_ranges import against_baselines, by_range


def test_ranges_of_lead_are_scored_apart_and_a_fold_that_does_not_count_is_left_out():
    actual = np.full((3, 10), 10, np.float32)
    forecast = actual.copy()
    forecast[:, :7] = 9
    forecast[:, 7:] = 5
    forecast[2] = 1000
    folds = Folds(["2026-01-01"] * 3, actual, {"naive": forecast}, np.array([True, True, False]))
    metrics_by_range = by_range(folds, "naive")
    assert metrics_by_range["h_1_7"] == {
        "wape": pytest.approx(10),
        "mae": pytest.approx(1),
        "bias": pytest.approx(1),
    }
    assert metrics_by_range["h_8_14"]["wape"] == pytest.approx(50)
    assert metrics_by_range["all"]["wape"] == pytest.approx(100 * (7 + 15) / 100)


def test_a_champion_is_compared_with_each_baseline_and_nothing_is_said_where_nothing_is_known():
    def row(name, wape, bias):
        return {"candidate": name, "wape": wape, "smape": 20.0, "mae": 0.0, "rmse": None, "bias": bias}

    rows = [row("ets", 15.0, -0.5), row("naive", 30.0, 1.0), row("seasonal_naive", None, 0.25)]
    first, second = against_baselines(rows, "ets")
    assert (first["baseline"], first["wape"], first["bias"]) == ("naive", 50, 50)
    assert (first["mae"], first["rmse"]) == (None, None)
    assert (second["wape"], second["bias"]) == (None, -100)
    assert against_baselines(rows, "tsb") == []
