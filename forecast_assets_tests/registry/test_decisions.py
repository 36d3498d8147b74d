"""From challengers to live models and back: dry runs, gates, acknowledgements, lineage, states."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from forecast_assets.automation.sensors.aliases import aliases_moved_in_mlflow
from forecast_assets.errors import UnknownName
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.launches import records
from forecast_assets.registry import gone, overview
from forecast_assets.registry import proposals as decisions
from forecast_assets.registry.assets import REGISTERED, live_models, registered_champion
from forecast_assets.registry.jobs import promote_champions, rollback_champions
from forecast_assets.registry.lineage import lineage
from forecast_assets.registry.override import Override
from forecast_assets.registry.promotion import Decision
from forecast_assets.registry.registration import register
from forecast_assets.reports.operations import summarize
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.resource import RegistryResource
from forecast_assets.stores.rows.registry import AuditRow, ModelVersionsOfRow
from forecast_assets_tests.scenario import many

SETTINGS = EvaluationSettings(
    candidates=("naive", "seasonal_naive", "ets"), horizon=7, n_splits=3, min_train=14
)
SERIES = [f"many__S{i * 4 // 8}__P{i:03d}" for i in range(8)]
YES = {"apply": True, "confirm": "many", "approved_by": "ann"}


@pytest.fixture(scope="module")
def place(registered_place):
    registered_place.prepare("many", many(8), evaluation=SETTINGS)
    assert registered_place.evaluate(SERIES[0], SERIES[-1]).success
    return registered_place


@pytest.fixture(scope="module")
def registry(place):
    assert place.stores
    return open_registry()


@pytest.fixture(autouse=True)
def _registered(place, registry):
    """Every series has a version that waits for a decision, and nothing is live."""
    list(register(place.stores, registry, SERIES, run_id="fixture"))
    yield
    for key, held in registry.aliases(SERIES).items():
        for alias in held:
            registry.drop_alias(key, alias)


def launch(place, job, **config):
    (op,) = job.nodes
    return job.execute_in_process(
        run_config={"ops": {op.name: {"config": {"dataset": "many", **config}}}},
        instance=place.instance,
        resources={"stores": place.resource, "registry": RegistryResource()},
        raise_on_error=False,
    )


def proposals(result) -> list[dict]:
    (output,) = [event for event in result.all_events if event.is_successful_output]
    return [row.data for row in output.step_output_data.metadata["proposals"].value.records]


def refusal(result) -> str:
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    return failure.step_failure_data.user_failure_data.description


def live(registry) -> dict[str, int]:
    return {key: held["champion"] for key, held in registry.aliases(SERIES).items() if "champion" in held}


def test_a_range_is_registered_in_one_run_and_links_to_its_versions(place):
    result = dg.materialize(
        [registered_champion],
        instance=place.instance,
        resources={"stores": place.resource, "registry": RegistryResource()},
        tags={
            "dagster/asset_partition_range_start": SERIES[0],
            "dagster/asset_partition_range_end": SERIES[-1],
        },
    )
    assert result.success
    assert place.green(REGISTERED) == set(SERIES)
    metadata = place.reported("registered_champion", SERIES[0])[-1].asset_materialization.metadata
    assert metadata["outcome"].value == "unchanged"
    assert metadata["model_version"].value.endswith(f"/#/models/{SERIES[0]}/versions/1")


def test_a_dry_run_shows_the_diff_and_changes_nothing(place, registry):
    result = launch(place, promote_champions)
    assert result.success
    rows = proposals(result)
    assert [row["series"] for row in rows] == SERIES
    assert {row["change"] for row in rows} == {"new"}
    assert live(registry) == {}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"apply": True, "approved_by": "ann"}, "nothing was confirmed"),
        ({"apply": True, "confirm": "many"}, "nobody approved it"),
        ({**YES, "acknowledge": ["everything"]}, "nothing to acknowledge as everything"),
        ({"series": ["many__S9__P999"]}, "no series many__S9__P999"),
    ],
)
def test_what_was_not_decided_properly_is_refused(place, registry, config, message):
    assert message in refusal(launch(place, promote_champions, **config))
    assert live(registry) == {}


def test_promoting_rolling_back_and_promoting_again_leaves_one_record_of_each(place, registry):
    key = SERIES[0]
    assert launch(place, promote_champions, **YES, series=[key], acknowledge=["gates"]).success
    first = live(registry)[key]
    assert launch(place, promote_champions, **YES, series=[key]).success, "again is no error"
    winner = next(row["champion"] for row in place.table("champion") if row["series"] == key)
    other = next(name for name in SETTINGS.candidates if name != winner)
    override = Override(other, "a strike is announced")
    list(register(place.stores, registry, [key], run_id="override", override=override))
    (proposal,) = proposals(launch(place, promote_champions, series=[key]))
    assert proposal["change"] == "updated"
    assert {"override", "worse_wape"} <= set(proposal["needs"].split(", "))
    before = live(registry)
    run = launch(place, promote_champions, **YES, series=[key], acknowledge=["gates"])
    assert run.dagster_run.tags["forecast/outcome"] == "failed"
    record = records.read(place.stores, run.run_id)
    assert (record.kind, record.status, record.requested_by, record.failed) == ("promote", "failed", "ann", 1)
    (refused,) = records.tries(place.stores, run.run_id)
    assert refused.error_type == "Refused"
    assert live(registry) == before, "what is not acknowledged is not done"
    agreed = {**YES, "series": [key], "acknowledge": list(decisions.ACKNOWLEDGEMENTS), "reason": "strike"}
    assert launch(place, promote_champions, **agreed).success
    assert live(registry)[key] != first
    back = launch(place, rollback_champions, **agreed)
    assert back.success
    (item,) = records.tries(place.stores, back.run_id)
    assert item.outputs is not None
    assert (records.read(place.stores, back.run_id).kind, item.outputs["to_version"]) == ("rollback", first)
    assert live(registry)[key] == first
    record = place.stores.warehouse.rows(AuditRow, dataset="many", series=[key])[-3:]
    assert [(row["action"], row["approved_by"], row["to_version"] == first) for row in record] == [
        ("promoted", "ann", True),
        ("promoted", "ann", False),
        ("rolled_back", "ann", True),
    ]
    assert record[1]["is_override"]
    assert record[1]["gates"]["better_error"]["passed"] is False
    assert record[1]["acknowledged"] == list(decisions.ACKNOWLEDGEMENTS)


@pytest.mark.parametrize(
    ("harmed", "message"), [(True, "its files are not what was registered"), (False, "its files are gone")]
)
def test_files_that_are_not_what_was_registered_are_never_promoted(place, registry, harmed, message):
    key = SERIES[1]
    row = place.stores.warehouse.rows(ModelVersionsOfRow, series=[key])[0]
    (data,) = Path(place.folder).rglob(f"{row['path']}/data/bundle/bundle.json")
    model = data.parents[2]
    aside = model.with_name("aside")
    shutil.copytree(model, aside)
    if harmed:
        data.write_text(data.read_text().replace('"horizon": 7', '"horizon": 8'))
    else:
        shutil.rmtree(model)
    try:
        (one,) = decisions.promotions(place.stores, registry, "many", [key])
        assert not one.is_intact
        assert f"artifact_verified: {message}" in str(one.row()["failed_gates"])
        everything = list(decisions.ACKNOWLEDGEMENTS)
        launch(place, promote_champions, **YES, series=[key], acknowledge=everything)
        assert live(registry) == {}
        model_lineage = lineage(place.stores, registry, f"{key}@challenger")
        assert (model_lineage.intact.passed, model_lineage.wape, model_lineage.how) == (False, None, message)
    finally:
        shutil.rmtree(model, ignore_errors=True)
        aside.rename(model)
    assert lineage(place.stores, registry, f"{key}@challenger").intact.passed


def test_a_live_model_tells_how_it_came_to_be_and_its_error_is_found_again(place, registry):
    key = SERIES[2]
    launch(place, promote_champions, **YES, series=[key], acknowledge=["gates"], reason="monday")
    model_lineage = lineage(place.stores, registry, f"{key}@champion")
    assert model_lineage.wape == pytest.approx(model_lineage.version["wape"])
    assert model_lineage.decisions[-1]["reason"] == "monday"
    assert "champion" in model_lineage.aliases
    with pytest.raises(UnknownName, match="there is no model"):
        lineage(place.stores, registry, f"{key}@previous")


def test_a_dataset_shows_what_is_live_waits_or_is_out_of_date(place, registry):
    everything = list(decisions.ACKNOWLEDGEMENTS)
    launch(place, promote_champions, **YES, series=SERIES[:3], acknowledge=everything)
    registry.move_alias(SERIES[3], "champion", 1)
    corrected = many(8).with_columns(
        units=pl.when(pl.col("product_id") == "P000").then(pl.col("units") + 1).otherwise(pl.col("units"))
    )
    place.write("many", corrected)
    assert place.build("many").success
    assert place.evaluate(SERIES[0]).success
    list(register(place.stores, registry, SERIES[:1], run_id="corrected"))
    run = dg.materialize(
        [live_models],
        instance=place.instance,
        resources={"stores": place.resource, "registry": RegistryResource()},
        partition_key="many",
    )
    (materialization,) = run.asset_materializations_for_node("live_models")
    counts = {name: materialization.metadata[name].value for name in ("live", "stale", "awaiting_decision")}
    assert counts == {"live": 4, "stale": 1, "awaiting_decision": 6}
    verdicts = {one.check_name: one.passed for one in run.get_asset_check_evaluations()}
    assert verdicts == {"live_models_are_fresh": False, "live_models_are_intact": True}
    first = overview.states(place.stores, registry, "many")[0]
    assert (first["series"], first["stale"]) == (SERIES[0], "newer_success_run")
    # What was moved in MLflow alone is no decision before the sensor has seen it.
    recorded = {row["series"]: row["stale"] for row in overview.decided(place.stores, "many")}
    assert recorded == {SERIES[0]: "newer_success_run", SERIES[1]: None, SERIES[2]: None}
    summary = summarize(place.stores, "many", dt.datetime.now(dt.UTC))
    (attention_item,) = [one for one in summary.attention if one.kind == "stale_alias"]
    assert attention_item.label == SERIES[0]
    assert attention_item.detail.startswith("newer_success_run: version 1 (")


def test_an_alias_moved_by_hand_is_noticed_recorded_and_shown_once(place, registry):
    def tick() -> str:
        with dg.build_sensor_context(
            instance=place.instance, resources={"stores": place.resource, "registry": RegistryResource()}
        ) as context:
            answer = aliases_moved_in_mlflow(context)
            assert isinstance(answer, dg.SkipReason)
            return str(answer.skip_message)

    tick()
    registry.move_alias(SERIES[4], "champion", 1)
    assert f"recorded 1 aliases that were moved in MLflow: {SERIES[4]}" in tick()
    assert "what is live is what was decided" in tick()
    (row,) = place.stores.warehouse.rows(AuditRow, dataset="many", series=[SERIES[4]])
    assert (row["action"], row["to_version"], row["approved_by"]) == ("external", 1, None)
    states = overview.states(place.stores, registry, "many")
    assert next(one["moved_by"] for one in states if one["series"] == SERIES[4]) == "external"


def overridden(place, registry, key: str) -> list:
    """Register another candidate than the champion of a series."""
    winner = next(row["champion"] for row in place.table("champion") if row["series"] == key)
    other = next(name for name in SETTINGS.candidates if name != winner)
    return list(register(place.stores, registry, [key], run_id="other", override=Override(other, "a try")))


def test_a_version_that_was_rolled_back_is_neither_offered_nor_made_live_again_without_a_word(
    place, registry
):
    key, others = SERIES[5], [name for name in decisions.ACKNOWLEDGEMENTS if name != "rolled_back"]
    agreed = {**YES, "series": [key], "acknowledge": others}
    assert launch(place, promote_champions, **agreed).success
    good = live(registry)[key]
    (bad,) = overridden(place, registry, key)
    assert launch(place, promote_champions, **agreed).success
    assert live(registry)[key] == bad.row["version"] != good
    assert launch(place, rollback_champions, **agreed).success
    assert live(registry)[key] == good
    (again,) = overridden(place, registry, key)
    assert "it was rolled back on" in again.sentence
    assert set(registry.aliases([key])[key]) == {"champion"}, "neither a challenger nor a way to the bad one"
    assert decisions.rollbacks(place.stores, registry, "many", [key]) == []
    registry.move_alias(key, "challenger", bad.row["version"])
    (proposal,) = decisions.promotions(place.stores, registry, "many", [key])
    assert "rolled_back" in proposal.needs
    launch(place, promote_champions, **agreed)
    assert live(registry)[key] == good
    assert launch(place, rollback_champions, **agreed, version=bad.row["version"]).success
    assert live(registry)[key] == bad.row["version"], "who names it means it"


def test_a_live_version_that_was_deleted_in_mlflow_is_told_and_registered_anew(place, registry):
    key = SERIES[6]
    assert launch(place, promote_champions, **YES, series=[key], acknowledge=["gates"]).success
    first = live(registry)[key]
    registry.drop_version(key, first)
    lost = gone.gone(place.stores, lambda: registry)
    assert key in lost["many"]
    (sentence,) = gone.sentences(lost)
    assert sentence.endswith("next: forecast-assets register many, then forecast-assets promote many")
    summary = summarize(place.stores, "many", dt.datetime.now(dt.UTC), registry=lambda: registry)
    (attention_item,) = [one for one in summary.attention if one.entity == key]
    assert attention_item.next_step == gone.next_step("many")
    with pytest.raises(UnknownName, match=f"the live model of {key} is gone from MLflow"):
        lineage(place.stores, registry, key)
    assert attention_item.detail == "live_model_gone: the live version is gone from MLflow, and none is live"
    outcomes: dict[str, Any] = {
        one.series: one for one in register(place.stores, registry, SERIES, run_id="after")
    }
    assert f"version {first} is gone from MLflow, this one waits for a decision" in outcomes[key].sentence
    assert {one.outcome for series, one in outcomes.items() if series != key} == {"unchanged"}
    assert registry.aliases([key])[key]["challenger"] == outcomes[key].row["version"] > first
    assert launch(place, promote_champions, **YES, series=[key], acknowledge=["gates"]).success
    assert key not in gone.gone(place.stores, lambda: registry, "many").get("many", [])
    assert [one.outcome for one in register(place.stores, registry, [key], run_id="b")] == ["unchanged"]


def test_a_deleted_version_is_no_target_and_costs_only_its_own_series(place, registry):
    keys = SERIES[6:]
    version = registry.aliases([keys[0]])[keys[0]]["challenger"]
    promotions = decisions.promotions(place.stores, registry, "many", keys)
    registry.drop_version(keys[0], version)
    decision = Decision("run", "promoted", "ann", None, decisions.ACKNOWLEDGEMENTS)
    done = {one.series: one for one in decisions.apply(place.stores, registry, decision, promotions)}
    assert f"version {version} of {keys[0]} is gone from MLflow" in done[keys[0]].sentence
    assert live(registry) == {keys[1]: promotions[1].to_version}


def test_a_changed_champion_makes_what_is_live_out_of_date_before_anything_is_registered(place):
    key = SERIES[7]
    launch(place, promote_champions, **YES, series=[key], acknowledge=["gates"])
    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql(f"update champion set champion = 'ses' where series = '{key}'")  # noqa: S608
    stale = {row["series"]: row["stale"] for row in overview.decided(place.stores, "many")}
    assert stale[key] == "newer_success_run"
