"""Files of one folder are written alike, or the one that is not is named before anything is read."""

import datetime as dt

import pytest

from forecast_assets.datasets.checking import check_source
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.profiles import profile
from forecast_assets.datasets.sources import FileSource
from forecast_assets.errors import BadSetting

HEADER = "store_id;product_id;date;units"


def folder(place, *files: tuple[str, str, str], header: str = HEADER) -> FileSource:
    """One file for each name of columns, format of dates and cell of units."""
    for number, (names, date_format, cell) in enumerate(files):
        first = dt.date(2024, 1 + number, 10)
        days = [first + dt.timedelta(days=n) for n in range(14)]
        lines = [names or header, *(f"S1;P1;{day.strftime(date_format)};{cell}" for day in days)]
        (place / f"{'abc'[number]}.csv").write_text("\n".join(lines) + "\n")
    return FileSource(path=str(place))


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (("", "%d.%m.%Y", "3"), ("", "%Y-%m-%d", "3"), "b.csv writes dates as YYYY-MM-DD"),
        (("", "%d/%m/%Y", "3"), ("", "%m/%d/%Y", "3"), "b.csv writes dates as %m/%d/%Y"),
        (("", "%Y-%m-%d", "1,5"), ("", "%Y-%m-%d", "1.5"), "b.csv writes numbers as '1.5', and a.csv with a"),
        (("", "%Y-%m-%d", "1.5"), ("", "%Y-%m-%d", "1,5"), "and a.csv with a decimal point"),
        (("", "%Y-%m-%d", "1.234"), ("", "%Y-%m-%d", "1,5"), "and a.csv as '1.234'"),
        (("", "%Y-%m-%d", "1'234.5"), ("", "%Y-%m-%d", "1.234,5"), "thousands separated by"),
        (("", "%Y-%m-%d", "3"), ("shop;sku;day;qty", "%Y-%m-%d", "3"), "b.csv has no column 'store_id'"),
        (("", "%Y-%m-%d", "3"), ("Report", "%Y-%m-%d", "3"), "its line 1 names 'Report'"),
    ],
)
def test_a_file_that_is_written_otherwise_is_named_with_what_mends_it(first, second, problem, tmp_path):
    source = folder(tmp_path, first, second)
    with pytest.raises(BadSetting, match=r"b\.csv") as refused:
        profile(source, {})
    assert problem in refused.value.problem
    assert "by a pattern" in refused.value.remedy
    assert profile(FileSource(path=str(tmp_path / "a*.csv")), {}).files == 1


def test_what_only_a_later_file_shows_of_numbers_is_said_and_holds_for_all(tmp_path):
    files = [("", "%Y-%m-%d", cell) for cell in ("3", "1,5", "1.234,5")]
    profiled = profile(folder(tmp_path, *files), {})
    assert (profiled.source.dialect.decimal, profiled.source.dialect.thousands) == (",", ".")
    assert "b.csv: decimal comma, thousands separated by '.'" in profiled.notes


@pytest.mark.parametrize(
    ("later", "problem"),
    [
        (("", "%d.%m.%Y", "1.5"), "b.csv writes dates as %d.%m.%Y"),
        (("", "%Y-%m-%d", "1,5"), "b.csv writes numbers as '1,5'"),
    ],
)
def test_a_file_that_comes_later_and_is_written_otherwise_is_named(later, problem, tmp_path):
    known = profile(folder(tmp_path, ("", "%Y-%m-%d", "1.5")), {}).source
    folder(tmp_path, ("", "%Y-%m-%d", "1.5"), later)
    with pytest.raises(BadSetting, match=problem):
        check_source(known, DatasetOptions(), dt.date(2024, 6, 1), None)


@pytest.mark.parametrize("cells", [("3", "1.5"), ("1.5", "3"), ("3", "4"), ("1.5", "1.234"), ("1'234", "3")])
def test_files_that_do_not_contradict_each_other_are_read(cells, tmp_path):
    profiled = profile(folder(tmp_path, *[("", "%Y-%m-%d", cell) for cell in cells]), {})
    assert (profiled.files, profiled.source.dialect.decimal) == (2, "." if "1.5" in cells else None)
