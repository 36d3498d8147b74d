"""The environment is read once for each state it is in, and every mistake names its variable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.settings import Settings, settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in ("DAGSTER_HOME", *(f"FORECAST_{field.upper()}" for field in Settings.model_fields)):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def test_the_home_lies_beside_dagsters_or_where_the_process_stands(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "7")  # an environment that was not read before
    assert settings().home == tmp_path / ".forecast"
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere")
    assert settings().home == Path("/somewhere/.forecast")
    assert settings().lake == "/somewhere/.forecast/lake"
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere/.forecast")
    assert settings().home == Path("/somewhere/.forecast"), "one home outside of a checkout holds everything"


@pytest.mark.parametrize(("home", "meant"), [("near", "{here}/near"), ("~/far", "{user}/far"), ("/a", "/a")])
def test_a_home_means_the_same_folder_wherever_the_process_goes(monkeypatch, tmp_path, home, meant):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("FORECAST_HOME", home)
    expected = Path(meant.format(here=tmp_path, user=tmp_path / "user"))
    assert settings().home == expected
    monkeypatch.chdir("/")
    assert settings().home == expected


def test_a_changed_environment_is_read_again_and_an_unchanged_one_is_not(monkeypatch):
    first = settings()
    assert settings() is first
    monkeypatch.setenv("FORECAST_PROCESSES", "3")
    assert settings().processes == 3
    monkeypatch.delenv("FORECAST_PROCESSES")
    assert settings() == first


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("FORECAST_DATABASE_URL", "")
    monkeypatch.setenv("FORECAST_PROCESSES", "")
    assert settings().database_url is None
    assert settings().processes >= 1


def test_a_machine_of_a_thousand_cores_is_no_mistake(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1000)
    assert Settings().processes == 256


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROCESSES", "0"),
        ("PROCESSES", "many"),
        ("PROCESSES", "1e9"),
        ("SERIES_PER_RUN", "-1"),
        ("GLOBAL_REFIT_SHARE", "nan"),
        ("GLOBAL_REFIT_SHARE", "1.5"),
        ("DETAILED_SERIES", "1001"),
    ],
)
def test_a_value_out_of_bounds_names_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(f"FORECAST_{name}", value)
    with pytest.raises(BadSetting, match=f"FORECAST_{name}: ") as refused:
        settings()
    assert refused.value.remedy == f"correct or unset FORECAST_{name}"


def test_no_way_of_showing_the_settings_shows_the_password(monkeypatch):
    monkeypatch.setenv("FORECAST_DATABASE_URL", "postgresql://me:canary-4711@host/db")
    current_settings = settings()
    for text in (
        repr(current_settings),
        str(current_settings),
        current_settings.model_dump_json(),
        repr(current_settings.model_dump()),
    ):
        assert "canary" not in text


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("postgresql://me:canary-4711@host/db\n")
    monkeypatch.setenv("FORECAST_DATABASE_URL_FILE", str(tmp_path / "url"))
    url = settings().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://me:canary-4711@host/db"


@pytest.mark.parametrize(
    ("content", "beside", "message"),
    [
        (None, None, "cannot be read: FileNotFoundError"),
        (b"", None, "is empty"),
        (b"\xff\xfe", None, "cannot be read: UnicodeDecodeError"),
        (b"postgresql://a/b", "postgresql://c/d", "both FORECAST_DATABASE_URL and"),
    ],
)
def test_a_secret_file_that_cannot_be_meant_is_refused(monkeypatch, tmp_path, content, beside, message):
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("FORECAST_DATABASE_URL_FILE", str(file))
    if beside:
        monkeypatch.setenv("FORECAST_DATABASE_URL", beside)
    with pytest.raises(BadSetting, match=message) as refused:
        settings()
    assert "FORECAST_DATABASE_URL_FILE" in refused.value.problem
    assert "postgresql://" not in str(refused.value)


def test_every_setting_explains_itself():
    assert all(field.description for field in Settings.model_fields.values())


WRONG = {
    "SOURCE_MAX_MB": "15",
    "SOURCE_MAX_RATIO": "0",
    "PROCESSES": "0",
    "SERIES_PER_RUN": "-1",
    "GLOBAL_REFIT_SHARE": "nan",
    "DETAILED_SERIES": "1001",
    "BATCH_MAX_ITEMS": "0",
    "BATCH_MAX_PARALLEL": "65",
    "BATCH_AGEING_MINUTES": "soon",
    "COMPARISON_MAX_PARALLEL": "0",
    "DRAIN_SECONDS": "601",
    "PIPELINE_MAX_DAYS": "0",
    "PIPELINE_MAX_SERIES": "0",
    "PIPELINE_MAX_COMBINATIONS": "0",
    "PIPELINE_RUNS_PER_HOUR": "0",
    "TIME_ZONE": "Europe/Atlantis",
    "DAGIT_URL": "dagit",
    "MLFLOW_URL": "ftp://host",
    "ALERT_WEBHOOK": "http://host",
    "ALERT_SMTP_URL": "mail.example.org",
    "ALERT_SECONDS": "0",
    "DIGEST_HOUR": "99",
    "RETRAIN_BUDGET": "-1",
    "RETRAIN_COOL_DOWN_DAYS": "0",
}
# Whoever opens them judges them: any text may be a folder, a server's address or a mailbox.
FREE = {
    "CANDIDATES",
    "SOURCES",
    "WEB_HOSTS",
    "DATABASE_URL",
    "HOME",
    "LAKE_URL",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_ARTIFACTS_URL",
    "CELERY_BROKER",
    "ALERT_EMAIL_FROM",
    "ALERT_EMAIL_TO",
}
REFUSED = 2


def test_every_setting_that_can_be_wrong_has_a_wrong_value_here():
    assert WRONG.keys() | FREE == {name.upper() for name in Settings.model_fields}


def refused(program: list[str], name: str) -> str:
    """Start a process with one wrong variable; return what it says on stderr as it refuses."""
    wrong = {**os.environ, f"FORECAST_{name}": WRONG[name]}
    done = subprocess.run(program, env=wrong, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == REFUSED, done.stderr
    assert f"FORECAST_{name}" in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("name", WRONG)
def test_a_command_refuses_a_wrong_variable_before_it_does_anything(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = refused([sys.executable, "-m", "forecast_assets", "dataset", "list"], name)
    assert sentence.startswith("BadSetting: ")
    assert "\n  -> " in sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        "dagster-webserver -w workspace.yaml -p 0",
        "dagster sensor preview watch_runs -w workspace.yaml",
    ],
)
def test_a_web_server_and_a_sensor_refuse_a_wrong_variable(command, tmp_path, monkeypatch):
    for file in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    program, *rest = command.split()
    sentence = refused([str(Path(sys.executable).parent / program), *rest], "DIGEST_HOUR")
    assert sentence.endswith("  -> correct or unset FORECAST_DIGEST_HOUR\n")


def test_no_module_but_the_definitions_reads_the_environment_when_it_is_imported():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "forecast_assets").rglob("*.py"))
        if path.stem not in {"definitions", "__main__"}
    ]
    program = f"import importlib; [importlib.import_module(name) for name in {names!r}]"
    wrong = {**os.environ, "FORECAST_DIGEST_HOUR": "99"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=wrong, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
