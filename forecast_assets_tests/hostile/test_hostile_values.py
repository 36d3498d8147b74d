"""Days, units and flags through every door: beyond what one bad cell can show."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.errors import BadSales
from forecast_assets_tests.hostile.doors import (
    CALLED,
    DOORS,
    KEY,
    NAMES,
    NUMBER,
    TODAY,
    problem,
    read,
    spoilt,
    three_days,
    through,
)

LATE = dt.datetime(2024, 1, 2, 23, 59)  # noqa: DTZ001 - such a column is under test


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("day", "what"),
    [
        (dt.date(1899, 12, 30), "lies before 1970-01-01"),
        (dt.date(1969, 12, 31), "lies before 1970-01-01"),
        (dt.date(2024, 6, 2), "holds units of days after today"),
        (dt.date(2099, 1, 1), "lies more than 730 days ahead"),
    ],
)
def test_days_outside_the_calendar_are_refused(day, what, door, tmp_path):
    place = f"line 3 ({day})" if door == "csv" else f"S1 / P1 / {day}"
    assert (
        problem(through(door, tmp_path, spoilt("date", day)))
        == f"{CALLED[door]}: column 'date' {what}: {place}"
    )


@pytest.mark.parametrize("door", DOORS)
def test_today_may_sell_and_the_next_730_days_may_be_planned(door, tmp_path):
    rows = [["S1", "P1", TODAY, 3], ["S1", "P1", TODAY + dt.timedelta(days=730), None]]
    assert read(through(door, tmp_path, rows))["S1"]["units"].to_list() == [3, None]
    late = [["S1", "P1", TODAY, 3], ["S1", "P1", TODAY + dt.timedelta(days=731), None]]
    (tmp_path / "late").mkdir()
    assert "more than 730 days ahead" in problem(through(door, tmp_path / "late", late))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([LATE], "holds a time of day: S1 / P1 (2024-01-02 23:59:00)"),
        (
            [dt.datetime(2024, 1, 2, tzinfo=dt.UTC)],
            "holds a time zone: S1 / P1 (2024-01-02 00:00:00+00:00)",
        ),
        ([20240102], "holds what is not a date: S1 / P1 (20240102)"),
        ([True], "holds what is not a date: S1 / P1 (True)"),
    ],
)
def test_parquet_dates_of_other_types_are_refused(values, message, tmp_path):
    rows = [["S1", "P1", value, 1] for value in values]
    assert problem(through("parquet", tmp_path, rows)) == f"sales.parquet: column 'date' {message}"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_midnight_timestamps_are_dates(unit, tmp_path):
    table = pa.table(
        {
            "store_id": ["S1"],
            "product_id": ["P1"],
            "date": pa.array([dt.datetime(2024, 1, 2)]).cast(pa.timestamp(unit)),  # noqa: DTZ001
            "units": [1],
        }
    )
    pq.write_table(table, tmp_path / "sales.parquet")
    assert read(FileSource(path=tmp_path / "sales.parquet"))["S1"]["date"].to_list() == [dt.date(2024, 1, 2)]


@pytest.mark.parametrize("day", ["02/01/2024", "2024-01-02"])
def test_a_date_format_reads_only_what_it_says(day, tmp_path):
    rows = [["S1", "P1", day, 1]]
    source = through("csv", tmp_path, rows, date_format="%d/%m/%Y")
    if "/" in day:
        assert read(source)["S1"]["date"].to_list() == [dt.date(2024, 1, 2)]
    else:
        assert problem(source) == "sales.csv: column 'date' holds what is not a date: line 2 ('2024-01-02')"


def test_mixed_formats_name_only_the_odd_ones(tmp_path):
    rows = [["S1", "P1", day, 1] for day in ("2024-01-01", "02.01.2024", "2024-01-03", "01/04/2024")]
    assert problem(through("csv", tmp_path, rows)) == (
        "sales.csv: column 'date' holds what is not a date: line 3 ('02.01.2024'), line 5 ('01/04/2024')"
    )


@pytest.mark.parametrize("door", DOORS)
def test_duplicates_are_named_with_both_lines(door, tmp_path):
    rows = [*three_days(), ["S1", "P1", dt.date(2024, 1, 2), 9]]
    place = f"line 3 and line 5 ({KEY})" if door == "csv" else KEY
    assert problem(through(door, tmp_path, rows)) == (
        f"{CALLED[door]}: a store, product and date may occur only once: {place}"
    )


@pytest.mark.parametrize("door", DOORS)
def test_gaps_and_disorder_are_not_errors(door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, day), day] for day in (9, 1, 30)]
    assert read(through(door, tmp_path, rows))["S1"]["units"].to_list() == [1, 9, 30]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("units", [[0, 0, 0], [0, 5, 0], [4, 4, 4], [None, None, None]])
def test_dull_series_are_accepted(units, door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 1 + place), value] for place, value in enumerate(units)]
    assert read(through(door, tmp_path, rows))["S1"]["units"].to_list() == units


def test_decimals_are_numbers(tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 2), Decimal("2.50")]]
    assert read(through("parquet", tmp_path, rows))["S1"]["units"].to_list() == [2.5]


def test_boolean_units_are_refused(tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 2), True]]
    assert problem(through("parquet", tmp_path, rows)) == (
        f"sales.parquet: column 'units' holds true/false instead of numbers: {KEY} (True)"
    )


def test_lists_are_no_units(tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 2), [1, 2]]]
    assert (
        problem(through("parquet", tmp_path, rows))
        == "sales.parquet: column 'units' holds list<element: int64>"
    )


@pytest.mark.parametrize("door", DOORS)
def test_stockouts_are_not_observed_while_true_zeros_are(door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 1 + place), 0, flag] for place, flag in enumerate((0, 1, None))]
    source = through(door, tmp_path, rows, (*NAMES, "out"), columns=Columns(stockout="out"))
    assert read(source)["S1"]["units"].to_list() == [0, None, 0]


@pytest.mark.parametrize("door", DOORS)
def test_a_flag_is_true_or_false(door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 2), 0, 2]]
    source = through(door, tmp_path, rows, (*NAMES, "shut"), columns=Columns(closed="shut"))
    place = "line 2 ('2')" if door == "csv" else f"{KEY} (2)"
    assert problem(source) == f"{CALLED[door]}: column 'shut' is neither true/false nor 0/1: {place}"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("value", "what"),
    [("cheap", NUMBER), (float("inf"), "is infinite"), (1e300, "is too large for a number of 32 bits")],
)
def test_a_price_is_a_number(value, what, door, tmp_path):
    rows = [["S1", "P1", dt.date(2024, 1, 2), 0, value]]
    source = through(door, tmp_path, rows, (*NAMES, "eur"), columns=Columns(price="eur"))
    assert problem(source).startswith(f"{CALLED[door]}: column 'eur' {what}: ")


def test_the_first_twenty_are_named_and_all_are_counted(tmp_path):
    rows = [["S1", f"P{n}", dt.date(2024, 1, 1), -n] for n in range(1, 31)]
    message = problem(through("csv", tmp_path, rows))
    assert message.startswith("sales.csv: column 'units' is negative: line 2 ('-1'), line 3 ('-2')")
    assert message.endswith("line 21 ('-20') and 10 more (30 in all)")


def test_everything_wrong_is_told_at_once(tmp_path):
    rows = [
        ["S\x001", "P1", dt.date(2024, 1, 1), 1],
        ["S1", "P1", "x", 1],
        ["S1", "P1", dt.date(2024, 1, 1), -1],
    ]
    with pytest.raises(BadSales) as refused:
        read(through("csv", tmp_path, rows))
    for part in ("line 2 ('S\\x001')", "line 3 ('x')", "line 4 ('-1')"):
        assert part in refused.value.problem
    for part in ("NUL", "YYYY-MM-DD", "--returns zero"):
        assert part in refused.value.remedy
