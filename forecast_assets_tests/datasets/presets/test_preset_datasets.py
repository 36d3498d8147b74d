"""A preset as a dataset: loaded, reused, judged, evaluated and removed like any other."""

import datetime as dt
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

from forecast_assets.datasets import building, definition, freezing, panels
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.presets.jobs import add_preset_dataset
from forecast_assets.datasets.presets.options import requested
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.errors import BadSetting, Outage
from forecast_assets_tests.datasets.presets.making import source
from forecast_assets_tests.scenario import QUICK, TODAY, Place

SMALL: dict[str, Any] = {"stores": 2, "products": 3, "start": "2025-10-01", "end": "2026-01-15"}
TABLES = {
    "store.parquet",
    "product.parquet",
    "calendar.parquet",
    "price_history.parquet",
    "promotion.parquet",
    *(f"{name}/S000{n}.parquet" for name in ("sales_daily", "inventory_snapshot_daily") for n in (1, 2)),
}


def add(place: Place, **wishes: Any) -> building.Loaded:
    preset_source = source("stockout_heavy", **{**SMALL, **wishes})
    loaded = building.add_dataset(
        place.stores, "shop", preset_source, DatasetOptions(evaluation=QUICK), TODAY
    )
    place.instance.add_dynamic_partitions("datasets", ["shop"])
    return loaded


def launch(place: Place, **config: Any) -> dg.ExecuteInProcessResult:
    return add_preset_dataset.execute_in_process(
        instance=place.instance,
        resources={"stores": place.resource},
        run_config={"ops": {"add_preset": {"config": config}}},
        raise_on_error=False,
    )


def test_a_preset_is_stored_with_its_star_schema_and_removed_with_it(place):
    snapshot = add(place).snapshot
    star = str(snapshot.summary["star_schema"])
    assert {file.removeprefix(f"{star}/") for file in place.files("star/shop")} == TABLES
    sold = pl.DataFrame(place.stores.lake.read_table(f"{star}/sales_daily/S0001.parquet"))
    frozen = pl.DataFrame(place.stores.lake.read_table(f"{snapshot.sales_path}/S0001.parquet"))
    assert sold["quantity"].sum() == frozen["units"].sum()
    definition.remove(place.stores, "shop")
    assert place.files() == []


def test_an_unchanged_preset_is_reused_without_being_generated(place, monkeypatch):
    first = add(place).snapshot
    with monkeypatch.context() as patched:
        patched.setattr(freezing, "CanonicalReader", None)
        again = building.load_sales(place.stores, "shop", run_id="r2", today=TODAY + dt.timedelta(days=400))
    assert again.reused
    assert again.snapshot == first


def test_a_forced_load_finds_the_same_sales_and_stores_nothing_twice(place):
    first, before = add(place).snapshot, place.files()
    later = TODAY + dt.timedelta(days=30)
    again = building.load_sales(place.stores, "shop", run_id="r2", today=later, force=True)
    assert again.reused
    assert again.snapshot.hash == first.hash
    assert place.files() == before


def test_a_lake_that_takes_no_star_schema_keeps_no_sales_either(place):
    (place.folder / "lake").mkdir(exist_ok=True)
    (place.folder / "lake" / "star").write_text("in the way")
    with pytest.raises(Outage, match="star"):
        add(place)
    assert place.files("sales") == []
    assert place.table("dataset") == []


def test_models_get_the_plan_and_are_not_scored_on_days_without_stock(place):
    add(place)
    assert place.build("shop").success
    snapshot = definition.load(place.stores, "shop").snapshot
    assert snapshot is not None
    panel = panels.read(place.stores.lake, str(snapshot.panel_path))
    assert set(panel.known) == {"price", "promo", "discount", "holiday"}
    assert {matrix.shape for matrix in panel.known.values()} == {(6, 107 + 90)}
    assert not any(np.isnan(matrix).any() for matrix in panel.known.values())
    assert set(panel.static) >= {"region", "category", "brand", "lifecycle_stage"}
    assert panel.units.shape == (6, 107)
    unobserved = np.isnan(panel.units).mean()
    assert unobserved == pytest.approx(0.25, abs=0.02)
    series = "shop__S0001__SKU-10000"
    assert place.evaluate(series).success
    (result,) = place.table("evaluation")
    row = panel.series.tolist().index(series)
    assert result["outcome"] == "scored"
    (champion,) = place.table("champion")
    assert champion["sample_size"] == (~np.isnan(panel.units[row, -21:])).sum() < 21


def test_the_launchpad_adds_a_dataset_that_can_be_built(place):
    config = {**SMALL, "name": "demo", "preset": "new_launches", "seed": 5, "effects": ["yearly"]}
    assert launch(place, **config).success
    assert place.instance.has_dynamic_partition("datasets", "demo")
    kept = definition.load(place.stores, "demo").source
    assert isinstance(kept, PresetSource)
    assert kept == source("new_launches", **SMALL, seed=5, effects=["yearly"])
    place.instance.delete_dynamic_partition("datasets", "demo")
    assert launch(place, **config).success, "launched again after a run that was cut off"
    assert place.instance.has_dynamic_partition("datasets", "demo")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "demo", "preset": "holiday_rush", "window_days": 100}, "its window is pinned"),
        ({"name": "a__b", "preset": "sparse"}, "cannot be part of a partition key"),
    ],
)
def test_the_launchpad_refuses_at_once_what_cannot_be(place, config, message):
    result = launch(place, **config)
    (failed,) = result.get_step_failure_events()
    assert message in str(failed.step_failure_data.user_failure_data)
    assert place.table("dataset") == []


def test_a_name_that_is_taken_by_other_sales_is_refused(place):
    add(place)
    result = launch(place, name="shop", preset="sparse", **SMALL)
    assert not result.success
    assert definition.load(place.stores, "shop").source == source("stockout_heavy", **SMALL)


def test_unknown_knobs_do_not_even_launch(place):
    with pytest.raises(dg.DagsterInvalidConfigError, match="colour"):
        launch(place, name="demo", preset="sparse", colour=1)


def test_a_preset_by_week_has_weeks_enough_and_one_that_has_not_is_refused_before_it_is_stored(place):
    weekly = DatasetOptions(aggregate="week")
    options = requested({"preset": "demo_minimal", "stores": 1, "products": 2})
    long = PresetSource.model_validate(options.longest().fixed(TODAY))
    building.add_dataset(place.stores, "weekly", long, weekly, TODAY)
    built = building.build_panel(place.stores, "weekly", run_id="built", register=list)
    assert built.availability["state"].to_list() != ["unusable"] * 2
    files = place.files()

    short = PresetSource.model_validate(options.fixed(TODAY))
    with pytest.raises(BadSetting, match="weeks of history leave no fold") as refused:
        building.add_dataset(place.stores, "short", short, weekly, TODAY)
    assert "--window-days" in refused.value.remedy
    assert definition.names(place.stores) == ["weekly"]
    assert place.files() == files


def test_a_window_that_somebody_chose_is_not_made_longer():
    for wish in ({"window_days": 100}, {"start": "2026-01-01"}):
        options = requested({"preset": "demo_minimal", **wish})
        assert options.longest() == options
    pinned = requested({"preset": "holiday_rush"})
    assert pinned.longest() == pinned
