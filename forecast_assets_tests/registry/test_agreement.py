"""Stores that were lost or restored alone are told, and one command lets them agree."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from forecast_assets.cli.app import app
from forecast_assets.registry.agreement import compare
from forecast_assets.stores.database import connected
from forecast_assets.stores.mlflow_backend import own_database
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.rows.registry import AuditRow
from forecast_assets_tests.upgrades.conftest import Home, home_0_1

__all__ = ["home_0_1"]
LIVE = "shop__S1__P1"


def disagreement_sentences() -> list[str]:
    return compare(open_stores(), open_registry()).sentences()


def mended() -> str:
    """What the command says when it lets the stores agree, after which they do."""
    looked = CliRunner().invoke(app, ["state", "mend"])
    assert looked.exit_code == 1
    done = CliRunner().invoke(app, ["state", "mend", "--apply"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert disagreement_sentences() == []
    again = CliRunner().invoke(app, ["state", "mend", "--apply"])
    assert "agree" in again.output
    return done.output


def registry_of(home: Home) -> sa.URL:
    url = own_database(home.url)
    assert url is not None
    return url


@pytest.mark.usefixtures("home_0_1")
def test_stores_that_agree_are_said_to():
    assert disagreement_sentences() == []


def test_a_warehouse_older_than_mlflow_gets_its_aliases_back(home_0_1):
    before = open_registry().aliases([LIVE])[LIVE]
    live = before["champion"]
    with connected(registry_of(home_0_1)) as connection:  # what happened after the warehouse's backup
        newer = """
            insert into model_versions (name, version, current_stage, source, run_id, workspace)
            select name, 99, current_stage, source, run_id, workspace from model_versions
            where name = :name and version = :version
        """
        connection.execute(sa.text(newer), {"name": LIVE, "version": live})
    for alias in ("champion", "challenger"):
        open_registry().move_alias(LIVE, alias, 99)
    (sentence,) = disagreement_sentences()
    assert "older than MLflow" in sentence
    assert f"{LIVE}@champion" in sentence
    mended()
    after = open_registry().aliases([LIVE])[LIVE]
    assert after["champion"] == live
    assert "challenger" not in after


def test_a_registry_that_was_lost_is_forgotten_and_its_record_kept(home_0_1):
    with connected(registry_of(home_0_1)) as connection:
        connection.exec_driver_sql("truncate registered_models cascade")
    (sentence,) = disagreement_sentences()
    assert "MLflow or its files lack" in sentence
    assert "forecast-assets register shop, then promote" in mended()
    audit = open_stores().warehouse.rows(AuditRow, dataset="shop", series=[LIVE])
    assert {row["action"] for row in audit} == {"promoted", "rolled_back", "external"}, "nothing is erased"


def test_lost_files_and_models_are_made_again(home_0_1):
    for folder in ("backtests", "forecasts", "global", "models"):
        shutil.rmtree(home_0_1.folder / "lake" / folder / "shop")
    sentences = disagreement_sentences()
    assert any("the lake lacks the files" in sentence for sentence in sentences)
    saved = CliRunner().invoke(app, ["state", "backup", str(home_0_1.folder / "backup")])
    assert (saved.exit_code, "the backup lacks what was lost before" in " ".join(saved.output.split())) == (
        1,
        True,
    )
    assert any("MLflow or its files lack" in sentence for sentence in sentences)
    assert "forecast-assets evaluate shop" in mended()
    for words in (["evaluate", "shop"], ["register", "shop", "--series", LIVE]):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert disagreement_sentences() == []
    assert "challenger" in open_registry().aliases([LIVE])[LIVE]


def test_models_whose_files_were_changed_are_named_and_forgotten(home_0_1):
    number = open_registry().aliases([LIVE])[LIVE]["champion"]
    version = open_registry().version(LIVE, number)
    assert version is not None
    (header,) = home_0_1.folder.rglob(f"{version.run_id}/artifacts/{version.path}/data/bundle/bundle.json")
    header.write_bytes(header.read_bytes() + b" ")
    (sentence,) = disagreement_sentences()
    assert f"{LIVE} version {number}: its files are not what was registered" in sentence
    assert "forecast-assets register shop, then promote" in mended()
    assert number not in open_registry().aliases([LIVE]).get(LIVE, {}).values()


@pytest.mark.parametrize("move", [Path.rename, shutil.copytree])
def test_a_lake_that_was_moved_or_copied_finds_the_files_of_its_models(home_0_1, monkeypatch, move):
    moved = home_0_1.folder / "moved"
    move(home_0_1.folder / "lake", moved)
    monkeypatch.setenv("FORECAST_LAKE_URL", str(moved))
    (sentence,) = disagreement_sentences()
    assert "the lake was moved or copied" in sentence
    mended()
    number = open_registry().aliases([LIVE])[LIVE]["champion"]
    version = open_registry().version(LIVE, number)
    assert version is not None
    with open_registry().files(version.run_id, version.path) as folder:
        assert any(folder.iterdir())
