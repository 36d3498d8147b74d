"""Snapshots: the same sales are stored once, every change makes a new one, a refusal leaves nothing."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from forecast_assets.datasets import building, definition, freezing
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.errors import BadSales, BadSetting, Outage, UnknownName
from forecast_assets.partitions import register_series
from forecast_assets_tests.scenario import (
    HEALTHY,
    NEVER,
    QUICK,
    SERIES,
    START,
    STOPPED,
    TODAY,
    YOUNG,
    Place,
    sales_of,
    shop,
)

NEW = "shop__A__P0"


def load(place: Place, run_id: str, **options: bool) -> building.Loaded:
    return building.load_sales(place.stores, "shop", run_id=run_id, today=TODAY, **options)


def build(place: Place, run_id: str, **options: bool) -> building.Built:
    return building.build_panel(
        place.stores,
        "shop",
        run_id=run_id,
        register=lambda keys: register_series(place.instance, keys),
        **options,
    )


def states(built: building.Built) -> dict[str, str]:
    return dict(built.availability.select("series", "state").rows())


def test_the_first_load_stores_a_snapshot_and_says_so(place):
    loaded = place.add("shop", shop())
    assert not loaded.reused
    assert loaded.why == "first load"
    assert (loaded.snapshot.row_count, loaded.snapshot.series_count, loaded.snapshot.store_count) == (
        shop().height,
        6,
        4,
    )
    assert (loaded.snapshot.first_day, loaded.snapshot.last_day) == (START, START + dt.timedelta(days=59))
    assert len(place.files("sales/shop")) == 4


def test_the_same_file_is_reused_without_being_read_again(place, monkeypatch):
    first = place.add("shop", shop())
    monkeypatch.setattr(freezing, "CanonicalReader", None)
    again = load(place, "r2")
    assert again.reused
    assert again.snapshot == first.snapshot
    assert again.why == "the source has not changed since the last load"


def test_the_same_sales_in_another_order_are_reused_and_nothing_is_stored_twice(place):
    first = place.add("shop", shop())
    before = place.files()
    place.write("shop", shop().sample(fraction=1, shuffle=True, seed=1))
    again = load(place, "r2")
    assert again.reused
    assert again.why == "the source has new bytes but the same sales"
    assert again.snapshot.hash == first.snapshot.hash
    assert place.files() == before
    assert load(place, "r3").why == "the source has not changed since the last load"


def test_force_reads_again_but_stores_the_same_sales_once(place):
    first = place.add("shop", shop())
    before = place.files()
    assert load(place, "r2", force=True).snapshot.hash == first.snapshot.hash
    assert place.files() == before


@pytest.mark.parametrize("harm", ["one file is lost", "all are lost", "one is cut off"])
def test_force_brings_back_files_of_sales_and_panel_that_were_lost_or_damaged(place, harm):
    place.add("shop", shop())
    build(place, "r1")
    held = place.stores.lake.list("")
    panel = building.read_panel(place.stores, definition.load(place.stores, "shop"))
    for path in held if harm == "all are lost" else (place.files("sales/shop")[0], place.files("panels")[0]):
        content = place.stores.lake.read_bytes(path)
        place.stores.lake.delete(path)
        if harm == "one is cut off":
            place.stores.lake.write_bytes(path, content[:-9])
    assert load(place, "r2", force=True).reused
    build(place, "r2", force=True)
    again = building.read_panel(place.stores, definition.load(place.stores, "shop"))
    assert np.array_equal(again.units, panel.units, equal_nan=True)


def test_new_sales_after_the_last_good_ones_were_lost_need_force_and_to_be_accepted(place):
    place.add("shop", shop())
    for path in place.files("sales/shop"):
        place.stores.lake.delete(path)
    place.write("shop", shop().with_columns(units=pl.col("units") + 1))
    with pytest.raises(Outage):
        load(place, "r2")
    with pytest.raises(BadSales, match="nothing to compare them with"):
        load(place, "r3", force=True)
    accepted = load(place, "r4", force=True, accept=True).snapshot
    assert "nothing to compare them with" in accepted.summary["accepted"][0]


def test_the_panel_of_a_snapshot_is_built_once(place):
    place.add("shop", shop())
    first, files = build(place, "r1"), place.files("panels")
    again = build(place, "r2")
    assert (first.reused, again.reused) == (False, True)
    assert again.availability.equals(first.availability)
    assert again.snapshot == first.snapshot
    assert place.files("panels") == files


def test_every_series_is_judged_and_registered_in_the_order_of_the_keys(place):
    place.add("shop", shop())
    built = build(place, "r1")
    assert list(place.instance.get_dynamic_partitions("series")) == SERIES
    assert states(built) == dict.fromkeys(SERIES, "ready") | {YOUNG: "unusable", NEVER: "unusable"}
    reason_by_series = dict(built.availability.select("series", "reason").rows())
    assert reason_by_series[NEVER] == "no sales at all"
    assert reason_by_series[YOUNG] == "9 observed days, at least 21 are needed"
    assert reason_by_series[HEALTHY] == "60 observed days, 100 % of the calendar"


def test_a_grown_file_appends_days_and_series(place):
    place.add("shop", shop())
    build(place, "r1")
    place.write("shop", pl.concat([shop(62), sales_of(NEW, range(40))]))
    grown = load(place, "r2")
    assert not grown.reused
    assert grown.why == "new snapshot: +50 rows, +1 series, newest day 2026-03-05 -> 2026-03-07"
    built = build(place, "r2")
    assert built.availability["series"].to_list() == sorted([*SERIES, NEW])
    assert set(place.instance.get_dynamic_partitions("series")) == {*SERIES, NEW}
    days = dict(built.availability.select("series", "observed_days").rows())
    assert (days[HEALTHY], days[NEW]) == (62, 39)


def test_one_changed_day_makes_a_new_snapshot(place):
    first = place.add("shop", shop())
    changed = shop().with_columns(
        units=pl.when((pl.col("product_id") == "P1") & (pl.col("units") == 7)).then(8).otherwise("units")
    )
    place.write("shop", changed)
    second = load(place, "r2")
    assert not second.reused
    assert second.snapshot.hash != first.snapshot.hash
    assert len(place.table("snapshot")) == 2


def test_going_back_to_an_old_file_makes_its_snapshot_and_its_panel_current_again(place):
    first = place.add("shop", shop())
    before = build(place, "r1")
    place.write("shop", shop(61))
    load(place, "r2")
    build(place, "r2")
    place.write("shop", shop())
    back = load(place, "r3")
    assert back.reused
    assert back.snapshot.hash == first.snapshot.hash
    again = build(place, "r3")
    assert again.availability.equals(before.availability)
    dataset = definition.load(place.stores, "shop")
    panel = building.read_panel(place.stores, dataset)
    assert (panel.days, panel.series.tolist()) == (60, SERIES)
    assert len(place.table("snapshot")) == 2


REFUSED = {
    "a duplicate": lambda: pl.concat([shop(), shop().tail(1)]),
    "a negative number": lambda: shop().with_columns(units=pl.col("units") - 1),
    "no units at all": lambda: shop().with_columns(units=pl.lit(None, pl.Float64)),
    "a day after today": lambda: pl.concat([shop(), sales_of(HEALTHY, [1], first=400)]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_first_load_leaves_no_dataset_no_file_and_no_partition(place, what):
    with pytest.raises(BadSales):
        place.add("shop", REFUSED[what]())
    assert place.table("dataset") == place.table("snapshot") == place.files() == []
    assert place.instance.get_dynamic_partitions("datasets") == []


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_reload_leaves_everything_as_it_was(place, what):
    place.add("shop", shop())
    build(place, "r1")
    before = [place.table("dataset"), place.table("snapshot"), place.table("availability"), place.files()]
    place.write("shop", REFUSED[what]())
    with pytest.raises(BadSales):
        load(place, "r2")
    after = [place.table("dataset"), place.table("snapshot"), place.table("availability"), place.files()]
    assert after == before


def test_what_an_interrupted_attempt_of_the_same_run_left_behind_is_no_part_of_the_snapshot(place):
    place.add("shop", shop())
    place.write("shop", shop(61))
    leftover = place.stores.lake.read_bytes(place.files("sales/shop")[0])
    place.stores.lake.write_bytes("sales/shop/r2/Z.parquet", leftover)
    assert load(place, "r2").snapshot.sales_path == "sales/shop/r2"
    assert [file.rsplit("/")[-1] for file in place.files("sales/shop/r2")] == [
        "A-1.parquet",
        "A.parquet",
        "A_1.parquet",
        "B.parquet",
    ]


def test_a_name_is_taken_once(place):
    place.add("shop", shop())
    with pytest.raises(BadSetting, match="'shop' exists already"):
        place.add("shop", shop(61))
    assert len(place.table("snapshot")) == 1


def test_removing_a_dataset_forgets_its_rows_and_files_and_those_of_no_other(place):
    place.add("shop", shop())
    place.add("shop-2", shop())
    build(place, "r1")
    definition.remove(place.stores, "shop")
    for table in ("dataset", "snapshot", "series", "availability"):
        assert {row.get("dataset", row.get("name")) for row in place.table(table)} <= {"shop-2"}
    assert {file.removeprefix("./").split("/")[1] for file in place.files()} == {"shop-2"}
    with pytest.raises(UnknownName, match="known datasets: shop-2"):
        definition.remove(place.stores, "shop")


def test_a_panel_needs_sales_and_an_evaluation_needs_a_panel(place):
    source = FileSource(path=place.write("shop", shop()))
    definition.add(place.stores, "shop", source, DatasetOptions(evaluation=QUICK))
    with pytest.raises(UnknownName, match="no sales yet"):
        build(place, "r1")
    with pytest.raises(UnknownName, match="no panel yet"):
        definition.load(place.stores, "shop").built()


def test_known_columns_and_attributes_reach_the_panel_and_the_tables(place):
    frame = shop().with_columns(
        promo=pl.col("date").dt.weekday() == 1,
        family=pl.when(pl.col("store_id") == "B").then(pl.lit("bread")).otherwise(pl.lit("cake")),
    )
    plan = sales_of(STOPPED, [None] * 3, first=60).with_columns(promo=pl.lit(value=True), family=None)
    place.add("shop", pl.concat([frame, plan]), columns=Columns(promo="promo", static=("family",)))
    built = build(place, "r1")
    panel = building.read_panel(place.stores, definition.load(place.stores, "shop"))
    assert (panel.days, panel.future_days) == (60, 3)
    row = SERIES.index(STOPPED)
    assert panel.known["promo"][row, 59:].tolist() == [0, 1, 1, 1]
    assert panel.static["family"].tolist() == ["bread" if "__B__" in key else "cake" for key in SERIES]
    assert {row["series"]: row["static"]["family"] for row in place.table("series")} == dict(
        zip(SERIES, panel.static["family"].tolist(), strict=True)
    )
    promoted = dict(built.availability.select("series", "promotion_days").rows())
    assert promoted[HEALTHY] == 9


@pytest.mark.parametrize(
    ("anchor", "newest", "expected"),
    [
        ("newest_day", dt.date(2026, 3, 5), dt.date(2026, 3, 5)),
        ("week", dt.date(2026, 3, 7), dt.date(2026, 3, 1)),
        ("week", dt.date(2026, 3, 8), dt.date(2026, 3, 8)),
        ("week", dt.date(2026, 3, 9), dt.date(2026, 3, 8)),
        ("week", dt.date(2027, 1, 2), dt.date(2026, 12, 27)),
        ("week", dt.date(2027, 1, 3), dt.date(2027, 1, 3)),  # the end of a week 53
        ("month", dt.date(2026, 3, 30), dt.date(2026, 2, 28)),
        ("month", dt.date(2026, 3, 31), dt.date(2026, 3, 31)),
        ("month", dt.date(2024, 2, 29), dt.date(2024, 2, 29)),
        ("month", dt.date(2026, 1, 1), dt.date(2025, 12, 31)),
    ],
)
def test_the_anchor_is_the_end_of_the_last_full_week_or_month(anchor, newest, expected):
    assert DatasetOptions(anchor=anchor).anchor_day(newest) == expected


def test_a_dataset_younger_than_its_anchor_has_a_panel_without_days(place):
    place.add("shop", sales_of(HEALTHY, range(1, 20)), anchor="month")
    build(place, "r1")
    assert building.read_panel(place.stores, definition.load(place.stores, "shop")).days == 0
