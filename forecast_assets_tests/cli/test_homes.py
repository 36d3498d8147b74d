"""Which home a command works on, and what it says of it."""

import os

import pytest

from forecast_assets.cli import home
from forecast_assets.cli.home import find_home
from forecast_assets.errors import BadSetting


def test_a_new_home_is_said_once_and_its_settings_stay_what_an_operator_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = find_home()
    assert folder == tmp_path / ".forecast"
    assert f"a new home for data and results: {folder}" in capsys.readouterr().err
    settings = folder / "dagster.yaml"
    settings.write_text(settings.read_text() + "# an operator's own line\n")
    monkeypatch.delenv("DAGSTER_HOME")
    assert find_home() == folder
    assert capsys.readouterr().err == ""
    assert settings.read_text().endswith("# an operator's own line\n")
    assert [file.name for file in folder.iterdir()] == ["dagster.yaml"]


@pytest.mark.parametrize("planted", ["dagster.yaml", "here/.forecast/dagster.yaml"])
def test_settings_that_another_account_wrote_are_used_only_by_name(tmp_path, monkeypatch, planted):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "here" / ".forecast").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    settings = tmp_path / planted
    settings.write_text("telemetry: {enabled: false}\n")
    monkeypatch.setattr(os, "geteuid", lambda: settings.stat().st_uid + 1)
    monkeypatch.setattr(home, "_TRUSTED", set())
    with pytest.raises(BadSetting, match=r"dagster.yaml belongs to") as refused:
        home.find_home()
    assert "work in a folder of your own" in refused.value.remedy
    monkeypatch.setenv("DAGSTER_HOME", str(settings.parent))
    assert home.find_home() == settings.parent


def test_what_runs_print_is_closed_to_others(tmp_path, monkeypatch):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    before = os.umask(0)
    try:
        with home.open_instance() as instance:
            manager = instance.compute_log_manager
            with manager.capture_logs(["run", "compute_logs", "step"]):
                os.write(1, b"units of a store")
    finally:
        os.umask(before)
    assert (tmp_path / "storage").stat().st_mode & 0o777 == 0o700
    assert [*(tmp_path / "storage").rglob("*.out")]


def test_a_dataset_that_does_not_exist_in_an_empty_home_names_the_home(cli, tmp_path):
    for words in (["export", "champions", "shop"], ["register", "shop"], ["what-if", "shop__S1__P1"]):
        refused = cli(*words)
        assert refused.code == 2
        assert f"the home {tmp_path / '.forecast'} is empty" in refused.err, words


def test_an_export_without_rows_names_the_command_that_makes_them(cli, tmp_path):
    assert cli("dataset", "sample", "sales.csv").code == 0
    assert cli("dataset", "add", "shop", "--path", str(tmp_path / "sales.csv")).code == 0
    assert "next: forecast-assets evaluate shop" in cli("export", "champions", "shop").err
    assert "next: forecast-assets promote shop" in cli("export", "audit", "shop").err
