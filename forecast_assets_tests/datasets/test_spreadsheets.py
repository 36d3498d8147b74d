"""Workbooks as people keep them: titles, empty rows, days as names of columns, sums, several sheets."""

import datetime as dt
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.profiles import profile
from forecast_assets.datasets.sources import FileSource
from forecast_assets.errors import BadSales, BadSetting

Cell = str | float | dt.date | None
HEADER = ("store_id", "product_id", "date", "units")
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(20)]
BODY: list[tuple[Cell, ...]] = [("S1", 7, day, n) for n, day in enumerate(DAYS)]
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKED = "http://schemas.openxmlformats.org/package/2006"


def book(file: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> Path:
    """Write the least that is a workbook; dates are numbers with the format of dates."""
    names = list(enumerate(sheets, start=1))
    links = "".join(
        f'<Relationship Id="r{n}" Type="{_LINKS}/worksheet" Target="worksheets/{n}.xml"/>' for n, _ in names
    )
    styles = f'<Relationship Id="s" Type="{_LINKS}/styles" Target="styles.xml"/>'
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in names)
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{_PACKED}/relationships"><Relationship Id="b" '
        f'Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKED}/relationships">{links}{styles}'
        "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
        "</cellXfs></styleSheet>",
    }
    for n, name in names:
        rows = "".join(
            f'<row r="{at}">{"".join(_cell(chr(65 + c), at, cell) for c, cell in enumerate(row))}</row>'
            for at, row in enumerate(sheets[name], start=1)
        )
        parts[f"xl/worksheets/{n}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(file, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name, f'<?xml version="1.0"?>{text}')
    return file


def _cell(column: str, row: int, cell: Cell) -> str:
    at = f'r="{column}{row}"'
    if cell is None:
        return ""
    if isinstance(cell, dt.date):
        return f'<c {at} s="1"><v>{(cell - dt.date(1899, 12, 30)).days}</v></c>'
    if isinstance(cell, str):
        return f'<c {at} t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f"<c {at}><v>{cell}</v></c>"


def read(source: FileSource) -> tuple[pl.DataFrame, CanonicalReader]:
    reader = CanonicalReader(source, dataset="shop", today=dt.date(2024, 6, 1))
    return pl.concat(frame for _, frame in reader), reader


@pytest.mark.parametrize(
    "above",
    [[], [("Sales report",), ()], [(), ()], [("Sales",), ("of 2024",)]],
    ids=lambda rows: str(len(rows)),
)
def test_a_sheet_is_read_from_the_line_on_that_names_its_columns(above, tmp_path):
    file = book(tmp_path / "sales.xlsx", {"Data": [*above, HEADER, *BODY[:5], (), *BODY[5:]]})
    frame, reader = read(profile(FileSource(path=str(file)), {}).source)
    assert frame["date"].to_list() == DAYS
    assert frame["product_id"].cast(pl.String).unique().to_list() == ["7"]
    assert reader.summary.empty_rows == 1


def test_a_row_behind_empty_ones_is_named_by_the_line_of_the_sheet(tmp_path):
    rows = [("Report",), (), HEADER, *BODY, (), ("S1", "Total", None, 190)]
    source = profile(FileSource(path=str(book(tmp_path / "sales.xlsx", {"Data": rows}))), {}).source
    with pytest.raises(BadSales, match="has no date: line 25"):
        read(source)
    dropped = source.model_copy(update={"rows": source.rows.model_copy(update={"totals": "drop"})})
    assert read(dropped)[1].summary.total_rows == 1


def test_columns_that_are_days_are_read_with_their_zeros(tmp_path):
    rows: list[tuple[Cell, ...]] = [("store_id", "product_id", *DAYS)]
    rows.append(("S1", "P1", *(n // 3 for n in range(20))))
    file = book(tmp_path / "wide.xlsx", {"Data": rows})
    frame, _ = read(profile(FileSource(path=str(file)), {}).source)
    assert frame["date"].to_list() == DAYS
    assert frame["units"].to_list() == [n // 3 for n in range(20)]


def test_a_column_that_appears_twice_is_refused(tmp_path):
    rows = [(*HEADER, "units"), *[(*row, 1) for row in BODY]]
    source = FileSource(path=str(book(tmp_path / "sales.xlsx", {"Data": rows})))
    with pytest.raises(BadSales, match="column 'units' appears twice"):
        read(profile(source, {}).source)


def test_a_sheet_is_named_and_others_are_said(tmp_path):
    file = book(tmp_path / "sales.xlsx", {"Notes": [("hello",)], "Sales": [HEADER, *BODY]})
    with pytest.raises(BadSetting, match="sheet 'Notes' is read, not 'Sales'"):
        profile(FileSource(path=str(file)), {})
    profiled = profile(FileSource(path=str(file), sheet="Sales"), {})
    assert "sheet 'Sales' is read, not 'Notes' (--sheet)" in profiled.notes
    assert len(read(profiled.source)[0]) == 20
