"""Whoever comes from release 0.1 finds everything again, and may go back."""

import json

import dagster as dg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from forecast_assets.cli.app import app
from forecast_assets.stores.database import WAREHOUSE_SCHEMA, connected, migrate, newest_revision, revision
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.rows.datasets import DatasetsRow

OLDEST = "0006_operations"
SERIES = [f"shop__{store}__{product}" for store in ("S1", "S2") for product in ("P1", "P2")]


def printed(*words: str) -> list[dict[str, object]]:
    """What a command of today prints as JSON."""
    done = CliRunner().invoke(app, [*words, "--format", "json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows


def moved(url: sa.URL, to: str) -> None:
    """Migrate the warehouse up or down."""
    with connected(url) as connection:
        connection.exec_driver_sql(f"set local search_path = {WAREHOUSE_SCHEMA}")
        migrate(connection, to)


def still_holds(now: list[dict[str, object]], before: list[dict[str, object]]) -> bool:
    """Whether every row of ``before`` is there with each of its columns that still exists."""
    assert len(now) == len(before)
    return all(
        all(new[name] == value for name, value in old.items() if name in new)
        for new, old in zip(now, before, strict=True)
    )


def test_what_was_exported_by_0_1_is_exported_by_today(home_0_1):
    for what in ("champions", "audit", "leaderboard", "forecasts"):
        assert still_holds(printed("export", what, "shop"), home_0_1.expected(what)), what


def test_what_was_launched_kept_and_planned_is_listed(home_0_1):
    launched = {(row["run_id"], row["status"]) for row in printed("status")}
    assert launched >= {(row["run_id"], row["status"]) for row in home_0_1.expected("status")}
    assert [row["name"] for row in printed("workspace", "list")] == ["spring"]
    assert [row["name"] for row in printed("plan", "list")] == [
        row["name"] for row in home_0_1.expected("plans")
    ]


@pytest.mark.usefixtures("home_0_1")
def test_live_models_are_those_of_the_audit_and_their_files_are_there():
    aliases = open_registry().aliases(SERIES)
    live = {key: held["champion"] for key, held in aliases.items() if "champion" in held}
    audit = printed("export", "audit", "shop")
    assert live == {
        str(row["series"]): row["to_version"] for row in sorted(audit, key=lambda row: str(row["decided_at"]))
    }
    assert "challenger" in aliases["shop__S2__P1"]
    for name, number in live.items():
        version = open_registry().version(name, number)
        assert version is not None
        with open_registry().files(version.run_id, version.path) as folder:
            assert any(folder.rglob("*.parquet"))


@pytest.mark.usefixtures("home_0_1")
def test_partitions_keep_their_colours():
    with dg.DagsterInstance.get() as instance:
        green = instance.get_materialized_partitions(dg.AssetKey("champion"))
        assert set(SERIES) <= set(instance.get_dynamic_partitions("series"))
    assert "shop__S1__P1" in green


def test_the_warehouse_goes_to_today_and_back_and_to_today_without_losing_a_row(home_0_1):
    with connected(home_0_1.url) as connection:
        assert revision(connection) == OLDEST
    before = printed("export", "champions", "shop")
    rows = open_stores().warehouse.rows(DatasetsRow)
    open_stores().warehouse.dispose()
    moved(home_0_1.url, OLDEST)
    moved(home_0_1.url, "head")
    with connected(home_0_1.url) as connection:
        assert revision(connection) == newest_revision()
    assert printed("export", "champions", "shop") == before
    assert open_stores().warehouse.rows(DatasetsRow) == rows
