"""A server that is given instead of the embedded one, and what is in it."""

import shutil
import socket
import tempfile
import traceback
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from forecast_assets.dagster_internals.storage import ForecastStorage
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores import cluster, database
from forecast_assets.stores.database import connected, dagster_url, database_url, migrate, warehouse_url
from forecast_assets.stores.locks import LockNumber
from forecast_assets.stores.resource import open_stores
from forecast_assets.stores.rows.datasets import DatasetsRow
from forecast_assets_tests.stores.members import Member, servers_below, until

CANARY = "canary-4711"


@pytest.fixture(scope="module")
def tcp_server() -> Iterator[sa.URL]:
    """A server of its own on a loopback port, which asks for a password."""
    outer = Path(tempfile.mkdtemp(prefix="fa-", dir="/tmp"))
    folder = outer / "given"
    cluster.create(folder)
    secret = f"alter role postgres password '{CANARY}'\n"
    cluster._run(folder, "postgres", "--single", "-c", "exit_on_error=true", "postgres", stdin=secret)
    (folder / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
    cluster._run(folder, "pg_ctl", "start", "-w", "-l", "log", "-o", options)
    try:
        yield sa.URL.create("postgresql", "postgres", CANARY, "127.0.0.1", port, "forecast")
    finally:
        cluster._run(folder, "pg_ctl", "stop", "-w", "-m", "immediate")
        _, left = psutil.wait_procs(servers_below(outer), timeout=10)
        assert not left
        shutil.rmtree(outer)


@pytest.fixture
def give(monkeypatch, tmp_path):
    """Let FORECAST_DATABASE_URL name a server."""
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))

    def set_url(url: sa.URL | str) -> None:
        text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
        monkeypatch.setenv("FORECAST_DATABASE_URL", text)

    return set_url


def traceback_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_a_given_server_serves_stores_and_dagster_and_nothing_is_embedded(tcp_server, give, tmp_path):
    give(tcp_server)
    stores = open_stores()
    assert stores.warehouse.rows(DatasetsRow) == []
    stores.warehouse.dispose()
    assert ForecastStorage(dagster_url()).run_storage.get_runs_count() == 0
    assert not (tmp_path / "home").exists()
    with connected(warehouse_url()) as connection:
        assert connection.exec_driver_sql("select inet_server_port()").scalar() == tcp_server.port


def test_a_wrong_password_is_an_outage_that_does_not_show_it(tcp_server, give):
    give(tcp_server.set(password=f"{CANARY}-wrong"))
    with pytest.raises(Outage, match="password authentication failed") as refused:
        database_url()
    assert "FORECAST_DATABASE_URL" in refused.value.remedy
    assert CANARY not in traceback_of(refused.value)


def test_a_server_that_does_not_answer_is_an_outage(tcp_server, give):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    give(tcp_server.set(port=port))
    with pytest.raises(Outage, match="Connection refused") as refused:
        database_url()
    assert f"127.0.0.1:{port}, database forecast" in refused.value.problem
    assert CANARY not in traceback_of(refused.value)


