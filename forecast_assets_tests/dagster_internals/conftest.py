"""A Dagster instance that keeps its books in a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage

from forecast_assets.dagster_internals.storage import BatchedPostgresEventLogStorage
from forecast_assets.stores import database
from forecast_assets_tests.conftest import fresh_database

DAGSTER_YAML = """
storage:
  custom:
    module: forecast_assets.dagster_internals.storage
    class: ForecastStorage
    config: {}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
telemetry:
  enabled: false
"""


@pytest.fixture(autouse=True)
def _no_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")  # so that monkeypatch knows to undo what follows
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")


@pytest.fixture(scope="session")
def _template(postgres_url: sa.URL) -> Iterator[str]:
    """A database with Dagster's tables in three schemas; to make them takes half a second each time."""
    with fresh_database(postgres_url) as url:
        for schema in ("dagster", "stock", "ours"):
            DagsterPostgresStorage(in_schema(url, schema))
        yield str(sa.make_url(url).database)


@pytest.fixture
def database_url(postgres_url: sa.URL, _template: str) -> Iterator[str]:
    with fresh_database(postgres_url, _template) as url:
        yield url


@pytest.fixture
def ours(database_url: str) -> BatchedPostgresEventLogStorage:
    return BatchedPostgresEventLogStorage(in_schema(database_url, "ours"))


@pytest.fixture
def batched_instance(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """What everybody gets whose dagster.yaml names our storage."""
    monkeypatch.setattr(database, "dagster_url", lambda: in_schema(database_url, "dagster"))
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def in_schema(database_url: str, schema: str) -> str:
    """Create a schema and address it."""
    engine = sa.create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create schema if not exists {schema}")
    url = sa.make_url(database_url).update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)
