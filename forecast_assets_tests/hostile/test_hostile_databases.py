"""Queries that fail, lie or know a secret."""

import datetime as dt

import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.sources import SqlSource
from forecast_assets.errors import BadSetting, Outage
from forecast_assets_tests.hostile.doors import (
    TODAY,
    Rows,
    problem,
    read,
    three_days,
    through,
)


def test_a_canary_in_the_url_never_leaves(monkeypatch):
    monkeypatch.setenv("SALES_URL", "postgresql://bob:canary-4711@127.0.0.1:1/none?connect_timeout=1")
    source = SqlSource(url="env:SALES_URL", query="select 1")
    with pytest.raises(Outage) as refused:
        read(source)
    told = (
        str(refused.value),
        repr(refused.value),
        str(refused.value.__cause__),
        repr(source),
        source.model_dump_json(),
    )
    assert "canary" not in "".join(told)


def test_a_wrong_query_is_told_with_the_drivers_words(tmp_path):
    through("sql", tmp_path, three_days())
    source = SqlSource(url=f"sqlite:///{tmp_path}/sales.db", query="select * from  sold")
    with pytest.raises(BadSetting) as refused:
        read(source)
    assert refused.value.problem == "query 'select * from sold' fails: no such table: sold"


def test_a_query_that_changes_data_changes_nothing(tmp_path):
    source = through("sql", tmp_path, three_days())
    with pytest.raises(BadSetting, match="answers no rows"):
        read(source.model_copy(update={"query": "delete from sales"}))
    assert read(source)["S1"].height == 3


def test_postgresql_answers_the_same_as_a_file(database_url, monkeypatch, tmp_path):
    monkeypatch.setenv("SALES_URL", database_url)
    query = """
        select 'S1' as store_id, 7 as product_id, day::date as date,
               (extract(day from day) / 2)::numeric as units
        from generate_series('2024-01-01'::timestamp, '2024-01-03', '1 day') as day
        where 'a%b' like '%'
    """
    sold = CanonicalReader(SqlSource(url="env:SALES_URL", query=query), dataset="shop", today=TODAY)
    frames = dict(sold)
    rows: Rows = [["S1", 7, dt.date(2024, 1, day), day / 2] for day in (1, 2, 3)]
    filed = CanonicalReader(through("csv", tmp_path, rows), dataset="shop", today=TODAY)
    assert frames["S1"].equals(dict(filed)["S1"])
    assert sold.content_hash == filed.content_hash


@pytest.mark.parametrize(
    ("units", "told"),
    [
        ("'NaN'::float8", None),
        ("'NaN'::numeric", None),
        ("'inf'::float8", "is infinite"),
        ("true", "true/false"),
    ],
)
def test_postgresql_values_are_judged_like_others(units, told, database_url, monkeypatch):
    monkeypatch.setenv("SALES_URL", database_url)
    query = f"select 'S1' as store_id, 'P1' as product_id, '2024-01-02'::date as date, {units} as units"
    source = SqlSource(url="env:SALES_URL", query=query)
    if told is None:
        assert read(source)["S1"]["units"].to_list() == [None]
    else:
        assert told in problem(source)


def test_postgresql_timestamps_with_zone_are_refused(database_url, monkeypatch):
    monkeypatch.setenv("SALES_URL", database_url)
    query = "select 'S1' as store_id, 'P1' as product_id, now() as date, 1 as units"
    assert "column 'date' holds a time zone" in problem(SqlSource(url="env:SALES_URL", query=query))
