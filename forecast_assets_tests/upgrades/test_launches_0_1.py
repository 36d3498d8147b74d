"""What release 0.1 launched is carried into the one table of launches, and back, row by row."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forecast_assets.launches import records
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.model import NewItem, Plan
from forecast_assets.launches.progress import newest
from forecast_assets.stores.database import WAREHOUSE_SCHEMA, connected
from forecast_assets.stores.opening import open_stores
from forecast_assets_tests.upgrades.test_home_0_1 import OLDEST, moved

TABLES = ("batch", "batch_item", "comparison", "comparison_candidate", "pipeline_run", "workspace")
# When an old row was touched last is not kept apart from when its try began.
FORGOTTEN = {"last_attempt_at"}
MORE = Path(__file__).with_name("launched_0_1.sql")


def rows(url: sa.URL) -> dict[str, list[dict[str, Any]]]:
    """All rows of the tables of release 0.1."""
    rows_by_table = {}
    with connected(url) as connection:
        connection.exec_driver_sql(f"set local search_path = {WAREHOUSE_SCHEMA}")
        for name in TABLES:
            table = connection.exec_driver_sql(f'select * from "{name}" order by 1, 2').mappings()  # noqa: S608
            rows_by_table[name] = [{key: row[key] for key in row if key not in FORGOTTEN} for row in table]
    return rows_by_table


@pytest.fixture
def before(home_0_1) -> dict[str, list[dict[str, Any]]]:
    """The rows of a home of release 0.1 with one of every ending; they wait to be migrated."""
    with connected(home_0_1.url) as connection:
        connection.exec_driver_sql(f"set local search_path = {WAREHOUSE_SCHEMA}")
        connection.exec_driver_sql(MORE.read_text())
    return rows(home_0_1.url)


def test_every_row_of_what_was_launched_goes_over_is_found_and_goes_back(home_0_1, before):
    assert all(before.values())
    stores = open_stores()
    for kind, table, key in (
        ("batch", "batch", "batch_id"),
        ("compare", "comparison", "run_id"),
        ("pipeline", "pipeline_run", "run_id"),
        ("showcase", "workspace", "run_id"),
    ):
        for old in before[table]:
            launch = records.read(stores, old[key])
            assert (launch.kind, KINDS[kind].word(launch)) == (kind, old["status"])
            assert launch.created_at == old["created_at"]
    assert records.read(stores, "01-23-batch").part_of == "01-23"
    assert records.read(stores, "01-23-batch").failed == 1, "of an item tried again the newest try counts"
    listed = {progress.run_id for progress in newest(stores)}
    assert "01-23" in listed
    assert "01-23-batch" not in listed, "it is a part of its showcase"
    plan = Plan(what="more", spec={}, items=[NewItem("shop__S1__P1", "naive")])
    records.create(stores, "retrain", plan, launch_id="new", run_id="new")
    (item,) = records.tries(stores, "new")
    assert item.item_id > max(old["item_id"] for old in before["batch_item"])
    stores.warehouse.dispose()
    moved(home_0_1.url, OLDEST)
    after = rows(home_0_1.url)
    for name in TABLES:
        assert after[name] == before[name], name
