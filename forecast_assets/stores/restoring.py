"""Putting a backup in the place of what is there now.

Belongs here: the order of a restore, its marker, proving that it arrived.
Does not belong here: what a backup holds (``backup``).

Files come before rows. The rows of all databases are replaced in transactions that are committed when the
last of them is complete, so that a restore that fails leaves the rows as they were. A restore that is killed
leaves its marker: until it is called again, nobody else gets at the database.
"""

import gzip
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores import mlflow_backend
from forecast_assets.stores.backup import (
    ARTIFACTS,
    FILES,
    MLFLOW_SCHEMA,
    Manifest,
    aliases_of,
    check,
    places,
    registry_kind,
)
from forecast_assets.stores.database import (
    DAGSTER_SCHEMA,
    RESTORE_MARKER,
    WAREHOUSE_SCHEMA,
    alone,
    connected,
    migrate,
)
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.paths import MODELS
from forecast_assets.stores.roles import grant, granted
from forecast_assets.stores.tables import TableRows, empty, read_rows, set_sequences

_OLD_DUMP = "database.sql.gz"
_ROWS_BEGIN = re.compile(r'COPY (forecast|dagster)\.("?)(\w+)\2 \((.+)\) FROM stdin;\n')
_SEQUENCE = re.compile(r"SELECT pg_catalog\.setval\('((?:forecast|dagster)\.\w+)', (\d+), true\);\n")


def restore(url: sa.URL, lake: Lake, folder: Path) -> Manifest:
    """Replace the rows of every store by those of the backup, and put its files into the lake.

    Nothing is touched unless the whole backup is sound. Files of the lake that no row refers to any more
    stay until the retention removes them. What lies at an MLflow server of somebody else is compared and
    never changed. Raises ``Outage`` when what arrived is not what the manifest says.
    """
    manifest = check(folder)
    with alone(url), tempfile.TemporaryDirectory() as extracted:
        source = folder
        if (folder / _OLD_DUMP).is_file() and not manifest.tables:
            source = Path(extracted)
            manifest = _of_old_dump(manifest, folder / _OLD_DUMP, source)
        roles = granted(url)
        with _marked(url, folder) as committing:
            _put_files(lake, folder, manifest)
            _put_rows(url, source, manifest, committing)
        _prove(url, lake, manifest)
        for role in roles:
            grant(url, role)
        _unmark(url)
    return manifest


def differences(url: sa.URL, manifest: Manifest) -> list[str]:
    """What an MLflow server that is not ours says otherwise than it did when the backup was made."""
    if manifest.mlflow != "server" and registry_kind(url)[0] != "server":
        return []
    return _other_aliases(url, manifest)


def _put_files(lake: Lake, folder: Path, manifest: Manifest) -> None:
    targets = dict(places(lake))
    for target in targets.values():
        # In the folder of a model, what a killed restore left would count as one of its files.
        target.remove_unfinished()
    for name in manifest.files:
        place, _, path = name.partition("/")
        if place in {FILES, ARTIFACTS}:
            # Models that lay outside of the lake and have no such place here go where new ones do.
            if place not in targets:
                place, path = FILES, MODELS.path(path)
            targets[place].write_bytes(path, (folder / name).read_bytes())


def _put_rows(url: sa.URL, folder: Path, manifest: Manifest, committing: Callable[[], None]) -> None:
    """Replace the rows of warehouse, Dagster and MLflow; ``committing`` is called when all are in place."""
    own = mlflow_backend.own_database(url)
    if own is not None and manifest.mlflow == "database":
        mlflow_backend.tracking_uri()  # makes its tables where there are none
        with connected(own) as connection:
            _replace(connection, folder, manifest, MLFLOW_SCHEMA)
            mlflow_backend.move_artifacts(connection, manifest.artifacts, _artifacts_root(manifest))
            with connected(url) as other:
                _replace_warehouse(other, folder, manifest)
                committing()
        return
    with connected(url) as connection:
        _replace_warehouse(connection, folder, manifest)
        committing()


def _artifacts_root(manifest: Manifest) -> str:
    """Where the files of models are after the restore."""
    outside = mlflow_backend.artifacts_outside()
    lies_outside = any(name.startswith(f"{ARTIFACTS}/") for name in manifest.files)
    return outside if outside and lies_outside else mlflow_backend.artifacts_inside()


