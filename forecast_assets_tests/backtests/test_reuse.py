"""What is computed again and what is not: forty series, one global model, and changes to them."""

import datetime as dt
import shutil
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from forecast_assets.backtests import evaluation as evaluating
from forecast_assets.backtests.assets import BACKTEST, CHAMPION
from forecast_assets.datasets import building, definition
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting import version
from forecast_assets.global_models import fitting, fold_models
from forecast_assets.global_models.pooling import POOL
from forecast_assets.launches import training
from forecast_assets.stores.rows.evaluations import ChampionHistoryRow
from forecast_assets_tests.scenario import (
    DAYS,
    HEALTHY,
    LOCAL,
    SERIES,
    START,
    Place,
    many,
    sales_of,
    shop,
)

WITH_MODEL = EvaluationSettings(
    candidates=("naive", "seasonal_naive", "lightgbm"), horizon=7, n_splits=3, min_train=14
)
COUNT = 40
KEYS = [f"many__S{i * 4 // COUNT}__P{i:03d}" for i in range(COUNT)]


@pytest.fixture(autouse=True)
def _few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")


@pytest.fixture
def big(place: Place) -> Place:
    """Forty series, evaluated with a global model as of the end of the last full week."""
    place.prepare("many", many(COUNT), evaluation=WITH_MODEL, anchor="week")
    list(evaluating.evaluate(place.stores, KEYS, run_id="first", changes={}))
    return place


@pytest.fixture
def small(place: Place) -> Place:
    place.prepare("shop", shop())
    return place


def forbid(monkeypatch: pytest.MonkeyPatch, *doors: str) -> None:
    """Make entries of the engine fail when they are used."""

    def closed(*_: object, **__: object) -> Any:
        raise AssertionError("model work was done")

    rooms = {"backtests": evaluating, "fit": fitting, "predict": fold_models}
    for door in doors or rooms:
        monkeypatch.setattr(rooms[door], door, closed)


def corrected(count: int, amount: float = 3, days: int = DAYS) -> pl.DataFrame:
    """The forty series after corrections to an early day of the first ``count`` of them."""
    touched = pl.col("product_id").is_in([key.rsplit("__")[-1] for key in KEYS[:count]])
    early = pl.col("date") == START + dt.timedelta(days=20)
    units = pl.when(touched & early).then(pl.col("units") + amount).otherwise("units")
    return many(COUNT, days).with_columns(units=units)


def runs(place: Place) -> dict[str, str]:
    return {row["series"]: row["run_id"] for row in place.table("evaluation")}


def fit_of(place: Place) -> dict[str, Any]:
    (row,) = [row for row in place.table("global_forecast") if row["candidate"] != POOL]
    return row


def forecasts_of(place: Place) -> dict[str, bytes]:
    dataset = definition.load(place.stores, "many")
    panel = building.read_panel(place.stores, dataset)
    forecasts = fold_models.read(place.stores, dataset, WITH_MODEL, panel).forecasts["lightgbm"]
    assert not isinstance(forecasts, str)
    return {str(key): row.tobytes() for key, row in zip(panel.series, forecasts, strict=True)}


def current(place: Place) -> dict[str, str]:
    return {row["series"]: row["run_id"] for row in place.table("champion") if row["is_current"]}


def test_evaluating_again_does_no_model_work(big, monkeypatch):
    before = [big.table(name) for name in ("evaluation", "backtest_metric", "champion", "global_forecast")]
    forbid(monkeypatch)
    assert big.build("many").success
    again = big.evaluate(KEYS[0], KEYS[-1])
    assert again.success
    assert big.metadata(again, "backtest", KEYS[7])["reused_from_run"].value == runs(big)[KEYS[7]]
    assert before == [
        big.table(name) for name in ("evaluation", "backtest_metric", "champion", "global_forecast")
    ]


