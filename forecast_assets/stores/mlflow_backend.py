"""Where MLflow keeps its books and its files.

Belongs here: the tracking URI, MLflow's own database beside ours, made and brought up to date once.
Does not belong here: what is registered (``registry``).
"""

import os

import sqlalchemy as sa

from forecast_assets.errors import BadSetting
from forecast_assets.settings import settings
from forecast_assets.stores.cluster import DATABASE
from forecast_assets.stores.database import connected, database_url, engine, outages_raised
from forecast_assets.stores.locks import LockNumber
from forecast_assets.stores.paths import MODELS

# An MLflow server that is down must be noticed in seconds: MLflow's own defaults block for four minutes.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}


# Where MLflow's tables hold places of files.
_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def configure() -> None:
    """Let MLflow be impatient, quiet and careful in this process; it reads its settings from there only."""
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)


def tracking_uri() -> str:
    """The URI of MLflow's store: the one given, else a database beside the warehouse, ready for use.

    Raises ``Outage`` when the database does not answer, ``BadSetting`` when our role may not make it.
    """
    configure()
    configured = settings().mlflow_tracking_uri
    if configured is not None:
        return configured.get_secret_value()
    warehouse = database_url()
    own = _beside(warehouse)
    _prepare(warehouse, own)
    return own.render_as_string(hide_password=False)


def own_database(warehouse: sa.URL) -> sa.URL | None:
    """MLflow's database beside the warehouse; nothing where the environment names a server."""
    return _beside(warehouse) if settings().mlflow_tracking_uri is None else None


def _beside(warehouse: sa.URL) -> sa.URL:
    return warehouse.set(
        database="mlflow" if warehouse.database == DATABASE else f"{warehouse.database}_mlflow"
    )


def artifacts_url() -> str | None:
    """Where new experiments keep their files; nothing where an MLflow server decides."""
    configuration = settings()
    if configuration.mlflow_artifacts_url:
        return configuration.mlflow_artifacts_url
    uri = configuration.mlflow_tracking_uri
    if uri is not None and uri.get_secret_value().startswith("http"):
        return None
    return artifacts_inside()


def artifacts_inside() -> str:
    """Where the files of models lie within the lake."""
    return f"{settings().lake.rstrip('/')}/{MODELS.name}"


def artifacts_outside() -> str | None:
    """Where new experiments keep their files if that is ours and not within the lake."""
    url = artifacts_url()
    return None if url is None or f"{url}/".startswith(f"{settings().lake.rstrip('/')}/") else url


def move_artifacts(connection: sa.Connection, old: str | None, new: str) -> int:
    """Let MLflow look for files below ``new`` that it looked for below ``old``; return how many places."""
    if old is None or old == new:
        return 0
    values = {"old": f"{old.rstrip('/')}/", "new": f"{new.rstrip('/')}/"}
    return sum(
        connection.execute(
            sa.text(
                f"update {table} set {column} = :new || substr({column}, length(:old) + 1) "  # noqa: S608 - ours
                f"where starts_with({column}, :old)"
            ),
            values,
        ).rowcount
        for table, column in _PATHS
    )


def is_prepared(warehouse: sa.URL, own: sa.URL) -> bool:
    """Whether MLflow's own database is there with its tables."""
    with connected(warehouse) as connection:
        return _is_there(connection, own) and _has_tables(own)


def _prepare(warehouse: sa.URL, own: sa.URL) -> None:
    """Make MLflow's database and its tables, once, whoever comes first."""
    single = engine(warehouse, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with outages_raised(warehouse), single.connect() as connection:
        if _is_there(connection, own) and _has_tables(own):
            return
        # Of the session, because a database cannot be made inside a transaction; it ends with the block.
        connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": LockNumber.MLFLOW_TABLES})
        try:
            if not _is_there(connection, own):
                _create(connection, own)
            if not _has_tables(own):
                _upgrade(own)
        finally:
            connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": LockNumber.MLFLOW_TABLES})


def upgrade() -> None:
    """Bring MLflow's own database to the release of MLflow that is installed; of a server, its owner does."""
    if settings().mlflow_tracking_uri is not None:
        raise BadSetting(
            "the MLflow server's database is of another release than the installed MLflow",
            remedy="let its owner run `mlflow db upgrade`, or install the server's release",
        )
    warehouse = database_url()
    own = sa.make_url(tracking_uri())
    with connected(warehouse) as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LockNumber.MLFLOW_TABLES})
        _upgrade(own)


def _is_there(connection: sa.Connection, own: sa.URL) -> bool:
    query = sa.text("select 1 from pg_database where datname = :name")
    return connection.scalar(query, {"name": own.database}) is not None


def _create(connection: sa.Connection, own: sa.URL) -> None:
    quoted = '"' + str(own.database).replace('"', '""') + '"'
    try:
        connection.exec_driver_sql(f"create database {quoted}")
    except sa.exc.ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != "42501":
            raise
        raise BadSetting(
            f"the role {own.username!r} may not create the database {own.database!r} for MLflow",
            remedy=f"let an administrator create it with {own.username!r} as owner, "
            "or name a server in MLFLOW_TRACKING_URI",
        ) from None


def _has_tables(own: sa.URL) -> bool:
    """Whether MLflow's tables were completed once: their migrations leave their mark when all are done."""
    with connected(own) as connection:
        if connection.scalar(sa.text("select to_regclass('alembic_version')")) is None:
            return False
        return bool(connection.scalar(sa.text("select count(*) from alembic_version")))


def _check_place(own: sa.URL) -> None:
    """Refuse a database in which sessions see no schema: MLflow would show an error of SQL."""
    with connected(own) as connection:
        if connection.scalar(sa.text("select current_schema()")) is None:
            path = connection.scalar(sa.text("show search_path"))
            raise BadSetting(
                f"MLflow's tables have no place in the database {own.database!r}: it has no schema of the "
                f"search path {path!r}",
                remedy="leave -csearch_path out of FORECAST_DATABASE_URL, and search_path out of the "
                "settings of its role: every store has a schema of its own",
            )


def _upgrade(own: sa.URL) -> None:
    from mlflow.db import commands  # noqa: PLC0415 - seconds that only a first start should cost

    _check_place(own)
    # What `mlflow db upgrade` does, without a password on a command line.
    with outages_raised(own):
        commands.commands["upgrade"].main([own.render_as_string(hide_password=False)], standalone_mode=False)
