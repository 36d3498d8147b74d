"""Which PostgreSQL, and what is in it?

Belongs here: addressing the embedded or a given server, schemas and migrations, failures told in sentences.
Does not belong here: any question asked of the data (``warehouse``), and running a server (``embedded``).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psycopg2
import sqlalchemy as sa

from forecast_assets.errors import BadSetting, ForecastError, Outage
from forecast_assets.settings import settings
from forecast_assets.stores.locks import LockNumber
from forecast_assets.stores.pooling import refuse_shared_sessions

SQL = next(p / "sql" for p in (Path(__file__).parents[1], Path(__file__).parents[2]) if (p / "sql").is_dir())
WAREHOUSE_SCHEMA = "forecast"
DAGSTER_SCHEMA = "dagster"
RESTORE_MARKER = "forecast_restore"  # a schema that is there while a restore is; its comment says which
_restores: ContextVar[bool] = ContextVar("restores", default=False)
_BEGUN = sa.text("select obj_description(to_regnamespace(:name)::oid, 'pg_namespace')")
# A server that is cut off must be noticed in a minute, not in the two hours of the system's default.
_NOTICE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_REMEDIES = {
    "25006": "it only reads, perhaps as a standby: let FORECAST_DATABASE_URL name the primary server",
    "40P01": "two runs wrote the same rows in a different order: launch again",
    "55P03": "others use its tables: stop the daemon, the web server and all runs first",
    "53100": "its disk is full: free space, then launch again",
    "53300": "it has no connection left: lower max_concurrent_runs or raise its max_connections",
}


def database_url() -> sa.URL:
    """Return the server's URL, after bringing the schemas up to date.

    Raises ``BadSetting`` when FORECAST_DATABASE_URL is not a PostgreSQL URL or its role may not do what is
    needed, and ``Outage`` when the server does not answer.
    """
    configured = settings().database_url
    if configured is None:
        from forecast_assets.stores import embedded  # noqa: PLC0415 - a given server needs none of it

        url = embedded.join(settings().home)
    else:
        url = _parsed(configured.get_secret_value())
    _prepare(url)
    return url


@contextmanager
def during_restore() -> Iterator[None]:
    """Let this context use a database whose restore has not ended."""
    token = _restores.set(True)
    try:
        yield
    finally:
        _restores.reset(token)


def warehouse_url() -> sa.URL:
    """URL whose connections see the schema ``forecast``."""
    return _in_schema(database_url(), WAREHOUSE_SCHEMA)


def dagster_url() -> str:
    """URL for Dagster's own storage: the same database, schema ``dagster``."""
    return _in_schema(database_url(), DAGSTER_SCHEMA).render_as_string(hide_password=False)


def engine_of_dagster(url: str) -> sa.Engine:
    """Return an engine that keeps one connection open, and opens more only while they are in use."""
    return engine(url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=-1, pool_pre_ping=True)


def engine(url: sa.URL | str, **options: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's
    """An engine whose connections begin without asking the server for a type that nobody here uses."""
    return sa.create_engine(url, use_native_hstore=False, **options)


def stop_embedded(home: Path) -> bool:
    """Stop the embedded server of ``home`` whoever uses it; return whether there was one to stop."""
    from forecast_assets.stores import embedded  # noqa: PLC0415 - a given server needs none of it

    return embedded.stop(home)


def _parsed(text: str) -> sa.URL:
    """Read a URL without ever repeating it: a password that breaks it would be shown."""
    remedy = (
        "write FORECAST_DATABASE_URL as postgresql://user:password@host:port/database, "
        "with %40 for @ and %2F for / in the password"
    )
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise BadSetting("FORECAST_DATABASE_URL cannot be read as a URL", remedy=remedy) from None
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise BadSetting(f"FORECAST_DATABASE_URL is for {url.get_backend_name()}", remedy=remedy)
    if "@" in (url.host or "") or not url.database:
        raise BadSetting("FORECAST_DATABASE_URL names no host or no database", remedy=remedy)
    missing = {name: value for name, value in _NOTICE.items() if name not in url.query}
    return url.set(drivername="postgresql").update_query_dict(missing)


def _in_schema(url: sa.URL, schema: str) -> sa.URL:
    asked_options = url.query.get("options", ())
    options = [asked_options] if isinstance(asked_options, str) else list(asked_options)
    return url.update_query_dict({"options": " ".join([*options, f"-csearch_path={schema}"]).lstrip()})


def _prepare(url: sa.URL) -> None:
    """Create the schemas and bring the warehouse to the newest migration, once, whoever comes first."""
    try:
        if settings().database_url is not None:
            with outages_raised(url):
                refuse_shared_sessions(_in_schema(url, WAREHOUSE_SCHEMA), WAREHOUSE_SCHEMA)
        with connected(url) as connection:
            if _is_current(connection):
                return
            # Held until the commit, so that whoever comes second finds the work done.
            connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LockNumber.MIGRATION})
            if _is_current(connection):
                return
            for schema in (WAREHOUSE_SCHEMA, DAGSTER_SCHEMA):
                connection.exec_driver_sql(f"create schema if not exists {schema}")
            connection.exec_driver_sql(f"set local search_path = {WAREHOUSE_SCHEMA}")
            migrate(connection, "head")
    except sa.exc.ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != "42501":
            raise
        raise BadSetting(
            f"the role {url.username!r} may not bring {_place(url)} up to date: {_first_line(error.orig)}",
            remedy=f"start once as the owner of the database, or grant create on it to {url.username!r}",
        ) from None


