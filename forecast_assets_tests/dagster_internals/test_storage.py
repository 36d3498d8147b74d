"""Our event log against the stock one, row by row, and what it adds."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import deserialize_value, serialize_value
from dagster_postgres import PostgresEventLogStorage

from forecast_assets.dagster_internals import storage as module
from forecast_assets.dagster_internals.run_storage import PlainRunStorage
from forecast_assets.dagster_internals.storage import BatchedPostgresEventLogStorage, ForecastStorage
from forecast_assets.stores import database
from forecast_assets.stores.locks import LockNumber
from forecast_assets_tests.dagster_internals.conftest import in_schema
from forecast_assets_tests.stores.members import until

AWKWARD = (
    'tab\t, line\n, return\r, \\, \\n, "quoted", <the subject of this event>, -0.123456789, é \N{SNOWMAN}'
)
TABLES = {
    "event_logs": "id",
    "asset_keys": "asset_key",
    "asset_event_tags": "event_id, key",
    "asset_check_executions": "evaluation_event_storage_id",
}
CLOCK = count()
ACCIDENTAL = {"asset_keys": {"id", "create_timestamp"}, "asset_check_executions": {"create_timestamp"}}


def entry(event_type: str, data: Any, *, message: str = "", step: str = "step") -> dg.EventLogEntry:
    event = DagsterEvent(
        event_type_value=event_type,
        job_name="job",
        event_specific_data=data,
        message=message,
        step_key=step,
        logging_tags={"run_id": "r", "step_key": step},
    )
    return dg.EventLogEntry(
        error_info=None,
        level=10,
        user_message=message,
        run_id="11111111-2222-3333-4444-555555555555",
        timestamp=1_790_000_000.1 + next(CLOCK),
        step_key=step,
        job_name="job",
        dagster_event=event,
    )


def planned(asset: str, partition: str | None) -> dg.EventLogEntry:
    data = AssetMaterializationPlannedData(dg.AssetKey(asset), partition=partition)
    return entry("ASSET_MATERIALIZATION_PLANNED", data, message=f"intends to materialize {asset}")


def materialized(asset: str, partition: str | None, **more: Any) -> dg.EventLogEntry:
    what = dg.AssetMaterialization(asset, partition=partition, **more)
    return entry("ASSET_MATERIALIZATION", StepMaterializationData(what), message=more.get("description", ""))


def observed(asset: str, partition: str | None, **more: Any) -> dg.EventLogEntry:
    what = dg.AssetObservation(asset, partition=partition, **more)
    return entry("ASSET_OBSERVATION", AssetObservationData(what))


def check_planned(asset: str) -> dg.EventLogEntry:
    return entry(
        "ASSET_CHECK_EVALUATION_PLANNED",
        AssetCheckEvaluationPlanned(asset_key=dg.AssetKey(asset), check_name="sound"),
        step="checks",
    )


def a_bit_of_everything() -> list[list[dg.EventLogEntry]]:
    version = {"dagster/data_version": "v1", "not/indexed": "x"}
    table = dg.MetadataValue.table([dg.TableRecord({"a": 1, "b": AWKWARD})])
    return [
        [planned("backtest", key) for key in "abc"] + [planned("champion", key) for key in "abc"],
        [
            planned("backtest", "d"),
            check_planned("backtest"),
            planned("champion", None),
            check_planned("panel"),
        ],
        [materialized("backtest", key, metadata={"wape": 1.5, "folds": 3}) for key in "abc"],
        [
            materialized("champion", "a", metadata={"why": AWKWARD, "rows": table}, description=AWKWARD),
            materialized("champion", AWKWARD, tags=version, metadata={"nan": float("nan"), "none": None}),
            observed("champion", "c", tags={"dagster/data_version": "v2"}),
            materialized("backtest", "c", tags=version),
            planned("backtest", "a"),
        ],
        [
            observed("panel", None),
            observed("backtest", "b", metadata={"at": dg.MetadataValue.timestamp(0.5)}),
        ],
        [materialized("panel", None, metadata={"schema": dg.TableSchema([])})],
    ]


@pytest.fixture
def stock(database_url: str) -> PostgresEventLogStorage:
    return PostgresEventLogStorage(in_schema(database_url, "stock"))


def rows(log: PostgresEventLogStorage, table: str) -> list[dict[str, Any]]:
    with log.index_connection() as connection:
        query = f"select * from {table} order by {TABLES[table]}"  # noqa: S608 - our own names
        records = connection.exec_driver_sql(query).mappings()
        hidden = ACCIDENTAL.get(table, set())
        return [{name: value for name, value in row.items() if name not in hidden} for row in records]


def singly(log: PostgresEventLogStorage, events: Sequence[dg.EventLogEntry]) -> None:
    for event in events:
        log.store_event(event)


@pytest.mark.parametrize("store", [BatchedPostgresEventLogStorage.store_event_batch, singly])
def test_every_row_is_the_stock_row(
    stock: PostgresEventLogStorage,
    ours: BatchedPostgresEventLogStorage,
    store: Callable[[PostgresEventLogStorage, Sequence[dg.EventLogEntry]], None],
) -> None:
    for batch in a_bit_of_everything():
        singly(stock, batch)
        store(ours, batch)
    for table in TABLES:
        assert rows(ours, table) == rows(stock, table), table
        assert rows(ours, table)


def ended(event_type: str) -> dg.EventLogEntry:
    return entry(event_type, None)


@pytest.mark.parametrize(
    ("how", "left"), [("PIPELINE_SUCCESS", ["b", None]), ("PIPELINE_FAILURE", [*"ab", None])]
)
def test_plans_of_materialized_partitions_go_when_their_run_succeeds(
    ours: BatchedPostgresEventLogStorage, how: str, left: list[str | None]
) -> None:
    asset, other = dg.AssetKey("backtest"), "99999999-2222-3333-4444-555555555555"
    ours.store_event_batch([planned("backtest", key)._replace(run_id=other) for key in "ab"])
    ours.store_event_batch([planned("backtest", key) for key in ("a", "b", None)])
    ours.store_event_batch([materialized("backtest", "a"), materialized("champion", "b")])
    ours.store_event(ended(how))
    plans = [row for row in rows(ours, "event_logs") if "PLANNED" in row["dagster_event_type"]]
    assert [row["partition"] for row in plans if row["run_id"] != other] == left
    assert [row["partition"] for row in plans if row["run_id"] == other] == ["a", "b"]
    # The run that touched a partition last is the same as ever, and what was not materialized stays red.
    newest = [ours.get_latest_planned_materialization_info(asset, key) for key in "ab"]
    assert [one.run_id != other for one in newest if one] == [True, True]
    attempts = ours.get_latest_asset_partition_materialization_attempts_without_materializations(asset)
    assert list(attempts) == ["b"]


def test_an_event_of_a_kind_nobody_foresaw_takes_the_stock_way(ours: BatchedPostgresEventLogStorage) -> None:
    ours.store_event(entry("STEP_START", None))
    assert [row["dagster_event_type"] for row in rows(ours, "event_logs")] == ["STEP_START"]


def cuts(engine: sa.Engine, word: str) -> list[int]:
    """Cut the connection of the first statement that begins with ``word``; the server's process, once cut."""
    cut: list[int] = []

    def strike(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
        driver = connection.connection.dbapi_connection
        if not cut and statement.lower().startswith(word) and driver is not None:
            cut.append(driver.get_backend_pid())
            with sa.create_engine(engine.url, poolclass=sa.NullPool).connect() as other:
                other.exec_driver_sql("select pg_terminate_backend(%s, 5000)", (cut[0],))

    sa.event.listen(engine, "before_cursor_execute", strike)
    return cut


@pytest.mark.parametrize("word", ["insert", "delete"])
def test_what_is_cut_while_a_run_ends_is_done_over_another_connection(
    ours: BatchedPostgresEventLogStorage, word: str
) -> None:
    ours.store_event_batch([planned("backtest", "a"), materialized("backtest", "a")])
    cut = cuts(ours._engine, word)
    ours.store_event(ended("PIPELINE_SUCCESS"))
    assert cut
    stored = [row["dagster_event_type"] for row in rows(ours, "event_logs")]
    assert stored == ["ASSET_MATERIALIZATION", "PIPELINE_SUCCESS"]


def test_a_batch_costs_a_handful_of_statements(ours: BatchedPostgresEventLogStorage) -> None:
    ours.store_event_batch([planned("backtest", "warm up")])
    seen: list[str] = []
    sa.event.listen(ours._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    ours.store_event_batch([planned(asset, str(n)) for n in range(50) for asset in ("backtest", "champion")])
    assert len(seen) <= 6, seen


def test_a_batch_that_fails_half_way_leaves_no_row(
    ours: BatchedPostgresEventLogStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(ours, "_store_asset_event", refuse)
    with pytest.raises(ConnectionError):
        ours.store_event_batch(
            [materialized("backtest", key, tags={"dagster/data_version": "1"}) for key in "ab"]
        )
    assert rows(ours, "event_logs") == rows(ours, "asset_event_tags") == []


def test_nobody_draws_ids_of_an_asset_while_smaller_ones_are_uncommitted(
    ours: BatchedPostgresEventLogStorage,
) -> None:
    second = threading.Thread(target=ours.store_event, args=[materialized("backtest", "b")])
    with ours.index_transaction() as first:
        first.exec_driver_sql(module._LOCK_ASSETS, (LockNumber.ASSET_EVENTS, ['["backtest"]']))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        ours.store_event(materialized("champion", "b"))  # another asset need not wait
    second.join(10)
    assert [row["asset_key"] for row in rows(ours, "event_logs")] == ['["champion"]', '["backtest"]']


def test_runs_that_write_the_same_assets_in_another_order_do_not_deadlock(
    ours: BatchedPostgresEventLogStorage,
) -> None:
    def write(assets: Sequence[str]) -> int:
        for n in range(10):
            ours.store_event_batch([materialized(asset, str(n)) for asset in assets for _ in range(20)])
        return len(assets)

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(write, [("a", "b", "c"), ("c", "b", "a"), ("b",)])) == [3, 3, 1]
    assert len(rows(ours, "event_logs")) == 10 * 20 * 7


def test_dagster_yaml_needs_no_more_than_the_name(batched_instance: dg.DagsterInstance) -> None:
    assert isinstance(batched_instance.event_log_storage, BatchedPostgresEventLogStorage)
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "1000"


def test_a_batch_size_of_the_environment_is_respected(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "7")
    ForecastStorage(in_schema(database_url, "dagster"))
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "7"


def test_of_two_first_commands_one_makes_the_tables_and_nothing_is_said_of_it(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = in_schema(database_url, "fresh")
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    waiting += " and database = (select oid from pg_database where datname = current_database())"
    with ThreadPoolExecutor() as threads:
        with database.connected(sa.make_url(url)) as first:
            first.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LockNumber.DAGSTER_TABLES})
            others = [threads.submit(ForecastStorage, url) for _ in range(2)]
            until(lambda: first.exec_driver_sql(waiting).scalar() == len(others))
        assert [other.result().run_storage.get_runs_count() for other in others] == [0, 0]
    assert not caplog.records


@pytest.mark.parametrize(
    "storage_of",
    [
        lambda ref: dg.DagsterInstance.from_ref(ref).event_log_storage,
        lambda ref: ref.event_storage._storage.event_log_storage,
    ],
)
def test_another_process_gets_the_same_storage(
    batched_instance: dg.DagsterInstance, storage_of: Callable[[InstanceRef], object]
) -> None:
    sent = serialize_value(batched_instance.get_ref())
    assert isinstance(storage_of(deserialize_value(sent, InstanceRef)), BatchedPostgresEventLogStorage)


def test_what_is_read_of_partitions_is_what_the_stock_class_reads(
    ours: BatchedPostgresEventLogStorage,
) -> None:
    stock = PostgresEventLogStorage(ours.postgres_url, should_autocreate_tables=False)
    for batch in a_bit_of_everything():
        ours.store_event_batch(batch)
    ours.add_dynamic_partitions("series", [*"abc", AWKWARD])
    ours.add_dynamic_partitions("other", ["d"])
    for keys in ([], ["a"], [*"abcd", AWKWARD, "a"]):
        assert ours.get_existing_dynamic_partitions("series", keys) == (
            stock.get_existing_dynamic_partitions("series", keys)
        )
    assert set(ours.get_dynamic_partitions("series")) == set(stock.get_dynamic_partitions("series"))
    unfinished = "get_latest_asset_partition_materialization_attempts_without_materializations"
    seen = []
    for asset in map(dg.AssetKey, ("backtest", "champion", "panel", "nothing")):
        ids = [
            0,
            *ours.get_latest_storage_id_by_partition(asset, DagsterEventType.ASSET_MATERIALIZATION).values(),
        ]
        for after in (None, *ids):
            seen.append(getattr(ours, unfinished)(asset, after))
            assert seen[-1] == getattr(stock, unfinished)(asset, after)
    ours.wipe_asset(dg.AssetKey("backtest"))
    assert getattr(ours, unfinished)(dg.AssetKey("backtest")) == {}
    assert {"a", "d"} <= seen[0].keys()


def test_looking_at_a_run_costs_one_statement(batched_instance: dg.DagsterInstance) -> None:
    runs = batched_instance.run_storage
    assert isinstance(runs, PlainRunStorage)
    nobody = dg.RunsFilter(run_ids=["11111111-2222-3333-4444-555555555555"])
    runs.get_run_records(nobody)
    seen: list[str] = []
    sa.event.listen(runs._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert not runs.get_run_records(nobody)
    assert len(seen) == 1, seen


@pytest.mark.parametrize("word", ["select", "update"])
def test_a_run_ends_though_its_connection_is_cut(batched_instance: dg.DagsterInstance, word: str) -> None:
    run = batched_instance.create_run_for_job(dg.GraphDefinition(name="job").to_job())
    runs, success = batched_instance.run_storage, ended("PIPELINE_SUCCESS").get_dagster_event()
    assert isinstance(runs, PlainRunStorage)
    runs.get_runs()
    cut = cuts(runs._engine, word)
    runs.handle_run_event(run.run_id, success)
    assert cut
    ended_run = batched_instance.get_run_by_id(run.run_id)
    assert ended_run is not None
    assert ended_run.status == dg.DagsterRunStatus.SUCCESS
