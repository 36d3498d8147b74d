"""The whole state as one folder, and back.

Belongs here: dumping the database, copying the lake, proving that a backup is whole, restoring it.
Does not belong here: when backups are made and how long they are kept.

The rows come first and the files after them: files are named by the run that wrote them and never change,
so whatever the rows refer to is still there when the files are copied. The manifest comes last: a folder
without one is the backup of a process that was killed. Restoring goes the other way round, files before
rows, and the rows in one transaction.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores import cluster
from forecast_assets.stores.database import (
    DAGSTER_SCHEMA,
    WAREHOUSE_SCHEMA,
    alone,
    connected,
    newest_revision,
    revision,
)
from forecast_assets.stores.lake import Lake

_DUMP = "database.sql.gz"
_FILES = "lake"
_MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_SCHEMAS = (WAREHOUSE_SCHEMA, DAGSTER_SCHEMA)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: ``files`` maps each path to its SHA-256."""

    made_at: str
    revision: str
    files: dict[str, str]
    size: int


def back_up(url: sa.URL, lake: Lake, folder: Path) -> Manifest:
    """Write the database and the lake into the new or empty ``folder``.

    Raises ``BadSetting`` when the folder holds anything, ``Outage`` when a store or a program fails.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadSetting(f"{folder} is not an empty folder", remedy="name a new folder for each backup")
    with _writable(folder), alone(url):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # it holds everything that the database holds
        known = _revision_of(url)
        _dump(url, folder / _DUMP)
        files = {_DUMP: _digest(folder / _DUMP)}
        for path in lake.list(""):
            target = folder / _FILES / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content = lake.read_bytes(path)
            target.write_bytes(content)
            files[f"{_FILES}/{path}"] = hashlib.sha256(content).hexdigest()
        size = sum((folder / name).stat().st_size for name in files)
        manifest = Manifest(datetime.now(UTC).isoformat(timespec="seconds"), known, files, size)
        staged = folder / f"{_MANIFEST}.part"
        staged.write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        staged.rename(folder / _MANIFEST)
    return manifest


def check(folder: Path) -> Manifest:
    """Read a backup and compare every file with the manifest. Raises ``BadSetting`` naming what is wrong."""
    remedy = "use another backup; this one is not whole"
    try:
        manifest = Manifest(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadSetting(f"{folder} holds no finished backup: no {_MANIFEST}", remedy=remedy) from None
    except (OSError, ValueError, TypeError) as error:
        raise BadSetting(f"{folder / _MANIFEST} cannot be read: {error}", remedy=remedy) from None
    if manifest.revision > newest_revision():
        raise BadSetting(
            f"the backup is at revision {manifest.revision}, newer than this code ({newest_revision()})",
            remedy="upgrade forecast_assets on this machine",
        )
    for name, known in manifest.files.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise BadSetting(f"{folder}: the manifest names {name!r} outside the backup", remedy=remedy)
        if not file.is_file():
            raise BadSetting(f"{folder}: {name} is missing", remedy=remedy)
        if _digest(file) != known:
            raise BadSetting(f"{folder}: {name} is not what was backed up", remedy=remedy)
    return manifest


def restore(url: sa.URL, lake: Lake, folder: Path) -> Manifest:
    """Replace the database's schemas by those of the backup, and put its files into the lake.

    Nothing is touched unless the whole backup is sound. Files of the lake that no row refers to any more
    stay until the retention removes them. Migrations run at the next start.
    """
    manifest = check(folder)
    with alone(url):
        for name in manifest.files:
            place, _, path = name.partition("/")
            if place == _FILES:
                lake.write_bytes(path, (folder / name).read_bytes())
        _load(url, folder / _DUMP)
    return manifest


def _revision_of(url: sa.URL) -> str:
    with connected(url) as connection:
        return str(revision(connection))


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Outage(
            f"the backup in {folder} cannot be written: {error}",
            remedy="see to its disk and rights, delete what is there and back up into a new folder",
        ) from error


def _dump(url: sa.URL, target: Path) -> None:
    schemas = [f"--schema={name}" for name in _SCHEMAS]
    plain = ("--format=plain", "--no-owner", "--no-privileges", "--compress=gzip:6", f"--file={target}")
    _run(url, "pg_dump", *plain, *schemas)


def _load(url: sa.URL, source: Path) -> None:
    with tempfile.TemporaryFile() as script:
        script.write(b"set client_min_messages = warning;\n")
        script.write("".join(f"drop schema if exists {name} cascade;\n" for name in _SCHEMAS).encode())
        with gzip.open(source) as dumped:
            shutil.copyfileobj(dumped, script, _CHUNK)
        script.seek(0)
        quiet = ("--quiet", "--no-psqlrc", "--output=/dev/null")
        _run(url, "psql", *quiet, "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-", told=script)


def _run(url: sa.URL, program: str, *arguments: str, told: IO[bytes] | None = None) -> None:
    """Run a program of PostgreSQL against ``url``; its password goes through the environment only."""
    address = url.set(drivername="postgresql", password=None).render_as_string()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs, arguments of ours
        [_program(url, program), f"--dbname={address}", *arguments],
        stdin=subprocess.DEVNULL if told is None else told,
        capture_output=True,
        env=environment | ({"PGPASSWORD": url.password} if url.password else {}),
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise Outage(f"{program} fails: {lines[0]}", remedy="see to its reason, then call the command again")


def _program(url: sa.URL, name: str) -> str:
    """The system's program, which may speak TLS, unless it is older than the server; else the wheel's."""
    with connected(url) as connection:
        server = int(str(connection.scalar(sa.text("show server_version_num")))) // 10_000
    installed = shutil.which(name)
    for program in (installed, str(cluster.binaries() / name)):
        if program and _major(program) >= server:
            return program
    raise Outage(
        f"no {name} of version {server} or newer is installed",
        remedy=f"install the PostgreSQL {server} client programs (Debian: postgresql-client-{server})",
    )


def _major(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    digits = "".join(c if c.isdigit() else " " for c in told.stdout).split()
    return int(digits[0]) if digits else 0


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
