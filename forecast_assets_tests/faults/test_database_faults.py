"""A database that goes away costs time, never rows."""

import datetime as dt
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from forecast_assets.dagster_internals import run_factory
from forecast_assets.drift.model_health import health, queue
from forecast_assets.errors import Outage
from forecast_assets.stores import cluster
from forecast_assets.stores.database import connected, warehouse_url
from forecast_assets.stores.resource import open_stores
from forecast_assets.stores.rows.datasets import DatasetsRow
from forecast_assets.stores.warehouse import Warehouse
from forecast_assets_tests.scenario import many
from forecast_assets_tests.stores.members import Member, postmaster, servers_below, short_home, until

EVERY_KEY = "select string_agg(name, ' ' order by name) from forecast.dataset"


def dataset(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"name": names, "source": "{}", "options": "{}"})


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """An embedded server that some other process uses as well."""
    with short_home() as folder:
        member = Member(folder)
        assert member.keep("kept") == "done"
        yield folder
        member.process.kill()
        member.leave()


@pytest.fixture
def warehouse(home, monkeypatch) -> Iterator[Warehouse]:
    monkeypatch.setenv("FORECAST_HOME", str(home))
    monkeypatch.delenv("FORECAST_DATABASE_URL", raising=False)
    opened = Warehouse(warehouse_url())
    yield opened
    opened.dispose()


def kill_server(home: Path) -> None:
    server = postmaster(home)
    server.kill()
    # Its sessions outlive it for a moment, and would still answer a question or two.
    until(lambda: not servers_below(home))


def test_a_server_killed_in_the_middle_of_a_transaction_leaves_the_old_rows_and_comes_back(home, warehouse):
    reached = []
    with pytest.raises(Outage) as lost, warehouse.transaction() as connection:  # noqa: PT012 - in its middle
        warehouse.copy(connection, "dataset", dataset("lost"))
        kill_server(home)
        reached.append("killed")
        warehouse.copy(connection, "dataset", dataset("lost too"))
    assert reached == ["killed"]
    assert "launch again" in lost.value.remedy

    with warehouse.transaction() as connection:
        warehouse.copy(connection, "dataset", dataset("later"))
        assert connection.exec_driver_sql(EVERY_KEY).scalar() == "kept later"
        connection.exec_driver_sql("delete from dataset where name = 'later'")


def test_a_server_killed_while_nobody_asks_is_not_even_noticed(home, warehouse):
    assert [row["name"] for row in warehouse.rows(DatasetsRow)] == ["kept"]
    kill_server(home)
    assert [row["name"] for row in warehouse.rows(DatasetsRow)] == ["kept"]


def test_threads_that_find_the_server_killed_start_it_once(home, warehouse):
    kill_server(home)
    born: list[object] = []

    def ask() -> None:
        with warehouse.transaction() as connection:
            born.append(connection.exec_driver_sql("select pg_postmaster_start_time()").scalar())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(born) == 4
    assert len(set(born)) == 1


def test_a_server_that_was_down_at_the_start_is_used_once_it_is_up(monkeypatch):
    outer = Path(tempfile.mkdtemp(prefix="fa-", dir="/tmp"))
    folder = outer / "given"
    cluster.create(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("FORECAST_DATABASE_URL", f"postgresql://postgres@127.0.0.1:{port}/forecast")
    try:
        with pytest.raises(Outage, match="Connection refused"):
            open_stores()
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
        cluster._run(folder, "pg_ctl", "start", "-w", "-l", "log", "-o", options)
        stores = open_stores()
        assert stores.warehouse.rows(DatasetsRow) == []

        cluster._run(folder, "pg_ctl", "stop", "-w", "-m", "immediate")
        with pytest.raises(Outage):
            stores.warehouse.rows(DatasetsRow)
        cluster._run(folder, "pg_ctl", "start", "-w", "-l", "log", "-o", options)
        assert stores.warehouse.rows(DatasetsRow) == []
        stores.warehouse.dispose()
        cluster._run(folder, "pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        for process in servers_below(outer):
            process.kill()
        shutil.rmtree(outer)


def test_a_read_only_database_is_an_outage_that_says_so(stores):
    assert stores.warehouse.rows(DatasetsRow) == []
    sa.event.listen(
        stores.warehouse._engine, "begin", lambda begun: begun.exec_driver_sql("set transaction read only")
    )
    with pytest.raises(Outage, match="read-only transaction") as refused:
        stores.warehouse.execute("remove_dataset", name="none")
    assert "primary" in refused.value.remedy
    with pytest.raises(Outage, match="read-only transaction"), stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "dataset", dataset("refused"))
    assert stores.warehouse.rows(DatasetsRow) == []


def test_of_two_that_deadlock_one_finishes_and_the_other_is_told_to_launch_again(stores):
    warehouse = stores.warehouse
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "dataset", dataset("a", "b"))
    both = threading.Barrier(2)
    failures: list[Outage] = []

    def write(*names: str) -> None:
        try:
            with warehouse.transaction() as connection:
                connection.exec_driver_sql("set local deadlock_timeout = '50ms'")
                warehouse.upsert(connection, "dataset", dataset(names[0]), key="name")
                both.wait(30)
                warehouse.upsert(connection, "dataset", dataset(names[1]), key="name")
        except Outage as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (failure,) = failures
    assert "deadlock" in failure.problem
    assert failure.remedy.endswith("launch again")


