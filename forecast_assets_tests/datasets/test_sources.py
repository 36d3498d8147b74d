"""Saying where sales come from: what is refused, what is stored, and what never leaks."""

import datetime as dt

import pytest
from pydantic import TypeAdapter, ValidationError

from forecast_assets.datasets.sources import Columns, FileSource, Source, SqlSource
from forecast_assets.errors import BadSetting

SALES = "store_id,product_id,date,units\nS1,P1,2024-01-01,1\n"
ANY: TypeAdapter[Source] = TypeAdapter(Source)


@pytest.mark.parametrize(
    "source",
    [
        FileSource(path="sales.csv", date_format="%d/%m/%Y"),
        FileSource(
            path="folder", first_day=dt.date(2011, 1, 29), columns=Columns(price="eur", static=("region",))
        ),
        SqlSource(url="env:SALES_URL", query="select 1", columns=Columns(known_future=("rain",))),
    ],
)
def test_a_source_survives_json(source):
    assert ANY.validate_json(source.model_dump_json()) == source


@pytest.mark.parametrize(
    "roles",
    [
        {"store": "id", "product": "id"},
        {"date": "units"},
        {"price": "units"},
        {"known_future": ("units",)},
        {"units": "sold", "known_future": ("sold",)},
        {"static": ("date",)},
    ],
)
def test_a_key_or_units_column_has_no_second_role(roles):
    with pytest.raises(BadSetting, match="is given two roles"):
        Columns(**roles)


@pytest.mark.parametrize(
    "roles",
    [
        {"price": "eur", "known_future": ("price",)},
        {"known_future": ("rain", "rain")},
        {"known_future": ("rain",), "static": ("rain",)},
        {"units": "sold", "static": ("units",)},
        {"static": ("original_store_id",)},
    ],
)
def test_no_two_columns_get_the_same_name(roles):
    with pytest.raises(BadSetting, match="two columns would be called"):
        Columns(**roles)


def test_known_future_columns_keep_their_order_and_get_fixed_names():
    columns = Columns(holiday="feast", price="eur", known_future=("rain", "sun"))
    assert columns.known == {"price": "eur", "holiday": "feast", "rain": "rain", "sun": "sun"}


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"store": ""}, {"store": None}, {"known_future": 3}])
def test_unknown_and_empty_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Columns(**wrong)


@pytest.mark.parametrize("date_format", ["", "abc", "%", "%Q", "%Y", "%d/%m", "%H:%M"])
def test_a_date_format_names_one_day(date_format):
    with pytest.raises(BadSetting, match="does not name one day"):
        FileSource(path="sales.csv", date_format=date_format)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bob:canary@db/sales",
        "postgresql://bob@db/sales?password=canary",
        "postgresql://bob@db/sales?sslpassword=canary",
        "mssql+pyodbc://?odbc_connect=PWD%3Dcanary",
        "postgresql:/bob:canary",
        "canary",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(BadSetting) as refused:
        SqlSource(url=url, query="select 1")
    assert "canary" not in f"{refused.value}{refused.value!r}{refused.value.__cause__}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "file", "path": "a.csv"}, "url: Extra inputs are not permitted"),
        ({"kind": "sql", "query": ""}, "query: String should have at least 1 character"),
        ({"kind": "web"}, "kind: Input tag 'web' found"),
        ({}, "kind: Unable to extract tag"),
    ],
)
def test_an_error_about_another_field_does_not_show_the_url(source, message):
    url = "postgresql://bob:canary@db/sales" if source.get("kind") != "sql" else "env:canary"
    with pytest.raises(BadSetting) as refused:
        ANY.validate_python({**source, "url": url})
    assert message in refused.value.problem
    assert "canary" not in f"{refused.value}{refused.value.__cause__}"


def test_the_url_is_read_from_the_environment_when_needed(monkeypatch):
    source = SqlSource(url="env:SALES_URL", query="select 1")
    monkeypatch.delenv("SALES_URL", raising=False)
    with pytest.raises(BadSetting, match="SALES_URL is not set"):
        source.resolved_url()
    monkeypatch.setenv("SALES_URL", "canary")
    with pytest.raises(BadSetting, match="the value of SALES_URL is not a SQLAlchemy URL"):
        source.resolved_url()
    monkeypatch.setenv("SALES_URL", "sqlite:///sales.db")
    assert source.resolved_url().database == "sales.db"


@pytest.mark.parametrize("url", ["nodialect://db/sales", "oracle+oracledb://bob@db/sales"])
def test_a_missing_driver_is_a_setting(url):
    with pytest.raises(BadSetting, match="no driver for"):
        list(SqlSource(url=url, query="select 1").parts())


def test_a_folder_is_read_by_name_and_other_files_are_named(tmp_path):
    for name in ("b.csv", "a.CSV", ".hidden.csv", "notes.txt", "_SUCCESS"):
        (tmp_path / name).write_text(SALES)
    (tmp_path / "inner.csv").mkdir()
    source = FileSource(path=tmp_path)
    assert [file.name for file in source.files()] == ["a.CSV", "b.csv"]
    assert source.left_out() == [".hidden.csv", "_SUCCESS", "notes.txt"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no file to read"),
        (["notes.txt"], "holds no file to read; left out: notes.txt"),
        (["a.csv", "b.parquet"], "mixes kinds of files: 'a.csv', 'b.parquet'"),
        (["a.csv", "b.tar.gz", "c.docx"], r"b.tar.gz, c.docx cannot be read\n  -> unpack archives"),
        (["_delta_log/0.json", "a.parquet"], "is a Delta table"),
    ],
)
def test_a_folder_holds_one_kind(names, message, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SALES)
    with pytest.raises(BadSetting, match=message):
        FileSource(path=tmp_path).files()


@pytest.mark.parametrize("name", ["missing.csv", "missing"])
def test_a_missing_path_is_told_in_full(name, tmp_path):
    with pytest.raises(BadSetting, match=f"there is no file or folder '{tmp_path}/{name}'"):
        FileSource(path=tmp_path / name).files()


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "sales.docx").write_bytes(b"PK")
    with pytest.raises(BadSetting, match=r"sales.docx cannot be read\n  -> convert to [^*]*$"):
        FileSource(path=tmp_path / "sales.docx").files()


def test_the_fingerprint_changes_with_bytes_names_and_settings(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(SALES)
    seen = [FileSource(path=tmp_path).fingerprint()]
    seen.append(FileSource(path=tmp_path, sheet="one").fingerprint())
    file.write_text(SALES + "S1,P1,2024-01-02,1\n")
    seen.append(FileSource(path=tmp_path).fingerprint())
    file.rename(tmp_path / "b.csv")
    seen.append(FileSource(path=tmp_path).fingerprint())
    assert len(set(seen)) == 4
    assert seen[-1] == FileSource(path=tmp_path).fingerprint()


def test_a_query_has_no_fingerprint():
    assert SqlSource(url="env:SALES_URL", query="select 1").fingerprint() is None