def newest_revision() -> str:
    """The revision this code expects: the last file under ``sql/migrations/versions``."""
    return max(path.stem for path in (SQL / "migrations" / "versions").glob("[0-9]*.py"))


def migrate(connection: sa.Connection, target: str) -> None:
    """Move the schema of ``connection`` up or down to ``target`` (``head``, ``base`` or a revision)."""
    from alembic import command  # noqa: PLC0415 - half a second that only a migration should cost
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SQL / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    current = revision(connection)
    down = target == "base" or (current is not None and target != "head" and target < current)
    (command.downgrade if down else command.upgrade)(config, target)


def _is_current(connection: sa.Connection) -> bool:
    """Whether there is nothing to migrate. Raises ``BadSetting`` when the database is ahead of the code.

    Raises ``Outage`` when a restore was begun and has not ended, to everybody but that restore.
    """
    begun = connection.scalar(_BEGUN, {"name": RESTORE_MARKER})
    if begun is not None and not _restores.get():
        note = json.loads(begun)
        raise Outage(
            f"a restore of {note['folder']} was begun at {note['begun_at']} and has not ended",
            remedy="wait for it, or if it was killed, call "
            f"`forecast-assets state restore {note['folder']} --yes` again",
        )
    current, newest = revision(connection), newest_revision()
    if current is not None and current > newest:
        raise BadSetting(
            f"the database is at revision {current}, newer than this code ({newest})",
            remedy="upgrade forecast_assets on this machine",
        )
    return current == newest


def revision(connection: sa.Connection) -> str | None:
    """The revision of the warehouse's schema, or nothing where there is none."""
    table = f"{WAREHOUSE_SCHEMA}.alembic_version"
    if connection.scalar(sa.text("select to_regclass(:table)"), {"table": table}) is None:
        return None
    number = connection.scalar(sa.text("select version_num from forecast.alembic_version"))
    return None if number is None else str(number)


@contextmanager
def connected(url: sa.URL) -> Iterator[sa.Connection]:
    """One transaction on a connection of its own; an unreachable server raises ``Outage``."""
    with outages_raised(url), engine(url, poolclass=sa.NullPool).begin() as connection:
        yield connection


@contextmanager
def alone(url: sa.URL) -> Iterator[None]:
    """One backup, restore, mending or trimming at a time: they would take files from under each other.

    Raises ``BadSetting`` when another one runs. A killed one leaves no lock behind.
    """
    with connected(url) as connection:
        if not connection.scalar(
            sa.text("select pg_try_advisory_xact_lock(:key)"), {"key": LockNumber.MAINTENANCE}
        ):
            raise BadSetting(
                "another backup, restore, mending or trimming is running", remedy="wait until it has ended"
            )
        yield


@contextmanager
def outages_raised(url: sa.URL) -> Iterator[None]:
    """Translate what the server or the way to it is to blame for into ``Outage``.

    Other database errors pass through: they are defects of ours.
    """
    try:
        yield
    except ForecastError:
        raise
    except sa.exc.TimeoutError as error:
        raise Outage(
            f"all connections of this process to {_place(url)} stay in use",
            remedy="launch again with fewer FORECAST_PROCESSES",
        ) from error
    except (sa.exc.DBAPIError, psycopg2.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        code = getattr(cause, "pgcode", None)
        lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
        if not lost and code not in _REMEDIES and not isinstance(cause, psycopg2.OperationalError):
            raise
        usual = "check that it runs and that FORECAST_DATABASE_URL is right, then launch again"
        raise Outage(
            f"{_place(url)} fails: {_first_line(cause)}", remedy=_REMEDIES.get(code or "", usual)
        ) from error


def _place(url: sa.URL) -> str:
    server = url.host or url.query.get("host") or "this machine"
    return f"PostgreSQL at {server}{f':{url.port}' if url.port else ''}, database {url.database}"


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0] or "no reason given"
