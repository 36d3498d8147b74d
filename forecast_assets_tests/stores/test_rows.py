"""Every query sends the columns of its type, and a type that differs is refused by name."""

import datetime as dt
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, TypedDict, get_args, get_type_hints

import pytest
import sqlalchemy as sa

from forecast_assets.forecasting.core import availability, metrics, ranking
from forecast_assets.stores import rows
from forecast_assets.stores.database import SQL, WAREHOUSE_SCHEMA
from forecast_assets.stores.rows import columns_of, compare, query_of, values
from forecast_assets_tests.conftest import fresh_database, in_schema

QUERIES = {path.stem: path for path in sorted((SQL / "queries").glob("*.sql"))}
# Those of MLflow's own tables: test_registry_rows has the server for them.
OURS = sorted(name for name in QUERIES if not name.startswith("mlflow_"))
TYPES = {
    query_of(kind): kind
    for module in pkgutil.iter_modules(rows.__path__)
    for name, kind in vars(importlib.import_module(f"{rows.__name__}.{module.name}")).items()
    if name.endswith("Row")
}
# They lock rows, and nobody reads what they send.
UNREAD = {"hold_promotions", "launch_locked", "mlflow_lock_models"}
# What statements stage before they run.
STAGED = {
    "demote_champions": "create temp table staged (series text)",
    "retire_forecasts": "create temp table staged (series text)",
    "forget_metrics": "create temp table staged (series text)",
    "launch_record": "create temp table staged as select * from launch_item limit 0",
    "spent_runs": "create temp table kept_event (id bigint)",
    "superseded_events": "create temp table kept_event (id bigint)",
    "delete_superseded_events": "create temp table kept_event (id bigint)",
    "delete_superseded_checks": "create temp table kept_event (id bigint)",
}
# The query leaves the nulls out that the column of its table allows.
FILTERED = {
    ("champion_labels", "champion"),
    ("fold_paths", "path"),
    ("retraining_candidates", "champion"),
    ("rolled_back_versions", "version"),
    ("spent_runs", "run_id"),
    ("run_of_dagster", "run_id"),
    ("run_of_dagster", "job"),
    ("run_of_dagster", "status"),
    ("waiting_launches", "run_id"),
    ("waiting_launches", "job"),
    ("waiting_launches", "status"),
    ("mlflow_places", "place"),
    ("ended_runs", "run_id"),
    ("ended_runs", "job"),
    ("failed_checks_of", "name"),
}


@pytest.fixture(scope="module")
def connection(postgres_url, migrated) -> Iterator[sa.Connection]:
    with fresh_database(postgres_url, migrated) as url:
        engine = sa.create_engine(in_schema(url, WAREHOUSE_SCHEMA), poolclass=sa.NullPool)
        with engine.connect() as opened:
            yield opened


def sent(connection: sa.Connection, name: str) -> Any:
    """Ask a query with null for each of its values; nothing of it stays."""
    connection.rollback()
    if name in STAGED:
        connection.exec_driver_sql(STAGED[name])
    statement = sa.text(QUERIES[name].read_text())
    return connection.execute(statement, statement.compile().params)


def check(connection: sa.Connection, name: str) -> None:
    """Compare what a query sends with the type of its rows, nulls that its tables allow included."""
    try:
        result = sent(connection, name)
    except sa.exc.IntegrityError:
        assert name not in TYPES, "a statement that needs values"
        return
    if not result.returns_rows or name in UNREAD:
        assert name not in TYPES, "it returns nothing that a type could describe"
        return
    assert name in TYPES, "give its rows a type in stores/rows"
    compare(TYPES[name], columns_of(result))
    hints = get_type_hints(TYPES[name])
    statement = sa.text("select attnotnull from pg_attribute where attrelid = :table and attnum = :number")
    for column in result.cursor.description:
        parameters = {"table": column.table_oid, "number": column.table_column}
        if column.table_oid and not connection.scalar(statement, parameters):
            is_optional = type(None) in get_args(hints[column.name])
            assert is_optional or (name, column.name) in FILTERED, f"{column.name} may be null"


@pytest.mark.parametrize("name", OURS)
def test_a_query_sends_the_columns_of_its_type(connection, name):
    check(connection, name)


def test_every_type_is_that_of_a_query():
    assert TYPES.keys() - QUERIES.keys() == {"incident", "version"}, "columns that several queries share"


class LastMovesRow(TypedDict):
    series: int
    action: str
    by: str
    to_version: int | None
    written_at: dt.datetime


def test_a_renamed_column_and_another_type_are_named(connection):
    message = r"last_moves\.sql are not those of LastMovesRow: \['approved_by', 'by', 'series'\]"
    with pytest.raises(TypeError, match=message):
        compare(LastMovesRow, columns_of(sent(connection, "last_moves")))


def test_words_of_rows_are_those_of_the_engine():
    assert get_args(values.State) == get_args(availability.State)
    assert get_args(values.Confidence) == get_args(ranking.Confidence)
    assert get_type_hints(values.Metrics).keys() == metrics.METRICS.keys()
    assert get_type_hints(values.FoldMetrics).keys() == set(metrics.BY_FOLD)
