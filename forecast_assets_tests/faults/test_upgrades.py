"""What another release has left behind: settings, results and keys of another time."""

import dagster as dg
import pytest

from forecast_assets.datasets.definition import load
from forecast_assets.errors import BadSetting
from forecast_assets_tests.scenario import QUICK, many

SERIES = [f"many__S{n}__P{n:03d}" for n in range(4)]


@pytest.fixture
def evaluated(place):
    place.prepare("many", many(4))
    assert place.evaluate_changed("many").success
    return place


def stored(place, change: str) -> None:
    """Change the stored options of the dataset."""
    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql(f"update dataset set options = {change}")  # noqa: S608 - of this test


def test_options_of_an_older_release_mean_the_defaults_of_what_they_do_not_know(evaluated):
    stored(evaluated, "options #- '{evaluation,restrict}' #- '{evaluation,intermittent_metric}'")
    assert load(evaluated.stores, "many").options.evaluation == QUICK


def test_options_that_this_release_does_not_know_are_refused_by_name(evaluated):
    stored(evaluated, "jsonb_set(options, '{evaluation,patience}', '3')")
    with pytest.raises(BadSetting) as refused:
        load(evaluated.stores, "many")
    assert "dataset 'many'" in refused.value.problem
    assert "evaluation.patience" in refused.value.problem
    assert "release" in refused.value.remedy


def test_results_of_other_code_are_made_anew_and_leave_one_champion_each(evaluated, monkeypatch):
    before = {row["series"]: row["run_id"] for row in evaluated.table("evaluation")}
    monkeypatch.setattr("forecast_assets.backtests.evaluation.code_version", lambda: "other")
    assert evaluated.evaluate_changed("many").success
    after = {row["series"]: row["run_id"] for row in evaluated.table("evaluation")}
    assert all(after[key] != before[key] for key in SERIES)
    current = [row["series"] for row in evaluated.table("champion") if row["is_current"]]
    assert sorted(current) == SERIES


def test_a_partition_key_of_another_format_is_refused_alone(evaluated):
    evaluated.instance.add_dynamic_partitions("series", ["S0|P000"])
    refused = evaluated.evaluate("S0|P000")
    assert not refused.success
    (failure,) = [event for event in refused.all_events if event.is_step_failure]
    assert "write it as DATASET__STORE__PRODUCT" in str(failure.step_failure_data.error)
    assert evaluated.evaluate(SERIES[0], SERIES[-1]).success
    assert evaluated.evaluate_changed("many").success
    assert evaluated.green(dg.AssetKey("champion")) == set(SERIES)
