"""Trimming deletes what is superseded and nothing that anybody can still see."""

import datetime as dt
import os

import dagster as dg

from forecast_assets.automation.trimming import trim_state
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.datasets import building
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.partitions import SERIES as PARTITIONS
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.resource import RegistryResource
from forecast_assets.stores.retention import Policy, retain
from forecast_assets_tests.scenario import DAYS, HEALTHY, SERIES, TODAY, YOUNG, shop

NOW = dt.datetime.now(dt.UTC)
LATER = NOW + dt.timedelta(days=365)
CHECKS = [dg.AssetCheckKey(dg.AssetKey("panel"), name) for name in ("gaps", "coverage")]
RESULTS = ("availability", "evaluation", "backtest_metric", "champion")


def trimmed(place, *, apply: bool, now: dt.datetime = LATER, **policy: int) -> dict[str, int]:
    parts = retain(
        place.stores, place.instance.delete_run, open_registry, Policy(**policy), apply=apply, now=now
    )
    return {part.what: part.count for part in parts}


def seen(place):
    """What a planner sees: results, colours of partitions, the newest word on each check."""
    asset = dg.AssetKey("champion")
    newest = {key: place.reported("champion", key)[-1].run_id for key in sorted(place.green(CHAMPION))}
    status = place.instance.get_status_by_partition(asset, SERIES, PARTITIONS)
    checks = place.instance.event_log_storage.get_latest_asset_check_execution_by_key(CHECKS)
    run_by_check = {key: record.run_id for key, record in checks.items()}
    return [place.table(name) for name in RESULTS], newest, status, run_by_check


def test_superseded_events_and_runs_go_and_nobody_sees_a_difference(place, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")  # pictures take longer than all the rest
    place.add("shop", shop())
    nights = [place.build("shop"), place.build("shop", force=True)]
    nights += [place.evaluate(HEALTHY, YOUNG, force=force) for force in (False, True)]
    nights += [place.evaluate(HEALTHY, force=True)]
    assert all(night.success for night in nights)
    for night in ("older", "newer"):
        (forecast,) = make_forecasts(place.stores, [HEALTHY], run_id=night, force=True)
        assert forecast.outcome == "forecast"
    before = seen(place)

    assert set(trimmed(place, apply=True, now=NOW).values()) == {0}, "nothing is old enough today"
    promised = trimmed(place, apply=False)
    assert seen(place) == before
    # Reported: three assets of the first build, three series of two assets, one of them twice.
    assert promised["events of assets"] == 3 + 3 * 2 + 2
    assert promised["runs"] == 2  # the first build and the first evaluation
    assert promised["forecasts"] == 1

    first = nights[0].run_id
    set_status(place, first, "STARTED")
    assert trimmed(place, apply=True)["runs"] == 1
    assert place.instance.all_logs(first), "a run that still works is left alone"
    set_status(place, first, "SUCCESS")
    assert trimmed(place, apply=True)["runs"] == 1
    assert seen(place) == before
    assert place.instance.get_run_by_id(first) is None
    assert set(trimmed(place, apply=True).values()) == {0}
    assert [row["run_id"] for row in place.table("forecast")] == ["newer"]
    stored = read_forecast(place.stores, HEALTHY)
    assert stored is not None, "its file has a reference"
    assert stored.units.size
    assert [path.split("/")[2] for path in place.files("forecasts")] == ["newer"]
    assert place.evaluate(HEALTHY, YOUNG).success


def set_status(place, run_id: str, status: str) -> None:
    with place.stores.warehouse.transaction() as connection:
        statement = "update dagster.runs set status = %s where run_id = %s"
        connection.exec_driver_sql(statement, (status, run_id))


def test_the_newest_snapshots_stay_and_so_do_all_files_that_rows_refer_to(place):
    place.add("shop", shop(DAYS - 4))
    for day in (3, 2, 1, 0):
        place.write("shop", shop(DAYS - day))
        building.load_sales(place.stores, "shop", run_id=f"night-{day}", today=TODAY)
    register = place.instance.add_dynamic_partitions
    building.build_panel(place.stores, "shop", run_id="panel", register=lambda keys: register("series", keys))
    assert trimmed(place, apply=False, snapshots=2)["snapshots"] == 3

    trimmed(place, apply=True, snapshots=2)
    kept = place.table("snapshot")
    assert len(kept) == 2
    folders = {"/".join(path.split("/")[:3]) for path in place.files("sales")}
    assert folders == {row["sales_path"] for row in kept}
    assert read_panel(place.stores, load(place.stores, "shop")).days == DAYS


def test_orphans_go_after_the_grace_but_never_from_folders_of_others(place):
    lake = place.stores.lake
    for path in ("backtests/shop/killed/a.parquet", "sales/shop/killed/b.parquet", "other/c", "notes"):
        lake.write_bytes(path, b"x")
    unfinished = place.folder / "lake" / "panels" / "d.parquet.0123.part"
    unfinished.parent.mkdir()
    unfinished.write_bytes(b"x")
    assert trimmed(place, apply=True, now=NOW)["files of the lake"] == 0

    long_ago = (NOW - dt.timedelta(hours=49)).timestamp()
    os.utime(place.folder / "lake" / "sales/shop/killed/b.parquet", (long_ago, long_ago))
    assert trimmed(place, apply=True, now=NOW)["files of the lake"] == 1
    assert trimmed(place, apply=True)["files of the lake"] == 2
    assert place.files() == ["notes", "other/c"]
    assert not unfinished.exists()


def test_the_job_only_tells_unless_it_is_told_to_delete(place):
    orphan = place.folder / "lake" / "sales" / "orphan"
    place.stores.lake.write_bytes("sales/orphan", b"x")
    os.utime(orphan, (0, 0))
    for apply, left in ((False, True), (True, False)):
        run = trim_state.execute_in_process(
            instance=place.instance,
            resources={"stores": place.resource, "registry": RegistryResource()},
            run_config={"ops": {"trim": {"config": {"apply": apply}}}},
        )
        (output,) = [event for event in run.all_events if event.is_successful_output]
        table = output.step_output_data.metadata["superseded"]
        assert isinstance(table, dg.TableMetadataValue)
        assert {"what": "files of the lake", "count": 1, "size": 1} in [row.data for row in table.records]
        assert orphan.exists() == left
