"""Sensors that start work: once for each content, never for half a file, and always with a reason."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import polars as pl
import pytest

from forecast_assets.datasets import building
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import SqlSource
from forecast_assets_tests.automation.night import Night
from forecast_assets_tests.scenario import DAYS, QUICK, TODAY, Place, many, sales_of

LOAD, EVALUATE = "load_changed_sources", "evaluate_built_datasets"


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")


@pytest.fixture
def night(place: Place) -> Night:
    return Night(place)


def requested(tick) -> list[tuple[str, str]]:
    return [(request.run_key, request.partition_key or "") for request in tick.run_requests or ()]


def test_a_system_without_datasets_says_so(night):
    assert night.said(LOAD) == "sources of 0 datasets: nothing"
    assert night.said(EVALUATE) == "0 datasets: nothing"


def test_from_a_file_to_champions_and_a_new_assortment_without_a_person(night, place):
    place.add("many", many(6))
    assert night.said(LOAD) == "sources of 1 datasets: 1 settling"
    (loaded,) = night.work(LOAD)
    assert loaded.success
    assert night.said(LOAD) == "sources of 1 datasets: 1 unchanged"
    (evaluated,) = night.work(EVALUATE)
    assert evaluated.success
    assert set(place.outcomes().values()) == {"scored"}
    assert night.said(EVALUATE) == "1 datasets: 1 up to date"
    assert evaluated.dagster_run.tags["forecast/dataset"] == "many"

    # The assortment changes: some series come, some go.
    place.write("many", many(8).filter(pl.col("product_id") != "P003"))
    night.look(LOAD)
    night.work(LOAD)
    (evaluated,) = night.work(EVALUATE)
    assert evaluated.success
    assert place.outcomes()["many__S2__P003"] == "unusable"
    (news,) = [row for row in place.table("incident") if row["kind"] == "news of the assortment"]
    new = len(place.outcomes()) - 6
    assert new > 0
    assert news["what"] == f"many: {new} new series, {len(place.table('series')) - 7} no longer delivered"
    assert news["resolved_at"] is not None
    assert night.said(EVALUATE) == "1 datasets: 1 up to date"


@pytest.fixture(scope="module")
def grown(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A dataset that was built and evaluated before the night began."""
    with open_place(tmp_path_factory.mktemp("grown")) as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_DETAILED_SERIES", "0")
        place.prepare("many", many(6))
        night = Night(place)
        night.work(EVALUATE)
        yield night


def test_a_file_that_was_only_touched_is_not_loaded(grown):
    file = grown.place.folder / "many.csv"
    file.touch()
    grown.look(LOAD)
    assert grown.said(LOAD) == "sources of 1 datasets: 1 unchanged"


def test_a_file_still_being_written_is_waited_for_and_its_content_requested_once(grown):
    file = grown.place.folder / "many.csv"
    whole = many(6, DAYS + 1)
    for rows in (100, 200, 300):
        whole.head(rows).write_csv(file)
        assert grown.said(LOAD) == "sources of 1 datasets: 1 settling"
    whole.write_csv(file)
    assert grown.said(LOAD) == "sources of 1 datasets: 1 settling"
    first = grown.look(LOAD)
    again = grown.look(LOAD)
    assert requested(first) == requested(again)
    assert [partition for _, partition in requested(first)] == ["many"]


@pytest.mark.parametrize("cursor", [None, "", "no json", "[1, 2]", '{"many": {"from": "a newer version"}}'])
def test_a_lost_or_foreign_cursor_costs_one_more_look_and_no_second_run(grown, cursor):
    grown.look(LOAD)
    (load_request,) = requested(grown.look(LOAD))
    assert requested(grown.look(LOAD, cursor=cursor)) == []
    assert requested(grown.look(LOAD)) == [load_request]
    built = grown.look(EVALUATE, cursor=cursor).run_requests or ()
    assert {request.run_key for request in built} <= grown.answered


