"""The command line on a home of its own, called as a person would call it."""

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from forecast_assets.cli import main
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.asked_for import leave_out
from forecast_assets_tests.conftest import fresh_database
from forecast_assets_tests.scenario import Place, shop

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out("interrupts", config, items)


@dataclass(frozen=True)
class Answer:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict]:
        return json.loads(self.out)


@pytest.fixture
def cli(
    postgres_url: sa.URL, migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Answer]]:
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / ".forecast"))
    monkeypatch.setenv("FORECAST_PROCESSES", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["forecast-assets", *arguments])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main()
        return Answer(int(left.value.code or 0), out.getvalue(), err.getvalue())

    with fresh_database(postgres_url, migrated) as url:
        monkeypatch.setenv("FORECAST_DATABASE_URL", url)
        yield run


@pytest.fixture
def home(cli: Callable, tmp_path: Path) -> Iterator[Place]:  # noqa: ARG001 - it makes the home
    """The home of the command line with the shop in it."""
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        place = Place(StoresResource(), instance, tmp_path)
        place.prepare("shop", shop())
        yield place


@pytest.fixture
def registry_beside(home: Place, mlflow_beside: Callable) -> Iterator[None]:  # noqa: ARG001 - after its database
    with mlflow_beside(os.environ["FORECAST_DATABASE_URL"]):
        yield