def _replace_warehouse(connection: sa.Connection, folder: Path, manifest: Manifest) -> None:
    _replace(connection, folder, manifest, DAGSTER_SCHEMA)
    # Made anew at the backup's revision, and brought up to date with the rows in it.
    connection.exec_driver_sql(f"drop schema if exists {WAREHOUSE_SCHEMA} cascade")
    connection.exec_driver_sql(f"create schema {WAREHOUSE_SCHEMA}")
    connection.exec_driver_sql(f"set local search_path = {WAREHOUSE_SCHEMA}")
    migrate(connection, manifest.revision)
    _fill(connection, folder, manifest, WAREHOUSE_SCHEMA)
    migrate(connection, "head")


def _replace(connection: sa.Connection, folder: Path, manifest: Manifest, schema: str) -> None:
    empty(connection, schema)
    _fill(connection, folder, manifest, schema)


def _fill(connection: sa.Connection, folder: Path, manifest: Manifest, schema: str) -> None:
    """Rows are counted here, where nobody else can write yet; a daemon goes on once they are committed."""
    tables = [table for table in manifest.tables if table.namespace == schema]
    read_rows(connection, schema, folder, tables, exactly=schema == WAREHOUSE_SCHEMA)
    set_sequences(connection, schema, manifest.sequences)


def _prove(url: sa.URL, lake: Lake, manifest: Manifest) -> None:
    """Compare aliases and files that arrived with the manifest, over new connections."""
    wrong = []
    if manifest.mlflow == "database" and mlflow_backend.own_database(url) is not None:
        wrong += _other_aliases(url, manifest)
    for name, target in places(lake):
        present = set(target.list(""))
        wrong += [
            f"{path} is not in the {name}"
            for path in (file.partition("/")[2] for file in manifest.files if file.startswith(f"{name}/"))
            if path not in present
        ]
    if wrong:
        raise Outage(
            f"the restored state is not what was backed up, in {len(wrong):,} points: {'; '.join(wrong[:5])}",
            remedy="stop whatever else writes there, then restore again",
        )


def _other_aliases(url: sa.URL, manifest: Manifest) -> list[str]:
    now = aliases_of(url)
    return [
        f"{model}: {manifest.aliases.get(model, {})} in the backup, {now.get(model, {})} in MLflow"
        for model in sorted(manifest.aliases.keys() | now.keys())
        if manifest.aliases.get(model, {}) != now.get(model, {})
    ]


@contextmanager
def _marked(url: sa.URL, folder: Path) -> Iterator[Callable[[], None]]:
    """Say in the database that a restore has begun, until it is proved or has failed without a change."""
    note = json.dumps({"folder": str(folder), "begun_at": datetime.now(UTC).isoformat(timespec="seconds")})
    with connected(url) as connection:
        may = "select has_database_privilege(current_database(), 'create')"
        if not connection.exec_driver_sql(may).scalar():
            raise BadSetting(
                f"the role {url.username!r} may not replace the tables of database {url.database!r}",
                remedy="restore as the owner of the database",
            )
        connection.exec_driver_sql(f"create schema if not exists {RESTORE_MARKER}")
        quoted = note.replace("'", "''").replace("%", "%%")
        connection.exec_driver_sql(f"comment on schema {RESTORE_MARKER} is '{quoted}'")
    reached: list[bool] = []
    try:
        yield lambda: reached.append(True)
    except Exception:
        if not reached:
            _unmark(url)
        raise


def _unmark(url: sa.URL) -> None:
    with connected(url) as connection:
        connection.exec_driver_sql(f"drop schema if exists {RESTORE_MARKER}")


def _of_old_dump(manifest: Manifest, dump: Path, folder: Path) -> Manifest:
    """The rows of a backup of release 0.1, a script of which only rows and sequences are read."""
    tables: list[TableRows] = []
    values: dict[str, int] = {}
    with gzip.open(dump, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if match := _SEQUENCE.fullmatch(line):
                values[match[1]] = int(match[2])
            if match := _ROWS_BEGIN.fullmatch(line):
                file = f"{match[1]}.{match[3]}.gz"
                columns = [name.strip().strip('"') for name in match[4].split(",")]
                with gzip.open(folder / file, "wt", encoding="utf-8", newline="\n") as sink:
                    rows = 0
                    for row in lines:
                        if row == "\\.\n":
                            break
                        sink.write(row)
                        rows += 1
                if match[3] != "alembic_version":
                    tables.append(
                        TableRows(namespace=match[1], name=match[3], columns=columns, rows=rows, file=file)
                    )
    if not tables:
        raise BadSetting(f"{dump} holds no rows", remedy="use another backup; this one is not whole")
    return manifest.model_copy(update={"tables": tables, "sequences": values})
