"""The stored numbers are those of another implementation, and do not depend on the company they keep."""

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.backtests import evaluation as evaluating
from forecast_assets.backtests.fold_store import read_folds
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets_tests.scenario import SERIES, STOPPED, many, shop

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its docstrings hold bare backslashes
    from utilsforecast import losses

ALL = EvaluationSettings(horizon=7, n_splits=3, min_train=14)
KEYS = [f"many__S{i * 4 // 12}__P{i:03d}" for i in range(12)]
RUN_COLUMNS = {"run_id", "path", "evaluated_at", "chosen_at"}


@pytest.fixture(scope="module")
def ran(open_place, tmp_path_factory):
    with open_place(tmp_path_factory.mktemp("numbers")) as place:
        place.add("shop", shop(), evaluation=ALL)
        place.add("many", many(12), evaluation=ALL)
        for name in ("shop", "many"):
            assert place.build(name).success
        place.evaluate(SERIES[0], SERIES[-1])
        place.evaluate(KEYS[0], KEYS[-1])
        yield place


def folds_of(place, series: str, candidate: str) -> pd.DataFrame:
    """Stored folds as the frame that utilsforecast expects; unscored days left out."""
    folds = read_folds(place.stores, series)
    assert folds is not None
    scored = ~np.isnan(folds.actual) & folds.counted[:, None]
    cutoff = np.repeat(np.arange(len(folds.counted))[:, None], folds.actual.shape[1], axis=1)
    return pd.DataFrame(
        {
            "unique_id": "one",
            "cutoff": cutoff[scored],
            "y": folds.actual[scored].astype(float),
            "model": folds.forecasts[candidate][scored].astype(float),
        }
    )


def by_fold(loss: Any, frame: pd.DataFrame) -> float:
    return float(loss(frame, models=["model"])["model"].mean())


def test_metrics_are_those_of_utilsforecast(ran):
    rows = [row for row in ran.table("backtest_metric") if row["status"] == "ranked"]
    assert len(rows) > 80
    for row in rows:
        frame = folds_of(ran, row["series"], row["candidate"])
        assert row["sample_size"] == len(frame)
        assert row["mae"] == pytest.approx(by_fold(losses.mae, frame), abs=1e-9)
        assert row["rmse"] == pytest.approx(by_fold(losses.rmse, frame), abs=1e-9)
        assert row["wape"] == pytest.approx(100 * by_fold(losses.nd, frame), abs=1e-9)
        assert row["smape"] == pytest.approx(200 * by_fold(losses.smape, frame), abs=1e-9)
        assert row["bias"] == pytest.approx(-by_fold(losses.bias, frame), abs=1e-9)


def test_a_fold_without_sales_is_left_out_of_the_mean_wape_and_counts_in_mae(ran):
    rows = [row for row in ran.table("backtest_metric") if row["series"] == STOPPED]
    assert {row["status"] for row in rows} == {"ranked"}
    for row in rows:
        assert row["fold_wape"][2] is None
        assert row["wape"] == pytest.approx(np.mean(row["fold_wape"][:2]))
        assert row["mae"] == pytest.approx(np.mean(row["fold_mae"]))
    (champion,) = [row for row in ran.table("champion") if row["series"] == STOPPED]
    assert champion["champion"] is not None


def test_nothing_stored_is_nan_or_infinite(ran):
    for table in ("backtest_metric", "champion", "availability", "evaluation"):
        for row in ran.table(table):
            for value in row.values():
                for number in value if isinstance(value, list) else [value]:
                    assert not isinstance(number, float) or math.isfinite(number), (table, row)


def stored(place, keys: list[str]) -> tuple[list[dict], dict[str, list[bytes]]]:
    """Everything computed for some series, without what names a run."""
    rows = [
        {name: value for name, value in row.items() if name not in RUN_COLUMNS}
        for table in ("backtest_metric", "champion")
        for row in place.table(table)
        if row["series"] in keys and row.get("is_current", True)
    ]
    forecasts = {}
    for key in keys:
        folds = read_folds(place.stores, key)
        assert folds is not None
        forecasts[key] = [folds.actual.tobytes(), *(f.tobytes() for f in folds.forecasts.values())]
    return rows, forecasts


@pytest.mark.parametrize(
    ("company", "processes", "block"),
    [
        ([KEYS[5]], 1, 1024),
        (KEYS[:10], 1, 1024),
        (list(reversed(KEYS)), 1, 1024),
        (KEYS, 1, 5),
        (KEYS, 2, 4),
    ],
    ids=["one", "ten", "reversed", "small blocks", "two processes"],
)
def test_results_do_not_depend_on_company_blocks_or_processes(ran, monkeypatch, company, processes, block):
    before = stored(ran, KEYS)
    monkeypatch.setenv("FORECAST_PROCESSES", str(processes))
    monkeypatch.setattr("forecast_assets.forecasting.core.backtest.BLOCK", block)
    outcomes = list(evaluating.evaluate(ran.stores, company, run_id="again", changes={}, force=True))
    assert sorted(outcome.series for outcome in outcomes) == sorted(company)
    assert not any(outcome.reused for outcome in outcomes)
    assert stored(ran, KEYS) == before


def test_the_same_sales_under_another_name_have_the_same_numbers_and_champions(ran):
    ran.prepare("twin", many(12, dataset="twin"), evaluation=ALL)
    twins = [key.replace("many", "twin", 1) for key in KEYS]
    assert ran.evaluate(twins[0], twins[-1]).success
    (rows, forecasts), (same_rows, same_forecasts) = stored(ran, KEYS), stored(ran, twins)
    named = ("series", "dataset", "snapshot", "fingerprint")
    bare = [
        [{name: value for name, value in row.items() if name not in named} for row in of]
        for of in (rows, same_rows)
    ]
    assert bare[0] == bare[1]
    assert list(forecasts.values()) == list(same_forecasts.values())
    assert any("lightgbm" in str(row.get("candidate")) for row in rows)
