"""A home as release 0.1 left it behind, ready to be migrated by the code of today."""

import json
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forecast_assets.stores import cluster
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.conftest import _connected

ARCHIVE = Path(__file__).with_name("home_0_1") / "home_0_1.tar.xz"
_MADE_IN = b"/srv/shop"
_WHERE_LAKE_WAS = b"/srv/shop/.forecast/lake"


@dataclass(frozen=True)
class Home:
    """``folder`` is its DAGSTER_HOME with ``dagster.yaml`` and ``sales.csv``; ``url`` is its database."""

    folder: Path
    url: sa.URL

    def expected(self, name: str) -> Any:
        """What release 0.1 said: champions, forecasts, audit, availability, leaderboard, status, ..."""
        return json.loads((self.folder / "expected" / f"{name}.json").read_text())


@pytest.fixture
def home_0_1(postgres_url: sa.URL, tmp_path: Path) -> Iterator[Home]:
    """A home of release 0.1 that the environment points at. Nothing is migrated before the first use."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    name = f"home_{uuid.uuid4().hex[:12]}"
    dumps = {name: "forecast.sql", f"{name}_mlflow": "mlflow.sql"}
    with pytest.MonkeyPatch.context() as patch, _connected(postgres_url) as connection:
        try:
            for database, dump in dumps.items():
                connection.exec_driver_sql(f"create database {database}")
                _load(postgres_url.set(database=database), tmp_path / dump, tmp_path)
            url = postgres_url.set(database=name)
            patch.setenv("DAGSTER_HOME", str(tmp_path))
            patch.setenv("FORECAST_HOME", str(tmp_path))
            patch.setenv("FORECAST_DATABASE_URL", url.render_as_string(hide_password=False))
            patch.setenv("FORECAST_PROCESSES", "1")
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            yield Home(tmp_path, url)
        finally:
            StoresResource().open().warehouse.dispose()
            for database in dumps:
                connection.exec_driver_sql(f"drop database if exists {database} with (force)")


def _load(url: sa.URL, dump: Path, folder: Path) -> None:
    here = str(folder).encode()
    script = dump.read_bytes().replace(_WHERE_LAKE_WAS, here + b"/lake").replace(_MADE_IN, here)
    address = url.set(drivername="postgresql").render_as_string()
    command: list[str | Path] = [
        cluster.binaries() / "psql",
        f"--dbname={address}",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
    ]
    subprocess.run(command, input=script, stdout=subprocess.DEVNULL, check=True)
