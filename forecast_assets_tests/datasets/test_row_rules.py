"""Rows that are not one a day: receipts, returns, stamps, exports that overlap. Nothing is lost untold."""

import datetime as dt
import os
from pathlib import Path

import polars as pl
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.errors import BadSales, BadSetting
from forecast_assets_tests.hostile.doors import DOORS, NAMES, through

TODAY = dt.date(2024, 6, 1)
DAY = dt.date(2024, 1, 2)


def opened(source: FileSource) -> tuple[pl.DataFrame, CanonicalReader]:
    reader = CanonicalReader(source, dataset="shop", today=TODAY)
    return pl.concat(frame for _, frame in reader), reader


def csv(folder: Path, lines: list[str], name: str = "sales.csv", **declared: object) -> FileSource:
    (folder / name).write_text("\n".join(["store_id,product_id,date,units", *lines]) + "\n")
    return FileSource.model_validate({"path": str(folder / name), **declared})


@pytest.mark.parametrize("door", DOORS)
def test_receipts_are_added_up_and_counted(door, tmp_path):
    rows = [["S1", "P1", DAY, units, price] for units, price in ((1, 2.0), (3, 4.0), (-1, 4.0))]
    columns, rules = Columns(price="eur"), RowRules(receipts="sum")
    frame, reader = opened(
        through(door, tmp_path, rows, (*NAMES, "eur"), columns=columns).model_copy(update={"rows": rules})
    )
    assert frame["units"].to_list() == [3.0]
    assert frame["price"].to_list() == [3.5]  # of the units sold
    assert reader.summary.summed == 2


def test_a_day_below_zero_after_adding_up_is_refused_with_its_units(tmp_path):
    source = csv(tmp_path, [f"S1,P1,{DAY},2", f"S1,P1,{DAY},-5"], rows={"receipts": "sum"})
    with pytest.raises(
        BadSales, match="is negative after adding up each day: S1 / P1 / 2024-01-02"
    ) as refused:
        opened(source)
    assert "1 days hold 3 units below zero" in refused.value.remedy


@pytest.mark.parametrize("kept", ["keep", "zero"])
def test_returns_net_the_sales_of_their_day_and_the_rest_is_counted(kept, tmp_path):
    rows = [f"S1,P1,{DAY},7", f"S1,P1,{DAY},-2", "S1,P1,2024-01-03,-4", "S1,P1,2024-01-04,1"]
    frame, reader = opened(csv(tmp_path, rows, rows={"returns": kept}))
    assert frame["units"].to_list() == [5, 0, 1]
    assert (reader.summary.returned, reader.summary.returned_units) == (1, 4.0)
    assert ("returns" in frame.columns) == (kept == "keep")
    if kept == "keep":
        assert frame["returns"].to_list() == [0, 4, 0]


def test_sales_that_occur_twice_are_no_returns(tmp_path):
    with pytest.raises(BadSales, match="may occur only once"):
        opened(csv(tmp_path, [f"S1,P1,{DAY},7", f"S1,P1,{DAY},2"], rows={"returns": "zero"}))


@pytest.mark.parametrize(("overlap", "units"), [("newest", 2), ("newest-time", 1)])
def test_the_newest_file_wins_a_day_that_two_hold(overlap, units, tmp_path):
    for name, sold in (("export_9.csv", 1), ("export_10.csv", 2)):
        csv(tmp_path, [f"S1,P1,{DAY},{sold}", f"S1,P{sold},2024-01-03,5"], name)
    os.utime(tmp_path / "export_10.csv", (1, 1))
    frame, reader = opened(FileSource(path=str(tmp_path), rows=RowRules(overlap=overlap)))
    assert frame.filter(date=DAY)["units"].to_list() == [units]
    assert sum(reader.summary.replaced.values()) == 1


def test_a_file_that_repeats_itself_is_no_overlap(tmp_path):
    csv(tmp_path, [f"S1,P1,{DAY},1"] * 2, "a.csv")
    csv(tmp_path, [f"S1,P1,{DAY},2"] * 2, "b.csv")
    with pytest.raises(BadSales, match=r"line 2 of b\.csv and line 3 of b\.csv"):
        opened(FileSource(path=str(tmp_path), rows=RowRules(overlap="newest")))


@pytest.mark.parametrize(
    ("stamps", "rules", "days"),
    [
        (["2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"], {"time_zone": "Europe/Paris"}, [31, 1]),
        (["2024-03-30 23:00", "2024-03-31 22:00"], {"time_zone": "Europe/Paris"}, [31, 1]),
        (["2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+0200"], {"time_zone": "Europe/Paris"}, [31, 1]),
        (["2024-03-31T00:00:00Z", "2024-04-01T00:00:00Z"], {"time_zone": "UTC"}, [31, 1]),
        (["2024-03-31 23:59:59", "2024-04-01 08:00"], {"cut_time": True}, [31, 1]),
        (["2024-03-31 11:59:59 PM", "2024-04-01 12:30 am"], {"cut_time": True}, [31, 1]),
    ],
)
def test_stamps_become_the_days_of_the_stores(stamps, rules, days, tmp_path):
    frame, _ = opened(csv(tmp_path, [f"S1,P1,{stamp},1" for stamp in stamps], rows=rules))
    assert [day.day for day in frame["date"].to_list()] == days