def test_two_changed_series_of_forty_are_evaluated_alone_and_the_fit_is_kept(big, monkeypatch):
    fit, forecasts, first = fit_of(big), forecasts_of(big), runs(big)
    big.write("many", corrected(2))
    with monkeypatch.context() as patch:
        forbid(patch, "fit")
        built = big.build("many")
    assert built.success
    row, _ = big.metadata(built, "global_forecasts", "many")["candidates"].records
    assert row.data["what_happened"] == "renewed for changed series"
    assert row.data["changed_training_data"] == "5.0 %"
    assert (fit_of(big)["fit_id"], fit_of(big)["model_path"]) == (fit["fit_id"], fit["model_path"])
    renewed = {key for key, forecast in forecasts_of(big).items() if forecast != forecasts[key]}
    assert renewed == set(KEYS[:2])
    assert big.evaluate_changed("many").success
    assert {key for key, run_id in runs(big).items() if run_id != first[key]} == set(KEYS[:2])


def test_a_changed_series_gets_what_evaluating_everything_again_would_give_it(big):
    big.write("many", corrected(2))
    assert big.build("many").success
    assert big.evaluate_changed("many").success
    renewed = big.table("backtest_metric")
    list(evaluating.evaluate(big.stores, KEYS, run_id="all", changes={}, force=True))
    assert big.table("backtest_metric") == renewed


def test_small_changes_add_up_until_the_model_is_fitted_again(big, monkeypatch):
    monkeypatch.setenv("FORECAST_GLOBAL_REFIT_SHARE", "0.1")
    first = fit_of(big)["model_path"]
    shares = []
    for count in (2, 4, 6):
        big.write("many", corrected(count))
        built = big.build("many")
        row, _ = big.metadata(built, "global_forecasts", "many")["candidates"].records
        shares.append((row.data["changed_training_data"], row.data["what_happened"]))
    assert shares == [
        ("5.0 %", "renewed for changed series"),
        ("10.0 %", "renewed for changed series"),
        ("15.0 %", "fitted"),
    ]
    assert fit_of(big)["model_path"] != first


def test_more_changes_than_the_limit_fit_the_model_again_and_evaluate_every_series(big, monkeypatch):
    monkeypatch.setenv("FORECAST_GLOBAL_REFIT_SHARE", "0.2")
    fit, first = fit_of(big), runs(big)
    big.write("many", corrected(10, amount=30))
    assert big.build("many").success
    assert fit_of(big)["fit_id"] != fit["fit_id"]
    assert big.evaluate_changed("many").success
    assert not set(runs(big).values()) & set(first.values())


def test_a_new_day_behind_the_anchor_causes_neither_a_fit_nor_an_evaluation(big, monkeypatch):
    first, path = runs(big), fit_of(big)["path"]
    big.write("many", many(COUNT, DAYS + 1))
    forbid(monkeypatch)
    built = big.build("many")
    assert built.success
    assert not big.metadata(built, "panel", "many")["reused"].value
    assert big.metadata(built, "global_forecasts", "many")["reused"].value
    assert big.evaluate_changed("many").success
    assert big.evaluate(KEYS[0], KEYS[-1]).success
    assert runs(big) == first
    assert fit_of(big)["path"] == path


def test_crossing_the_week_fits_and_evaluates_everything(big):
    fit, first = fit_of(big), runs(big)
    big.write("many", many(COUNT, DAYS + 3))  # a Sunday
    assert big.build("many").success
    assert (fit["anchor_day"], fit_of(big)["anchor_day"]) == (dt.date(2026, 3, 1), dt.date(2026, 3, 8))
    assert big.evaluate_changed("many").success
    assert not set(runs(big).values()) & set(first.values())


def test_a_new_series_is_evaluated_alone(big):
    first = runs(big)
    new = "many__S0__P000-1"
    big.write("many", pl.concat([many(COUNT), sales_of(new, range(1, DAYS + 1))]))
    assert big.build("many").success
    assert big.evaluate_changed("many").success
    assert {key for key, run_id in runs(big).items() if first.get(key) != run_id} == {new}