def test_a_source_that_vanished_is_one_incident_and_stops_nothing(grown):
    place = grown.place
    place.prepare("other", many(3, dataset="other"))
    file = place.folder / "many.csv"
    file.rename(place.folder / "away")
    assert grown.said(LOAD) == "sources of 2 datasets: 1 unreadable, 1 unchanged"
    grown.said(LOAD)
    (incident,) = [row for row in place.table("incident") if row["kind"] == "unreadable source"]
    assert incident["what"].startswith("the source of many cannot be read: there is no file or folder")
    assert (incident["times"], incident["resolved_at"]) == (1, None)
    (place.folder / "away").rename(file)
    grown.look(LOAD)
    (incident,) = [row for row in place.table("incident") if row["kind"] == "unreadable source"]
    assert incident["resolved_at"] is not None


def test_a_query_is_asked_for_its_totals_only(night, place, tmp_path):
    with sqlite3.connect(tmp_path / "sales.db") as database:
        database.execute("create table sales (store_id, product_id, date, units)")
        rows = sales_of("sql__A__P1", range(1, DAYS + 1)).rows()
        database.executemany(
            "insert into sales values (?, ?, ?, ?)", [(a, b, str(c), d) for a, b, c, d in rows]
        )
    query = "select * from sales where store_id <> ':nobody';  "
    source = SqlSource(url=f"sqlite:///{tmp_path}/sales.db", query=query)
    building.add_dataset(place.stores, "sql", source, DatasetOptions(evaluation=QUICK), TODAY)
    place.instance.add_dynamic_partitions("datasets", ["sql"])
    assert night.said(LOAD) == "sources of 1 datasets: 1 settling"
    (loaded,) = night.work(LOAD)
    assert loaded.success
    first = requested(night.look(LOAD))
    assert {key for key, _ in first} <= night.answered
    with sqlite3.connect(tmp_path / "sales.db") as database:
        database.execute("update sales set units = units + 1 where date = '2026-02-01'")
    night.look(LOAD)
    assert {key for key, _ in requested(night.look(LOAD))}.isdisjoint(night.answered)
    database.close()
    (tmp_path / "sales.db").unlink()
    assert night.said(LOAD) == "sources of 1 datasets: 1 unreadable"


def test_a_dataset_with_a_run_going_on_is_waited_for(night, place):
    place.prepare("many", many(6))
    run = place.instance.create_run_for_job(
        dg.GraphDefinition(name="some").to_job(), tags={"dagster/partition": "many"}
    )
    assert night.said(EVALUATE) == "1 datasets: 1 waiting for a run of theirs"
    place.instance.report_run_failed(run)
    assert requested(night.look(EVALUATE))


SNAPSHOT = """
    insert into snapshot (dataset, hash, run_id, sales_path, panel_path, first_day, last_day, row_count,
                          series_count, store_count, summary)
    values ('huge', 'h', 'r', 's', 'p', '2026-01-01', '2026-02-01', 1, 10000, 100, '{}')
"""


def huge(place: Place, keys: list[str]) -> None:
    """A dataset whose panel was just built, as far as the warehouse can tell."""
    stores, products = ([key.split("__")[part] for key in keys] for part in (1, 2))
    series = {"series": keys, "dataset": "huge", "store_id": stores, "product_id": products, "static": "{}"}
    days = dict.fromkeys(
        ("observed_days", "expected_days", "missing_days", "closed_days", "zero_sale_days"), 1
    )
    judged = {"series": keys, "dataset": "huge", "snapshot": "h", "state": "ready", "reason": "fine", **days}
    rows: dict[str, dict[str, Any]] = {
        "dataset": {"name": ["huge"], "source": ["{}"], "options": ["{}"], "snapshot": ["h"]},
        "series": series,
        "availability": judged,
    }
    with place.stores.warehouse.transaction() as connection:
        for table, columns in rows.items():
            place.stores.warehouse.copy(connection, table, pl.DataFrame(columns))
        connection.exec_driver_sql(SNAPSHOT)


def test_ten_thousand_new_series_in_one_tick_get_their_partitions_and_one_request(night, place):
    keys = [f"huge__S{n // 100:03d}__P{n:05d}" for n in range(10_000)]
    huge(place, keys)
    first = night.look(EVALUATE)
    assert len(first.run_requests) == 1
    assert place.instance.get_dynamic_partitions("series") == keys
    assert len(night.look(EVALUATE).run_requests) == 1  # nobody has evaluated them yet
