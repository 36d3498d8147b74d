"""The assets ``sales`` and ``panel`` with their checks, run by Dagster on the shop."""

from collections.abc import Callable, Iterator

import dagster as dg
import polars as pl
import pytest

from forecast_assets.datasets.checks import grain_is_unique
from forecast_assets_tests.scenario import HOLED, NEVER, SERIES, YOUNG, Place, shop


@pytest.fixture(scope="module")
def built(
    open_place: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, dg.ExecuteInProcessResult]]:
    with open_place(tmp_path_factory.mktemp("shop")) as place:
        place.add("shop", shop())
        yield place, place.build("shop")


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.error_display_string


def test_the_run_makes_all_assets_of_the_dataset(built):
    place, result = built
    assert result.success
    for asset in ("sales", "panel", "global_forecasts"):
        assert place.green(dg.AssetKey(asset)) == {"shop"}


def test_sales_tell_what_was_stored(built):
    metadata = built[0].metadata(built[1], "sales", "shop")
    assert metadata["what_happened"].value == "the source has not changed since the last load"
    assert metadata["dagster/row_count"].value == shop().height
    assert (metadata["series"].value, metadata["stores"].value) == (6, 4)
    assert (metadata["first_day"].value, metadata["newest_day"].value) == ("2026-01-05", "2026-03-05")
    assert metadata["notes"].value == {
        "null_units": 3,
        "changed_static": {},
        "mapped_ids": 0,
        "replaced": {},
        "summed": 0,
        "returned": 0,
        "returned_units": 0.0,
        "columns": [],
    }


def test_the_panel_tells_how_many_series_can_be_judged_and_which_cannot(built):
    metadata = built[0].metadata(built[1], "panel", "shop")
    assert [metadata[f"series_{state}"].value for state in ("ready", "limited", "unusable")] == [4, 0, 2]
    assert metadata["new_series"].value == 6
    assert [record.data["series"] for record in metadata["not_ready"].records] == [NEVER, YOUNG]
    quality = {record.data["measure"]: record.data["value"] for record in metadata["quality"].records}
    assert quality["missing days"] == "4 (1.6 %)"
    assert quality["closed days"] == "3 (1.2 %)"


def test_the_snapshot_is_the_data_version_of_both(built):
    place, _ = built
    (snapshot,) = place.table("snapshot")
    for asset in ("sales", "panel"):
        record = place.instance.get_latest_data_version_record(dg.AssetKey(asset), partition_key="shop")
        assert record is not None
        assert record.event_log_entry.tags["dagster/data_version"] == snapshot["hash"]


def test_a_clean_grain_passes(built):
    assert checks(built[1])["grain_is_unique"].passed


def test_gaps_warn_with_their_number_and_the_worst_series(built):
    gaps = checks(built[1])["gaps"]
    assert (gaps.passed, gaps.severity) == (False, dg.AssetCheckSeverity.WARN)
    # 59 days of STOPPED (its first one sold nothing), 9 of YOUNG, none of NEVER, 60 of the others
    assert gaps.description == "4 of 248 days have no row and count as zero sales, in 1 of 6 series"
    worst = gaps.metadata["worst"]
    assert isinstance(worst, dg.TableMetadataValue)
    assert worst.records[0].data == {
        "series": HOLED,
        "missing_days": 4,
        "expected_days": 60,
    }


def test_thin_coverage_warns(built):
    coverage = checks(built[1])["coverage"]
    assert (coverage.passed, coverage.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert coverage.description == "1 of 6 series are observed on less than 80 % of their days"


def test_metadata_are_small_and_hold_no_number_that_is_none(built):
    for event in built[1].get_asset_materialization_events():
        text = str({name: value.value for name, value in event.materialization.metadata.items()})
        assert len(text) < 200_000
        assert "nan" not in text.lower()


def test_a_second_run_reuses_everything_and_adds_no_series(place):
    place.add("shop", shop())
    assert place.build("shop").success
    before = [place.table("snapshot"), place.files()]
    again = place.build("shop")
    assert again.success
    assert place.metadata(again, "panel", "shop")["reused"].value
    assert place.metadata(again, "panel", "shop")["new_series"].value == 0
    assert list(place.instance.get_dynamic_partitions("series")) == SERIES
    assert [place.table("snapshot"), place.files()] == before


def test_refused_sales_stop_the_run_before_any_partition_exists(place):
    place.add("shop", shop())
    place.write("shop", pl.concat([shop(), shop().tail(1)]))
    result = place.build("shop")
    assert not result.success
    assert "may occur only once" in failure(result)
    assert place.instance.get_dynamic_partitions("series") == []
    assert place.green(dg.AssetKey("panel")) == set()
    assert place.files("panels") == []


def test_a_row_that_was_stored_twice_fails_the_blocking_check(place):
    place.add("shop", shop())
    (file, *_) = place.files("sales/shop")
    table = pl.DataFrame(place.stores.lake.read_table(file))
    place.stores.lake.write_table(file, pl.concat([table, table.head(1)]).to_arrow())
    result = place.build("shop")
    assert not result.success
    assert not checks(result)["grain_is_unique"].passed
    assert "1 rows repeat" in str(checks(result)["grain_is_unique"].description)
    assert place.files("panels") == []
    assert next(iter(grain_is_unique.check_specs)).blocking