def test_an_evaluation_without_global_forecasts_says_what_to_materialize(big):
    big.write("many", many(COUNT, DAYS + 3))
    with_model = big.build("many", candidates=["naive"])
    assert with_model.success
    assert big.evaluate(KEYS[0]).success
    (failed,) = [
        row
        for row in big.table("backtest_metric")
        if (row["series"], row["candidate"]) == (KEYS[0], "lightgbm")
    ]
    assert failed["status"] == "failed"
    assert "materialize global_forecasts of partition many" in failed["reason"]
    of_series = (row for row in big.table("champion") if row["series"] == KEYS[0])
    champion = max(of_series, key=lambda row: row["chosen_at"])
    assert champion["confidence"] == "low"
    assert "lightgbm could not be compared" in str(champion["explanation"])


def test_a_comment_in_the_engine_leaves_nothing_to_evaluate_and_a_constant_does(small, tmp_path, monkeypatch):
    changes = {"candidates": ["naive", "seasonal_naive"]}
    list(evaluating.evaluate(small.stores, [HEALTHY], run_id="first", changes=changes))
    engine = shutil.copytree(version._CORE, tmp_path / "core", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(version, "_CORE", engine)
    module, constant = engine / "ranking.py", "NEAR_TIE = 0.02"
    before, stale = module.read_text(), []
    try:
        for after in (f"# How near is a tie?\n{constant}", "NEAR_TIE = 0.03"):
            module.write_text(before.replace(constant, after))
            version.code_version.cache_clear()
            work = evaluating.plan(small.stores, "shop", [HEALTHY], changes=changes, force=False)
            stale += work.stale.tolist()
    finally:
        version.code_version.cache_clear()
    assert stale == [False, True]


def test_force_computes_again_what_has_not_changed(big):
    first, path = runs(big), fit_of(big)["model_path"]
    assert big.build("many", force=True).success
    assert fit_of(big)["model_path"] != path
    assert big.evaluate(KEYS[0], KEYS[3], force=True).success
    assert {key for key, run_id in runs(big).items() if run_id != first[key]} == set(KEYS[:4])


@pytest.mark.parametrize(
    "change",
    [{"candidates": ["naive"]}, {"horizon": 6}, {"n_splits": 2}, {"gap": 1}, {"strategy": "sliding"}],
)
def test_other_candidates_or_folds_are_evaluated_and_the_same_ones_reused(small, monkeypatch, change):
    assert small.evaluate(HEALTHY).success
    first = runs(small)
    assert small.evaluate(HEALTHY, **change).success
    second = runs(small)
    assert second != first
    forbid(monkeypatch)
    assert small.evaluate(HEALTHY, **change).success
    assert runs(small) == second


def test_backtest_alone_leaves_champions_alone_and_champion_then_chooses_without_model_work(
    small, monkeypatch
):
    assert small.evaluate(SERIES[0], SERIES[-1]).success
    chosen = small.table("champion")
    assert small.evaluate(SERIES[0], SERIES[-1], select=[BACKTEST], candidates=[*LOCAL[:2]]).success
    assert small.table("champion") == chosen
    assert {row["candidate"] for row in small.table("backtest_metric")} == {*LOCAL[:2]}
    forbid(monkeypatch)
    late = small.evaluate(SERIES[0], SERIES[-1], select=[CHAMPION], candidates=[*LOCAL[:2]])
    assert late.success
    assert set(current(small).values()) == {late.run_id}
    assert small.metadata(late, "champion", HEALTHY)["champion"].value == "naive"
    assert [len(small.reported(asset, HEALTHY)) for asset in ("backtest", "champion")] == [2, 2]


def test_a_choice_made_later_is_the_choice_made_at_once(small, monkeypatch):
    assert small.evaluate(SERIES[0], SERIES[-1], select=[BACKTEST]).success
    with monkeypatch.context() as patch:
        forbid(patch)
        assert small.evaluate(SERIES[0], SERIES[-1], select=[CHAMPION]).success
    left_out = {"run_id", "chosen_at"}
    late = [{k: v for k, v in row.items() if k not in left_out} for row in small.table("champion")]
    assert small.evaluate(SERIES[0], SERIES[-1], force=True).success
    at_once = [row for row in small.table("champion") if row["is_current"]]
    assert late == [{k: v for k, v in row.items() if k not in left_out} for row in at_once]


def test_a_later_choice_survives_a_hundred_series_without_any(place):
    """The first rows of a table say nothing of the types of the last."""
    silent = [sales_of(f"wide__A__P{n:03d}", [0]) for n in range(120)]
    place.prepare("wide", pl.concat([*silent, sales_of("wide__B__P0", range(1, DAYS + 1))]))
    first, last = "wide__A__P000", "wide__B__P0"
    assert place.evaluate(first, last).success
    assert place.evaluate(first, last, select=[BACKTEST], candidates=["naive"]).success
    assert place.evaluate(first, last, select=[CHAMPION], candidates=["naive"]).success
    assert len(current(place)) == 121


def test_the_history_of_champions_tells_who_when_from_what_and_by_which_run(small, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "1")
    first = small.evaluate(HEALTHY)
    small.write("shop", shop(DAYS + 1))
    assert small.build("shop").success
    second = small.evaluate(HEALTHY)
    history = small.stores.warehouse.rows(ChampionHistoryRow, series=HEALTHY)
    assert [(row["run_id"], row["is_current"]) for row in history] == [
        (second.run_id, True),
        (first.run_id, False),
    ]
    assert len({row["snapshot"] for row in history}) == 2
    assert history[0]["chosen_at"] > history[1]["chosen_at"]
    assert history[0]["champion"] == history[1]["champion"] == "naive"
    run_links = small.metadata(second, "champion", HEALTHY)["runs"].value
    assert run_links.index(second.run_id) < run_links.index(first.run_id)


def test_the_same_run_twice_leaves_one_choice_of_it(small):
    keys = [key for key in SERIES if "__A__" in key]
    for _ in range(2):
        list(evaluating.evaluate(small.stores, keys, run_id="same", changes={}, force=True))
    assert [(row["series"], row["run_id"], row["is_current"]) for row in small.table("champion")] == [
        (key, "same", True) for key in keys
    ]


KILLED = """
import os, signal, sys
from forecast_assets.backtests import evaluation, results
from forecast_assets.stores.resource import open_stores
from forecast_assets.stores.warehouse import Warehouse

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

moment, *keys = sys.argv[1:]
if moment == "before the choice is stored":
    stock = Warehouse.copy
    Warehouse.copy = lambda self, c, table, f: kill() if table == "champion" else stock(self, c, table, f)
else:
    stored = results.store
    results.store = lambda *a, **k: (stored(*a, **k), kill())
list(evaluation.evaluate(open_stores(), keys, run_id="killed", changes={}, force=True))
"""


@pytest.mark.parametrize("moment", ["before the choice is stored", "after everything is stored"])
def test_a_killed_run_leaves_one_current_champion_and_the_next_run_completes_it(small, moment):
    assert small.evaluate(SERIES[0], SERIES[-1]).success
    first = current(small)
    done = subprocess.run([sys.executable, "-c", KILLED, moment, *SERIES], check=False)
    assert done.returncode == -9
    stored = moment.startswith("after")
    assert current(small) == (dict.fromkeys(SERIES, "killed") if stored else first)
    assert small.evaluate(SERIES[0], SERIES[-1]).success
    assert small.green(CHAMPION) == set(SERIES)
    assert len(current(small)) == len(SERIES)
    assert all(small.stores.lake.read_bytes(row["path"]) for row in small.table("evaluation") if row["path"])


def test_launches_that_learn_from_the_same_days_share_one_model(big, monkeypatch):
    dataset = definition.load(big.stores, "many")
    panel = building.read_panel(big.stores, dataset)

    def learned(panel, plan=WITH_MODEL):
        return training.learn(big.stores, dataset, panel, plan, ["lightgbm", "naive"])["lightgbm"]

    first = learned(panel)
    with monkeypatch.context() as patch:
        forbid(patch, "fit")
        assert learned(panel).digest() == first.digest()
        with pytest.raises(AssertionError, match="model work"):
            learned(panel.until(panel.days - 7))
        with pytest.raises(AssertionError, match="model work"):
            learned(panel, WITH_MODEL.model_copy(update={"gap": 1}))
