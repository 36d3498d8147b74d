"""The fixed forms of the command line, from a file to exported champions."""

import csv
import datetime as dt
import io
import json
import sqlite3
from pathlib import Path

import polars as pl
import pytest

START = dt.date(2024, 1, 1)
DAYS = 120
EVALUATION = ("--horizon", "7", "--folds", "2")


def sales(folder: Path, products: int = 2, days: int = DAYS, *, spoil: str | None = None) -> Path:
    """Day n of product p sells n mod 7 plus p."""
    rows = ["store_id,product_id,date,units"]
    rows += [
        f"S1,P{product},{START + dt.timedelta(days=day)},{day % 7 + product}"
        for product in range(1, products + 1)
        for day in range(days)
    ]
    if spoil:
        rows.append(spoil)
    path = folder / "sales.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def shop(cli, tmp_path):
    added = cli("dataset", "add", "shop", "--path", str(sales(tmp_path)), *EVALUATION)
    assert added.code == 0, added.err
    return cli


def test_dataset_can_be_added_listed_shown_and_removed(shop):
    assert [row["name"] for row in shop("dataset", "list", "--format", "json").rows] == ["shop"]
    (details,) = shop("dataset", "show", "shop", "--format", "json").rows
    assert details["days"] == "2024-01-01 to 2024-04-29"
    assert shop("dataset", "remove", "shop").code == 2
    assert shop("dataset", "remove", "shop", "--yes").code == 0
    assert shop("dataset", "list", "--format", "json").rows == []


def test_evaluation_ends_in_exported_champions(shop, tmp_path):
    evaluated = shop("evaluate", "shop")
    assert evaluated.code == 0, evaluated.err
    assert "2 scored (2 with a champion), 0 unusable, 0 broken" in evaluated.err
    champions = shop("export", "champions", "shop", "--format", "json").rows
    assert {
        "series",
        "store_id",
        "product_id",
        "champion",
        "wape",
        "smape",
        "mae",
        "bias",
        "sample_size",
    } <= set(champions[0])
    assert {"skill_vs_seasonal_naive", "confidence", "reason"} <= set(champions[0])
    assert [row["series"] for row in champions] == ["shop__S1__P1", "shop__S1__P2"]
    assert all(row["wape"] == 0 for row in champions), "a weekly pattern without noise is repeated exactly"
    table = csv.DictReader(io.StringIO(shop("export", "leaderboard", "shop", "--format", "csv").out))
    assert {row["candidate"] for row in table} >= {"naive", "seasonal_naive", "ets", "lightgbm"}
    file = tmp_path / "availability.parquet"
    assert shop("export", "availability", "shop", "--output", str(file)).code == 0
    assert pl.read_parquet(file)["observed_days"].to_list() == [DAYS, DAYS]


def test_second_evaluation_does_nothing_and_says_so(shop):
    shop("evaluate", "shop")
    again = shop("evaluate", "shop")
    assert again.code == 0
    assert "sales, panel and global models are unchanged" in again.err
    assert "nothing to do: all 2 series are unchanged" in again.err


def test_the_horizon_of_an_evaluation_is_the_horizon_of_its_forecasts(shop):
    options = ("--candidates", "naive,seasonal_naive", "--horizon", "10", "--folds", "2")
    assert shop("evaluate", "shop", *options).code == 0
    rows = shop("export", "forecasts", "shop", "--format", "json").rows
    assert {row["horizon"] for row in rows} == {10}


def test_only_the_named_series_is_evaluated(shop):
    shop("evaluate", "shop", "--series", "shop__S1__P2", "--candidates", "naive,seasonal_naive")
    assert [row["series"] for row in shop("export", "champions", "shop", "--format", "json").rows] == [
        "shop__S1__P2"
    ]


def test_grown_file_is_loaded_new_series_join_and_forecasts_are_held_against_the_new_days(shop, tmp_path):
    shop("evaluate", "shop")
    sales(tmp_path, products=3, days=DAYS + 7)
    assert "3 scored (3 with a champion)" in shop("evaluate", "shop").err
    assert "forecast-assets refresh shop" in shop("export", "forecast-accuracy", "shop").err
    assert shop("refresh", "shop").code == 0
    scored = shop("export", "forecast-accuracy", "shop", "--format", "json").rows
    assert {(row["series"], row["sample_size"]) for row in scored if row["bucket"] == "all"} == {
        ("shop__S1__P1", 7),
        ("shop__S1__P2", 7),
    }


