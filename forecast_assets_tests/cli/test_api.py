"""The Python door: frames in and out, examples that are true, and the state of the command line."""

import datetime as dt
import doctest

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import forecast_assets as fa
from forecast_assets import api, frames
from forecast_assets.errors import BadSales, BadSetting, UnknownName
from forecast_assets_tests.cli.test_commands import DAYS, START


def sales() -> pl.DataFrame:
    """Two products of one store; day n sells n mod 7, plus one or two."""
    return pl.DataFrame(
        [
            {"store_id": "A", "product_id": product, "date": START + dt.timedelta(day),
             "units": day % 7 + more, "promo": int(day % 10 == 0)}
            for product, more in (("bread", 1), ("milk", 2))
            for day in range(DAYS)
        ]
    )  # fmt: skip


def nixtla(**ids: str) -> pd.DataFrame:
    frame = sales().to_pandas().rename(columns={"date": "ds", "units": "y"})
    return frame.assign(unique_id=frame["product_id"].map(ids))[["unique_id", "ds", "y"]]


@pytest.mark.usefixtures("cli")
def test_the_examples_of_the_docstrings_do_what_they_say():
    doctests = doctest.DocTestFinder(exclude_empty=True).find(
        api, globs={"fa": fa, "sales": sales().to_pandas()}
    )
    examples = {test.name.rpartition(".")[2]: test for test in doctests if test.examples}
    order = [
        "add",
        "evaluate",
        "champions",
        "leaderboard",
        "forecast",
        "drift_verdicts",
        "order_proposal",
        "what_if",
    ]
    assert set(examples) == set(order)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for name in order:
        assert runner.run(examples[name]).failed == 0, name


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_any_library_of_frames_gives_the_same_dataset(cli, kind):
    fa.add("shop", kind(sales()))
    assert [
        (row["name"], row["rows"], row["series"]) for row in cli("dataset", "list", "--format", "json").rows
    ] == [("shop", 2 * DAYS, 2)]


def test_what_python_adds_the_command_line_evaluates_and_the_other_way_round(cli):
    fa.add("shop", sales(), horizon=7, folds=2, candidates=["naive", "seasonal_naive"])
    assert cli("evaluate", "shop").code == 0
    best = fa.champions("shop", to="polars")
    assert best["champion"].to_list() == ["seasonal_naive"] * 2
    assert isinstance(fa.champions("shop"), pd.DataFrame)
    exported = cli("export", "champions", "shop", "--format", "json").rows
    assert [row["series"] for row in exported] == best["series"].to_list()
    assert len(fa.forecast("shop", series=["shop__A__milk"])) == 7
    assert fa.forecast("shop", level="store", to="polars")["store"].unique().to_list() == ["A"]
    assert cli("evaluate", "shop", "--horizon", "28").code == 0
    assert len(fa.forecast("shop", series=["shop__A__milk"])) == 28


def test_new_sales_replace_the_old_ones_only_when_that_is_said(cli):
    fa.add("shop", sales())
    with pytest.raises(BadSetting, match="exists already"):
        fa.add("shop", sales())
    fa.add("shop", sales().head(DAYS), replace=True)
    fa.evaluate("shop", candidates=["naive", "seasonal_naive"], horizon=7, n_splits=2)
    (row,) = cli("dataset", "list", "--format", "json").rows
    assert row["rows"] == DAYS


@pytest.mark.usefixtures("cli")
def test_bad_sales_leave_nothing_behind():
    spoilt = sales().with_columns(units=pl.when(pl.col("units") == 3).then(-1).otherwise("units"))
    with pytest.raises(BadSales):
        fa.add("shop", spoilt)
    with pytest.raises(UnknownName):
        fa.champions("shop")
    fa.add("shop", sales())


def test_nixtlas_long_format_is_split_into_store_and_product():
    split = frames.to_sales(nixtla(bread="A/bread", milk="A/milk"))
    assert split.select("store_id", "product_id").unique().sort("product_id").rows() == [
        ("A", "bread"),
        ("A", "milk"),
    ]
    whole = frames.to_sales(nixtla(bread="bread", milk="milk"))
    assert whole["store_id"].unique().to_list() == [frames.ONE_STORE]
    assert whole.height == 2 * DAYS


@pytest.mark.usefixtures("cli")
def test_nixtlas_long_format_becomes_a_dataset():
    fa.add("shop", nixtla(bread="A/bread", milk="A/milk"), horizon=7, folds=2)
    best = fa.evaluate("shop", candidates=["naive", "seasonal_naive"])
    assert sorted(best["series"]) == ["shop__A__bread", "shop__A__milk"]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ([1, 2], "list is no frame"),
        (pd.DataFrame({"store_id": [7, "007"]}), "mixes types: Could not convert '007'"),
        (nixtla(bread="A/bread", milk="milk"), "'milk' is no store/product"),
        (nixtla(bread="A/bread", milk="A/milk").assign(store_id="A"), "unique_id and store_id"),
    ],
)
def test_a_frame_that_cannot_be_read_is_refused(frame, problem):
    with pytest.raises(BadSales, match=problem):
        frames.to_sales(frame)


def test_a_frame_of_months_has_folds_of_months_and_its_guesses_are_said(cli, capsys):
    months = pd.period_range("2020-01", periods=48, freq="M")
    sales = pd.DataFrame({"Filiale": "007", "Artikel": 7, "Monat": months, "Menge": range(48)})
    fa.add("shop", sales, folds=3)
    assert "columns guessed by their names: store='Filiale', product='Artikel'" in capsys.readouterr().err
    (details,) = cli("dataset", "show", "shop", "--format", "json").rows
    assert (details["period"], details["folds"]) == ("month", "3 of 3 months")


def test_a_table_of_arrow_is_a_frame():
    assert frames.to_sales(pa.table({"units": [1.0]})).rows() == [(1.0,)]