@pytest.mark.parametrize(
    ("stamps", "remedy"),
    [
        (["2024-03-30 23:00", "2024-03-31 22:00"], "--time-zone"),
        (["2024-03-30 23:59:59", "2024-03-31 23:59:59"], "--cut-time"),
        (["2024-03-30 10:00", "2024-03-30 11:30", "2024-03-30 18:12"], "--receipts sum"),
        (["2024-03-30T00:00:00Z", "2024-03-31T00:00:00Z"], "--time-zone UTC"),
        (["46023", "46024"], "--date-format excel"),
    ],
)
def test_the_remedy_fits_what_the_stamps_look_like(stamps, remedy, tmp_path):
    with pytest.raises(BadSales) as refused:
        opened(csv(tmp_path, [f"S1,P1,{stamp},1" for stamp in stamps]))
    assert remedy in refused.value.remedy


def test_day_numbers_of_a_spreadsheet_are_days(tmp_path):
    frame, _ = opened(csv(tmp_path, ["S1,P1,45293,1"], date_format="excel"))
    assert frame["date"].to_list() == [DAY]


@pytest.mark.parametrize(
    "words", [("Y", "n"), ("yes", "no"), ("JA", "nein"), ("TRUE", "FALSE"), ("wahr", "")]
)
@pytest.mark.parametrize("door", DOORS)
def test_flags_speak_several_languages(words, door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 1 + n), 3, word] for n, word in enumerate(words)]
    source = through(door, tmp_path, rows, (*NAMES, "deal"), columns=Columns(promo="deal"))
    values = opened(source)[0]["promo"].to_list()
    assert values == ([1, 0] if words[1] else [1, None])


@pytest.mark.parametrize("door", DOORS)
def test_open_days_are_the_others_of_closed_ones(door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 1 + n), 3 * flag, flag] for n, flag in enumerate((1, 0, 1))]
    source = through(door, tmp_path, rows, (*NAMES, "shop_open"), columns=Columns(open="shop_open"))
    assert opened(source)[0]["units"].to_list() == [3, None, 3]


def test_rows_without_any_value_are_left_out_and_counted(tmp_path):
    rows = ["S1,P1,2024-01-01,1", ",,,", "S1,P1,2024-01-02,2", ",,,"]
    frame, reader = opened(csv(tmp_path, rows))
    assert (frame["units"].to_list(), reader.summary.empty_rows) == ([1, 2], 2)


@pytest.mark.parametrize("total", ["Total,,,1", "S1,Total,,1", ",,Total,1", ",,,1"])
def test_sums_at_the_end_are_refused_with_the_option_that_leaves_them_out(total, tmp_path):
    rows = ["S1,P1,2024-01-01,1", total]
    with pytest.raises(BadSales, match=r"(?s): line 3.*--totals drop"):
        opened(csv(tmp_path, rows))
    frame, reader = opened(csv(tmp_path, rows, rows=RowRules(totals="drop")))
    assert (frame["units"].to_list(), reader.summary.total_rows) == ([1], 1)


@pytest.mark.parametrize("stores", [1, 3])
def test_notes_at_the_end_are_left_out_and_counted_if_that_is_asked_for(stores, tmp_path, monkeypatch):
    monkeypatch.setattr("forecast_assets.datasets.validation.ROWS_PER_BATCH", 1)
    rows = [f"S{store},P1,2024-01-01,1" for store in range(stores)]
    notes = ["Exported by ann", "page 1;of 1"]
    with pytest.raises(BadSales, match=rf"(?s)line {stores + 2} has 1 of 4.*--totals drop"):
        opened(csv(tmp_path, rows + notes))
    frame, reader = opened(csv(tmp_path, rows + notes, rows=RowRules(totals="drop")))
    assert (len(frame), reader.summary.total_rows) == (stores, 2)
    with pytest.raises(BadSales, match="line 2 has 1 of 4 columns"):
        opened(csv(tmp_path, [notes[0], *rows], rows=RowRules(totals="drop")))


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("1,200", "--thousands comma (1,200 is more than a thousand) or --decimal comma"),
        ("1,5", "--decimal comma"),
        ("1_200", "--thousands _"),
        ("20%", "without a sign of percent"),
        ("3 pcs", "leave units of measure out"),
        ("#DIV/0!", "mend the formulas"),
        ("-", "write 0 where nothing was sold"),
        ("units", "remove lines that repeat the names of columns"),
    ],
)
def test_the_remedy_fits_what_numbers_look_like(cell, remedy, tmp_path):
    with pytest.raises(BadSales, match="line 3") as refused:
        opened(csv(tmp_path, [f"S1,P1,{DAY},1", f'S1,P1,2024-01-03,"{cell}"']))
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    ("ids", "named_as"),
    [
        (["A", " A"], "line 3 .'A' and ' A'."),
        (["\u00e9", "e\u0301"], r"line 3 .'\\xe9' and 'e\\u0301'."),
        (["1.0", "2.0"], r"floats: line 2 .'1.0'., line 3 .'2.0'."),
        (["A", "\ufeffB"], r"line 3 .'\\ufeffB'."),
    ],
    ids=["blanks", "accents", "floats", "mark of a joined file"],
)
def test_ids_that_are_refused_are_named_with_their_line(ids, named_as, tmp_path):
    with pytest.raises(BadSales, match=named_as):
        opened(csv(tmp_path, [f"S1,{one},{DAY},1" for one in ids]))


@pytest.mark.parametrize("written", ["3-", "(3)", "-3"])
def test_returns_are_read_as_programs_write_them(written, tmp_path):
    rows = ["S1,P1,2024-01-01,1", f"S1,P1,2024-01-02,{written}"]
    with pytest.raises(BadSales, match="1 rows hold 3 units below zero"):
        opened(csv(tmp_path, rows))
    _, reader = opened(csv(tmp_path, rows, rows=RowRules(returns="zero")))
    assert reader.summary.returned_units == 3


def test_a_zone_that_nobody_knows_is_refused():
    with pytest.raises(BadSetting, match="no time zone 'Mars'"):
        RowRules(time_zone="Mars")
