"""Drift in Dagster: a champion that got worse is found, told with its chance, and listed by units at risk."""

import datetime as dt
import re
from collections.abc import Callable, Iterator

import dagster as dg
import numpy as np
import polars as pl
import pytest

from forecast_assets.automation.incident_detection import look_at_checks
from forecast_assets.datasets.definition import remove
from forecast_assets.drift.assets import DRIFT, champions_check, drift, judge_drift
from forecast_assets.drift.detection import judge
from forecast_assets.stores.rows.operations import DriftRow
from forecast_assets_tests.scenario import HEALTHY, QUICK, SERIES, YOUNG, many, shop

COUNT, LONG = 8, 150
BROKEN = "many__S1__P003"


def noisy(days: int, *, jump: int = 0) -> pl.DataFrame:
    """Steady sales with noise; in the last ``jump`` days one series sells five times as much."""
    frame = many(COUNT, days)
    noise = np.random.default_rng(1).normal(1, 0.1, len(frame))
    first = frame["date"].max() - pl.duration(days=jump)
    jumped = (pl.col("product_id") == "P003") & (pl.col("date") > first)
    return frame.with_columns(units=45 * pl.Series(noise) * pl.when(jumped).then(5).otherwise(1))


@pytest.fixture(scope="module")
def drifted(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """Evaluated, then a week came in which one series sold five times as much; evaluated again."""
    with open_place(tmp_path_factory.mktemp("drifted")) as place:
        place.prepare("many", noisy(LONG))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORECAST_DETAILED_SERIES", "0")  # no pictures
            assert place.evaluate_changed("many").success
            place.write("many", noisy(LONG + 7, jump=7))
            assert place.build("many").success
            assert place.evaluate_changed("many").success
        keys = sorted(row["series"] for row in place.table("series"))
        run = dg.materialize(
            [drift],
            instance=place.instance,
            resources={"stores": place.resource},
            tags={
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[-1],
            },
        )
        assert run.success
        (event,) = run.get_asset_check_evaluations()
        yield place, event, run


def test_a_champion_that_got_worse_is_first_by_units_at_risk_and_the_others_are_told_apart(drifted):
    place, _, _ = drifted
    rows = place.stores.warehouse.frame(DriftRow, dataset="many", series=None)
    assert rows.columns[5:9] == ["latest_wape", "baseline_wape", "chance", "units_at_risk"]
    worst = rows.row(0, named=True)
    assert (worst["series"], worst["verdict"], worst["drift_direction"]) == (BROKEN, "degrading", "degrading")
    weeks = (LONG + 7 - 1) // 7
    assert worst["chance"] == pytest.approx(1 / weeks)
    # Five times 45 units a day, a week long, of which about 45 were expected.
    assert worst["units_at_risk"] == pytest.approx(7 * 4 * 45, rel=0.25)
    assert worst["recent_error"] > 3 * worst["usual_error"]
    assert (rows["evaluations"] == 2).all()
    assert (rows.filter(pl.col("series") != BROKEN)["verdict"] != "unknown").all()
    assert rows["false_alarm"].sum() == pytest.approx(COUNT * (weeks // 10) / weeks)


def test_the_check_warns_and_says_how_many_alarms_chance_explains(drifted):
    place, check, run = drifted
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    flagged = sum(row["verdict"] == "degrading" for row in place.table("drift"))
    assert check.description.startswith(
        f"{flagged} of {COUNT} series had a bad newest week, 0.7 are expected"
    )
    assert f"Most units at risk: many: {BROKEN}" in check.description
    metadata = place.metadata(run, "drift", BROKEN)
    sentence = metadata["sentence"].value
    assert sentence.startswith("the newest week is bad: error ")
    assert "; WAPE of evaluations " in sentence
    assert not re.search("stable|degrading", sentence), (
        "two questions have no common word for opposite answers"
    )
    assert len(metadata["wape_history"].records) == 2
    assert len(place.green(DRIFT)) == COUNT


def test_the_incident_of_a_check_of_many_series_is_of_their_dataset(drifted):
    place, check, _ = drifted
    now = dt.datetime.now(dt.UTC)
    key = dg.AssetCheckKey(DRIFT, check.check_name)
    look_at_checks(place.stores, place.instance, [key], now - dt.timedelta(hours=1), now)
    (incident,) = [row for row in place.table("incident") if row["kind"] == "failed check"]
    assert incident["dataset"] == "many"
    assert incident["key"] == "check:drift:champions_hold:many"


def test_judging_again_replaces_and_does_not_add(drifted):
    place, _, _ = drifted
    before = place.table("drift")
    again = judge_drift.execute_in_process(
        instance=place.instance,
        resources={"stores": place.resource},
        run_config={"ops": {"judge_dataset": {"config": {"dataset": "many"}}}},
    )
    assert again.success
    passing = {"run_id", "found_at"}
    after = place.table("drift")
    assert [{k: v for k, v in row.items() if k not in passing} for row in after] == [
        {k: v for k, v in row.items() if k not in passing} for row in before
    ]


def test_a_series_that_is_too_young_or_without_champion_is_unknown_and_says_why(place, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    place.prepare("shop", shop())
    place.evaluate(SERIES[0], SERIES[-1])
    judged = {one.series: one for one in judge(place.stores, SERIES, run_id="r")}
    assert {one.row["verdict"] for one in judged.values()} == {"unknown"}
    assert judged[YOUNG].sentence == "it has no champion that could become worse"
    assert judged[HEALTHY].sentence == (
        "7 past weeks of naive are too few to judge the newest one; fewer than two comparable evaluations"
    )
    assert champions_check(place.stores).passed


def test_a_global_champion_is_judged_by_an_old_model_that_is_fitted_once_and_goes_with_its_dataset(
    place, monkeypatch
):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    global_only = QUICK.model_copy(update={"candidates": ("lightgbm",)})
    place.prepare("many", noisy(LONG + 7, jump=7), evaluation=global_only)
    assert place.evaluate_changed("many").success
    keys = sorted(row["series"] for row in place.table("series"))
    (first, *rest) = keys
    (alone,) = judge(place.stores, [first], run_id="a")
    (kept,) = place.stores.lake.files("drift/many")
    judged = {one.series: one for one in judge(place.stores, keys, run_id="b")}
    assert place.stores.lake.files("drift/many") == [kept]
    assert judged[first].row["chance"] == alone.row["chance"]
    assert {one.row["windows"] for one in judged.values()} == {(LONG + 7 - 56) // 7 - 1}
    assert judged[BROKEN].row["verdict"] == "degrading"
    assert "unknown" not in {judged[key].row["verdict"] for key in rest}
    remove(place.stores, "many")
    assert not place.stores.lake.files("drift")