def test_a_server_without_free_connections_is_an_outage_that_says_so(postgres_url, stores):
    with connected(postgres_url) as admin:
        name = sa.make_url(str(stores.warehouse._url)).database
        admin.exec_driver_sql(f"create role crowd_{name} login")
        admin.exec_driver_sql(f"alter role crowd_{name} connection limit 0")
    crowded = Warehouse(stores.warehouse._url.set(username=f"crowd_{name}"))
    try:
        with pytest.raises(Outage, match="too many connections"):
            crowded.rows(DatasetsRow)
    finally:
        crowded.dispose()
        with connected(postgres_url) as admin:
            admin.exec_driver_sql(f"drop role crowd_{name}")


def test_a_disk_that_fills_up_in_the_middle_costs_a_run_and_no_row(place):
    place.prepare("many", many(4))
    full = """
        create function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$;
        create trigger full_disk before insert on champion execute function full_disk();
    """
    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql(full)
    result = place.evaluate_changed("many")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "its disk is full: free space, then launch again" in str(failure.step_failure_data.error)
    assert place.table("champion") == place.table("evaluation") == place.table("backtest_metric") == []

    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("drop trigger full_disk on champion")
    assert place.evaluate_changed("many").success
    assert set(place.outcomes().values()) == {"scored"}
    assert len(place.table("champion")) == 4


def test_a_run_whose_job_is_taken_away_while_it_is_created_is_an_outage_in_one_sentence(place):
    taken_away = """
        create function taken_away() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger taken_away before insert on dagster.snapshots
        for each row execute function taken_away();
    """
    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql(taken_away)
    config = {"ops": {"work_off_batch": {"config": {"dataset": "many", "scope": "demo"}}}}
    with pytest.raises(Outage, match="was removed while its run was created"):
        run_factory.create(place.instance, "batch", config)
    assert place.instance.get_runs() == []


def test_a_slow_database_costs_time_and_nothing_else(place):
    place.prepare("many", many(4))
    questions: list[object] = []

    def wait(_connection: object, cursor: Any, statement: object, *_rest: object) -> None:
        questions.append(statement)
        cursor.execute("select pg_sleep(0.1)")

    engine = place.stores.warehouse._engine
    sa.event.listen(engine, "before_cursor_execute", wait)
    try:
        assert place.evaluate_changed("many").success
    finally:
        sa.event.remove(engine, "before_cursor_execute", wait)
    assert set(place.outcomes().values()) == {"scored"}
    assert len(questions) < 60, "an evaluation asks a handful of questions, however many series it has"


def test_a_server_whose_clock_is_ahead_makes_nothing_younger_than_new(place):
    place.prepare("many", many(4))
    assert place.evaluate_changed("many").success
    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("update champion set chosen_at = now() + interval '2 days'")
        connection.exec_driver_sql("update evaluation set evaluated_at = now() + interval '2 days'")
    today = dt.datetime.now(dt.UTC).date()
    assert all(row["staleness_days"] >= 0 for row in health(place.stores, "many", today))
    scores = [row["priority_score"] for row in queue(place.stores, "many", today)]
    assert len(scores) == 4
    assert all(0 <= score <= 1 for score in scores)
    before = {row["series"]: row["run_id"] for row in place.table("evaluation")}
    assert place.evaluate_changed("many").success
    assert {row["series"]: row["run_id"] for row in place.table("evaluation")} == before, "nothing is stale"
    place.write("many", many(4).with_columns(pl.col("units") + 1))
    assert place.build("many").success
    assert place.evaluate_changed("many").success
    after = {row["series"]: row["run_id"] for row in place.table("evaluation")}
    assert all(after[key] != before[key] for key in after), (
        "what changed is evaluated, whatever the clock says"
    )