def test_a_check_sums_up_what_adding_would_store(cli, tmp_path, monkeypatch):
    path = sales(tmp_path)
    checked = cli("dataset", "check", str(path), "--no-automatic", "--format", "json")
    assert checked.code == 0
    findings = {row["what"]: row["found"] for row in checked.rows}
    assert findings["rows"].startswith(f"{2 * DAYS:,} rows of 2 series in 1 store")
    assert {"period", "columns", "gaps", "zero runs", "stock-outs", "ended"} <= set(findings)
    assert f"next: forecast-assets dataset add NAME --path {path} --no-automatic" in checked.err
    assert not (tmp_path / ".forecast").exists()
    added = cli("dataset", "add", "shop", str(path))
    assert all(findings[name] in added.err for name in ("rows", "period", "gaps"))
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("dataset", "check", str(path)).out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 24
    assert "next: forecast-assets evaluate shop" in added.err


def test_days_that_become_weeks_have_folds_of_weeks_and_the_same_demand_a_day(shop):
    assert shop("dataset", "change", "shop", "--aggregate", "week", "--yes").code == 0
    (details,) = shop("dataset", "show", "shop", "--format", "json").rows
    assert details["folds"] == "2 of 7 weeks", "what was set on purpose stays"
    demand = shop("export", "availability", "shop", "--format", "json").rows
    assert [row["average_daily_demand"] for row in demand] == [4.0, 5.0]
    same = shop("dataset", "change", "shop", "--folds", "3", "--yes")
    assert "changed shop: its sales are the same" in same.err


def test_holidays_of_each_store_are_a_change_that_is_shown(shop, tmp_path):
    (tmp_path / "holidays.csv").write_text("store,country\nS1,DE\n")
    assert shop("dataset", "change", "shop", "--holidays-file", "holidays.csv", "--yes").code == 0
    (details,) = shop("dataset", "show", "shop", "--format", "json").rows
    assert details["holidays"] == "DE (1 store)"


def test_a_check_doubts_a_store_that_is_the_sum_of_the_others_and_an_unknown_country(cli, tmp_path):
    rows = [
        f"{store},P1,2024-01-{day:02d},{units}"
        for day in range(1, 21)
        for store, units in (("S1", day), ("S2", 7), ("Total", day + 7))
    ]
    path = tmp_path / "sales.csv"
    path.write_text("store_id,product_id,date,units\n" + "\n".join(rows))
    assert "store Total sold exactly what all others sold together" in cli("dataset", "check", str(path)).out
    refused = cli("dataset", "check", str(path), "--holidays", "XX")
    assert (refused.code, "there is no country 'XX'" in refused.err) == (2, True)


def test_file_that_went_bad_is_refused_and_yesterdays_results_stay(shop, tmp_path):
    shop("evaluate", "shop")
    before = shop("export", "champions", "shop", "--format", "json").rows
    sales(tmp_path, spoil="S1,P1,2024-04-29,-3")
    refused = shop("evaluate", "shop")
    assert refused.code == 2
    assert "column 'units'" in refused.err
    assert "-3" in refused.err
    assert shop("export", "champions", "shop", "--format", "json").rows == before


def test_bad_file_adds_nothing(cli, tmp_path):
    refused = cli("dataset", "add", "shop", "--path", str(sales(tmp_path, spoil="S1,P1,2024-13-01,1")))
    assert refused.code == 2
    assert "holds what is not a date" in refused.err
    assert cli("dataset", "list", "--format", "json").rows == []
    assert not [path for path in (tmp_path / ".forecast" / "lake").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--horizon", "0"], "'--horizon': Input should be greater than or equal to 1"),
        (["--horizon", "91"], "'--horizon': Input should be less than or equal to 90"),
        (["--horizon", "1000000000"], "'--horizon': Input should be less than or equal to 90"),
        (["--folds", "1"], "'--folds' / '--n-splits'"),
        (["--candidates", "naive,naive"], "is named twice"),
        (["--candidates", "seasonal_nave"], "did you mean 'seasonal_naive'"),
        (["--candidates", ",".join(["naive"] * 11)], "11 candidates are named"),
        (["--candidates", ""], "candidate '' cannot be read"),
        (["--series", "shop__S1__P9"], "no series shop__S1__P9"),
        (["--series", "shop|S1|P1"], "is not a series key"),
    ],
)
def test_impossible_evaluation_is_refused_with_its_setting(shop, options, message):
    refused = shop("evaluate", "shop", *options)
    assert refused.code == 2
    assert message in refused.err
    assert shop("export", "champions", "shop", "--format", "json").rows == []


