"""The whole state as one folder: the rows of the warehouse, of Dagster and of MLflow, and the lake.

Belongs here: writing a backup, and proving that one is whole.
Does not belong here: putting it back (``restoring``), when backups are made and how long they are kept.

The rows come first and the files after them: files are named by the run that wrote them and never change,
so whatever the rows refer to is still there when the files are copied. MLflow's rows come after the
warehouse's: a version that no row speaks of yet is registered again, one that is missing could not be. The
manifest comes last: a folder without one is the backup of a process that was killed.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.model_validation import faults
from forecast_assets.stores import mlflow_backend
from forecast_assets.stores.database import (
    DAGSTER_SCHEMA,
    WAREHOUSE_SCHEMA,
    alone,
    connected,
    newest_revision,
    revision,
)
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.tables import TableRows, sequences, write_rows

FILES, ROWS, MLFLOW_ROWS = "lake", "rows", "mlflow"
ARTIFACTS = "artifacts"
MANIFEST = "manifest.json"
MLFLOW_SCHEMA = "public"
Aliases = dict[str, dict[str, int]]
_SERIES = sa.text("select distinct dataset, series from forecast.model_version order by 1, 2")


class Manifest(BaseModel, frozen=True):
    """What a backup holds: ``files`` maps each path to its SHA-256, ``size`` is in bytes.

    ``mlflow``: where MLflow kept its rows: in our database, whose rows are in the backup; at a server, of
    which only the aliases are; ``absent`` where nothing was ever registered; ``unknown`` in backups of
    release 0.1, which had none of it. ``aliases``: version by alias by model. ``artifacts``: where MLflow
    kept the files of new models. ``sequences``: last values by schema and name.
    """

    made_at: str
    revision: str
    files: dict[str, str]
    size: int
    tables: list[TableRows] = []
    sequences: dict[str, int] = {}
    mlflow: Literal["database", "server", "absent", "unknown"] = "unknown"
    aliases: Aliases = {}
    artifacts: str | None = None


def check_empty(folder: Path) -> None:
    """Raise ``BadSetting`` when the folder of a new backup holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadSetting(f"{folder} is not an empty folder", remedy="name a new folder for each backup")


def back_up(url: sa.URL, lake: Lake, folder: Path) -> Manifest:
    """Write database, registry and lake into the new or empty ``folder``.

    Raises ``BadSetting`` when the folder holds anything, ``Outage`` when a store fails.
    """
    check_empty(folder)
    with _writable(folder), alone(url):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # it holds everything that the database holds
        with _one_moment(url) as connection:
            schema_revision = str(revision(connection))
            tables = write_rows(connection, WAREHOUSE_SCHEMA, folder, ROWS)
            tables += write_rows(connection, DAGSTER_SCHEMA, folder, ROWS)
            values = sequences(connection, WAREHOUSE_SCHEMA) | sequences(connection, DAGSTER_SCHEMA)
        kind, own = registry_kind(url)
        if own is not None:
            with _one_moment(own) as connection:
                tables += write_rows(connection, MLFLOW_SCHEMA, folder, MLFLOW_ROWS)
                values |= sequences(connection, MLFLOW_SCHEMA)
        aliases = {} if kind == "absent" else aliases_of(url)
        files = {table.file: digest(folder / table.file) for table in tables}
        for name, source in places(lake):
            files |= _copied(source, folder, name)
        size = sum((folder / name).stat().st_size for name in files)
        manifest = Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=schema_revision,
            files=files,
            size=size,
            tables=tables,
            sequences=values,
            mlflow=kind,
            aliases=aliases,
            artifacts=mlflow_backend.artifacts_url(),
        )
        staged = folder / f"{MANIFEST}.part"
        staged.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        staged.rename(folder / MANIFEST)
    return manifest


