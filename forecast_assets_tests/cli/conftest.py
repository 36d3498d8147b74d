"""The command line on a home of its own, called as a person would call it."""

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from forecast_assets.cli import console, main
from forecast_assets_tests.conftest import fresh_database

ROOT = Path(__file__).parents[2]


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

    def run(*arguments: str) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["forecast-assets", *arguments])
        monkeypatch.setattr(console.SAY, "file", err)
        with redirect_stdout(out), pytest.raises(SystemExit) as left:
            main()
        return Answer(int(left.value.code or 0), out.getvalue(), err.getvalue())

    with fresh_database(postgres_url, migrated) as url:
        monkeypatch.setenv("FORECAST_DATABASE_URL", url)
        yield run