def test_an_unknown_database_is_an_outage(tcp_server, give):
    give(tcp_server.set(database="elsewhere"))
    with pytest.raises(Outage, match='"elsewhere" does not exist'):
        database_url()


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://me:{CANARY}@host/db",
        f"sqlite:///{CANARY}",
        f"nonsense://me:{CANARY}@host/db",
        f"postgresql://me:p@{CANARY}@host/db",
        f"postgresql://me:{CANARY}/x@y@host/db",
        f"postgresql://me@host:{CANARY}/db",
        f"postgresql://me:{CANARY}@host",
        f"host=somewhere password={CANARY}",
        CANARY,
    ],
)
def test_what_is_no_postgresql_url_is_refused_without_showing_it(text, give):
    give(text)
    with pytest.raises(BadSetting, match="FORECAST_DATABASE_URL") as refused:
        database_url()
    assert "postgresql://user:password@host:port/database" in refused.value.remedy
    assert CANARY not in traceback_of(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_other_spellings_of_postgresql_are_understood(scheme, give, database_url):
    give(database_url.replace("postgresql:", f"{scheme}:"))
    assert database.database_url().drivername == "postgresql"


def test_options_of_the_given_url_are_kept(give, database_url):
    give(sa.make_url(database_url).update_query_dict({"options": "-cstatement_timeout=4711"}))
    with connected(warehouse_url()) as connection:
        assert connection.exec_driver_sql("show statement_timeout").scalar() == "4711ms"
        assert connection.exec_driver_sql("show search_path").scalar() == "forecast"


@pytest.fixture
def poor(database_url) -> Iterator[sa.URL]:
    """The URL of a role that may connect and nothing else."""
    url = sa.make_url(database_url)
    name = f"poor_{uuid.uuid4().hex[:8]}"  # roles belong to the server that all tests share
    with connected(url) as connection:
        connection.exec_driver_sql(f"create role {name} login")
    try:
        yield url.set(username=name)
    finally:
        with connected(url) as connection:
            connection.exec_driver_sql(f"drop owned by {name}; drop role {name}")


def test_a_role_that_may_not_create_is_told_what_it_needs(poor, give):
    give(poor)
    with pytest.raises(BadSetting, match=r"'poor_.*' may not") as refused:
        database_url()
    assert "grant create" in refused.value.remedy


def test_a_role_with_few_rights_works_once_the_owner_has_prepared_the_database(poor, give):
    owner = poor.set(username="postgres")
    database._prepare(owner)
    with connected(owner) as connection:
        connection.exec_driver_sql(f"grant usage on schema forecast to {poor.username}")
        rights = "select, insert on all tables in schema forecast"
        connection.exec_driver_sql(f"grant {rights} to {poor.username}")
    give(poor)
    stores = open_stores()
    assert stores.warehouse.rows(DatasetsRow) == []
    stores.warehouse.dispose()


def tables(connection: sa.Connection) -> set[str]:
    names = sa.inspect(connection).get_table_names(schema="forecast")
    return set(names) - {"alembic_version"}


def test_migrations_go_up_and_down_and_up_again(database_url):
    url = sa.make_url(database_url)
    database._prepare(url)
    with connected(database._in_schema(url, "forecast")) as connection:
        tables_before = tables(connection)
        assert tables_before
        migrate(connection, "base")
        assert tables(connection) == set()
    database._prepare(url)
    with connected(url) as connection:
        assert tables(connection) == tables_before


def test_a_database_that_is_ahead_of_the_code_is_refused(database_url):
    url = sa.make_url(database_url)
    database._prepare(url)
    with connected(url) as connection:
        connection.exec_driver_sql("update forecast.alembic_version set version_num = '9999_future'")
    with pytest.raises(BadSetting, match="9999_future, newer than this code") as refused:
        database._prepare(url)
    assert "upgrade" in refused.value.remedy


def test_a_failed_migration_leaves_nothing_behind(database_url, monkeypatch):
    url = sa.make_url(database_url)
    real_migrate = database.migrate

    def broken(connection: sa.Connection, revision: str) -> None:
        real_migrate(connection, revision)
        raise RuntimeError("half-way")

    monkeypatch.setattr(database, "migrate", broken)
    with pytest.raises(RuntimeError, match="half-way"):
        database._prepare(url)
    with connected(url) as connection:
        assert tables(connection) == set()
    monkeypatch.undo()
    database._prepare(url)


def test_of_two_that_migrate_at_once_one_waits_for_the_other(database_url, tmp_path):
    url = sa.make_url(database_url)
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    waiting += " and database = (select oid from pg_database where datname = current_database())"
    env = {"FORECAST_DATABASE_URL": database_url}
    with connected(url) as first:
        first.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LockNumber.MIGRATION})
        members = [Member(tmp_path, env=env).tell("select version_num from forecast.alembic_version")]
        members.append(Member(tmp_path, env=env).tell("select version_num from forecast.alembic_version"))
        until(lambda: first.exec_driver_sql(waiting).scalar() == 2)
        assert tables(first) == set()
    assert [member.answer() for member in members] == [database.newest_revision()] * 2
    assert [member.leave() for member in members] == [0, 0]
