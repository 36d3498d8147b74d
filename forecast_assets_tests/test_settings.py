"""The environment is read once for each state it is in, and every mistake names its variable."""

from pathlib import Path

import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.settings import Settings, settings


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


@pytest.mark.parametrize(("given", "meant"), [("near", "{here}/near"), ("~/far", "{user}/far"), ("/a", "/a")])
def test_a_home_means_the_same_folder_wherever_the_process_goes(monkeypatch, tmp_path, given, meant):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("FORECAST_HOME", given)
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
    known = settings()
    for shown in (repr(known), str(known), known.model_dump_json(), repr(known.model_dump())):
        assert "canary" not in shown


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("postgresql://me:canary-4711@host/db\n")
    monkeypatch.setenv("FORECAST_DATABASE_URL_FILE", str(tmp_path / "url"))
    known = settings().database_url
    assert known is not None
    assert known.get_secret_value() == "postgresql://me:canary-4711@host/db"


@pytest.mark.parametrize(
    ("content", "beside", "told"),
    [
        (None, None, "cannot be read: FileNotFoundError"),
        (b"", None, "is empty"),
        (b"\xff\xfe", None, "cannot be read: UnicodeDecodeError"),
        (b"postgresql://a/b", "postgresql://c/d", "both FORECAST_DATABASE_URL and"),
    ],
)
def test_a_secret_file_that_cannot_be_meant_is_refused(monkeypatch, tmp_path, content, beside, told):
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("FORECAST_DATABASE_URL_FILE", str(file))
    if beside:
        monkeypatch.setenv("FORECAST_DATABASE_URL", beside)
    with pytest.raises(BadSetting, match=told) as refused:
        settings()
    assert "FORECAST_DATABASE_URL_FILE" in refused.value.problem
    assert "postgresql://" not in str(refused.value)


def test_every_setting_explains_itself():
    assert all(field.description for field in Settings.model_fields.values())