def test_folds_beyond_the_history_are_left_out_and_lower_the_confidence(shop):
    assert shop("evaluate", "shop", "--horizon", "60", "--folds", "20").code == 0
    champions = shop("export", "champions", "shop", "--format", "json").rows
    assert {row["confidence"] for row in champions} == {"low"}
    assert {row["sample_size"] for row in champions} == {60}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nowhere"], "there is no dataset 'nowhere'"),
        (["export", "champions", "nowhere"], "there is no dataset 'nowhere'"),
        (["export", "champions", "shop", "--format", "parquet"], "Parquet is not text"),
        (["export", "champions", "shop", "--output", "x.xlsx"], "no format for 'x.xlsx'"),
        (["dataset", "add", "shop", "--path", "sales.csv"], "dataset 'shop' exists already"),
        (["dataset", "add", "a__b", "--path", "sales.csv"], "cannot be part of a partition key"),
        (["dataset", "add", "other"], "no source is given"),
        (["dataset", "add", "other", "--path", "sales.csv", "--sql-url", "sqlite://"], "has one source"),
        (
            ["dataset", "add", "other", "sales.csv", "--path", "more.csv"],
            "one source, not sales.csv and --path more.csv",
        ),
        (["dataset", "add", "other", "--path", "absent.csv"], "absent.csv"),
        (["dataset", "add", "other", "--sql-url", "sqlite://"], "needs the query"),
        (["dataset", "add", "other", "--path", "sales.csv", "--change-column", "at"], "something of a query"),
        (["dataset", "change", "shop", "--change-column", "at"], "something of a query"),
        (["dataset", "add", "other", "--path", "sales.csv", "--units", "sold"], "no column 'sold'"),
    ],
)
def test_refusals_name_the_offender_and_leave_with_two(shop, arguments, message):
    refused = shop(*arguments)
    assert refused.code == 2
    assert message in refused.err
    assert " -> " in refused.err


def test_a_value_that_is_no_choice_is_refused_with_the_choices(shop):
    refused = shop("dataset", "add", "other", "--path", "sales.csv", "--anchor", "year")
    assert refused.code == 2
    assert "--anchor" in refused.err
    assert "'newest_day'" in refused.err


def test_password_of_a_source_is_never_shown(cli, tmp_path):
    (tmp_path / "q.sql").write_text("select 1")
    url = "postgresql://planner:canary-7151@db/sales"
    refused = cli("dataset", "add", "shop", "--sql-url", url, "--query", str(tmp_path / "q.sql"))
    assert refused.code == 2
    assert "canary-7151" not in refused.err + refused.out


def test_dataset_of_a_query_is_evaluated_like_a_file(cli, tmp_path, monkeypatch):
    frame = pl.read_csv(sales(tmp_path))
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table sold (store text, sku text, day text, qty real, at integer)")
        database.executemany("insert into sold values (?, ?, ?, ?, 1)", frame.rows())
    database.close()
    monkeypatch.setenv("SALES_DB", f"sqlite:///{tmp_path / 'shop.db'}")
    (tmp_path / "q.sql").write_text("select store, sku, day, qty, at from sold")
    columns = ("--store", "store", "--product", "sku", "--date", "day", "--units", "qty")
    source = ("--sql-url", "env:SALES_DB", "--query", str(tmp_path / "q.sql"))
    assert cli("dataset", "add", "shop", *source, *columns, *EVALUATION).code == 0
    evaluated = cli("evaluate", "shop", "--candidates", "naive,seasonal_naive")
    assert evaluated.code == 0, evaluated.err
    assert "2 scored" in evaluated.err
    watched = cli("dataset", "change", "shop", "--change-column", "at")
    assert "all results of 2 series stay valid" in watched.err


def test_outage_leaves_with_three_and_shows_no_password(cli, monkeypatch):
    monkeypatch.setenv("FORECAST_DATABASE_URL", "postgresql://planner:canary-7151@127.0.0.1:1/forecast")
    failed = cli("dataset", "list")
    assert failed.code == 3
    assert "Connection refused" in failed.err
    assert "canary-7151" not in failed.err


def test_doctor_finds_a_healthy_home_and_names_what_is_broken(cli, monkeypatch, tmp_path):
    healthy = cli("doctor", "--format", "json")
    assert healthy.code == 0, healthy.out
    assert {row["state"] for row in healthy.rows} == {"ok"}
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FORECAST_LAKE_URL", str(tmp_path / "file" / "lake"))
    sick = cli("doctor", "--format", "json")
    assert sick.code == 1
    broken = {row["part"]: row["detail"] for row in sick.rows if row["state"] != "ok"}
    assert broken.keys() == {"lake", "agreement"}, "what cannot be listed cannot be compared"
    assert all(" -> " in detail for detail in broken.values())


def test_json_is_the_only_thing_on_stdout(shop):
    answer = shop("dataset", "list", "--format", "json")
    assert isinstance(json.loads(answer.out), list)