def check(folder: Path) -> Manifest:
    """Read a backup and compare every file with the manifest. Raises ``BadSetting`` naming what is wrong."""
    remedy = "use another backup; this one is not whole"
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadSetting(f"{folder} holds no finished backup: no {MANIFEST}", remedy=remedy) from None
    except ValidationError as error:
        place, why = faults(error)[0]
        raise BadSetting(f"{folder / MANIFEST} cannot be read: {place}: {why}", remedy=remedy) from None
    except (OSError, ValueError, TypeError) as error:
        raise BadSetting(f"{folder / MANIFEST} cannot be read: {error}", remedy=remedy) from None
    if manifest.revision > newest_revision():
        raise BadSetting(
            f"the backup is at revision {manifest.revision}, newer than this code ({newest_revision()})",
            remedy="upgrade forecast_assets on this machine",
        )
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise BadSetting(f"{folder}: the manifest names {name!r} outside the backup", remedy=remedy)
        if not file.is_file():
            raise BadSetting(f"{folder}: {name} is missing", remedy=remedy)
        if digest(file) != expected:
            raise BadSetting(f"{folder}: {name} is not what was backed up", remedy=remedy)
    _check_tables(folder, manifest, remedy)
    return manifest


def _check_tables(folder: Path, manifest: Manifest, remedy: str) -> None:
    """Every table belongs to one of our stores and has one file, and every file of rows has its table."""
    files = [table.file for table in manifest.tables]
    if unproved := set(files) - set(manifest.files):
        raise BadSetting(f"{folder}: no hash proves {min(unproved)}", remedy=remedy)
    own = {WAREHOUSE_SCHEMA, DAGSTER_SCHEMA} | ({MLFLOW_SCHEMA} if manifest.mlflow == "database" else set())
    foreign = {f"{table.namespace}.{table.name}" for table in manifest.tables if table.namespace not in own}
    if foreign:
        raise BadSetting(f"{folder}: {min(foreign)} is no table of these stores", remedy=remedy)
    names = Counter((table.namespace, table.name) for table in manifest.tables)
    if twice := [".".join(name) for name, times in names.items() if times > 1]:
        raise BadSetting(f"{folder}: the manifest holds {min(twice)} twice", remedy=remedy)
    rows = {name for name in manifest.files if name.partition("/")[0] in {ROWS, MLFLOW_ROWS}}
    if unnamed := rows - set(files):
        raise BadSetting(f"{folder}: {min(unnamed)} is no table of the manifest", remedy=remedy)


def places(lake: Lake) -> Sequence[tuple[str, Lake]]:
    """Where files are, by the name of their folder in a backup: the lake, and models kept outside of it."""
    outside = mlflow_backend.artifacts_outside()
    return [(FILES, lake), *([(ARTIFACTS, Lake(outside))] if outside else [])]


def registry_kind(
    warehouse: sa.URL,
) -> tuple[Literal["database", "server", "absent"], sa.URL | None]:
    """Where MLflow keeps its rows, and our own database for it where there is one."""
    own = mlflow_backend.own_database(warehouse)
    if own is None:
        return "server", None
    return ("database", own) if mlflow_backend.is_prepared(warehouse, own) else ("absent", None)


def aliases_of(url: sa.URL) -> Aliases:
    """What the registry says of every model that was ever registered by us."""
    with connected(url) as connection:
        rows = [(str(dataset), str(series)) for dataset, series in connection.execute(_SERIES)]
    by_dataset: dict[str, list[str]] = {}
    for dataset, series in rows:
        by_dataset.setdefault(dataset, []).append(series)
    aliases: Aliases = {}
    for series_keys in by_dataset.values():
        aliases |= open_registry().aliases(series_keys)
    return aliases


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _copied(source: Lake, folder: Path, below: str) -> dict[str, str]:
    """Copy every file of ``source``; return the hash of each by its path in the backup."""
    hashes = {}
    for path in source.list(""):
        target = folder / below / path
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes(path)
        target.write_bytes(content)
        hashes[f"{below}/{path}"] = hashlib.sha256(content).hexdigest()
    return hashes


@contextmanager
def _one_moment(url: sa.URL) -> Iterator[sa.Connection]:
    """A transaction that sees one moment of the database, whatever is written meanwhile."""
    with connected(url) as connection:
        connection.exec_driver_sql("set transaction isolation level repeatable read, read only")
        yield connection


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Outage(
            f"the backup in {folder} cannot be written: {error}",
            remedy="see to its disk and rights, delete what is there and back up into a new folder",
        ) from error
