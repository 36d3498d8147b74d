"""Files that are read whole: spreadsheets and JSON.

Belongs here: opening one of them, and what is refused because it cannot be read.
Does not belong here: whether a value makes sense (``rules``).
"""

import codecs
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import polars as pl
import pyarrow as pa

from forecast_assets.datasets.sources import limits
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import check_columns
from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.errors import BadSales, BadSetting, listed

_EMPTY_ROWS = 25

_DEEPEST = 64
_DEPTH = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NO_OPENING = bytes(set(range(256)) - set(b"{[\n"))
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class SheetFile:
    """One sheet of a spreadsheet, the first unless it is named; row ``header_row`` names the columns."""

    file: SourceFile
    sheet: str | None
    header_row: int = 1

    @property
    def name(self) -> str:
        """How messages call the sheet."""
        return self.file.name if self.sheet is None else f"{self.file.name} ({self.sheet})"

    def sheets(self) -> list[str]:
        """Names of all sheets. Raises ``BadSales``."""
        import fastexcel

        try:
            return list(fastexcel.read_excel(self._bytes()).sheet_names)
        except (fastexcel.FastExcelError, OSError) as error:
            raise self._unreadable(error) from None

    def table(self) -> pa.Table:
        """All rows of the sheet. Raises ``BadSales``, and ``BadSetting`` for a sheet that is not there."""
        names, line = self._header()
        frame = self._cells(skip_rows=line)
        # Spreadsheets know one kind of number; ids and days are whole ones.
        whole = [
            name
            for name, kind in frame.schema.items()
            if kind.is_float() and (frame[name] == frame[name].round()).all()
        ]
        frame = frame.with_columns(pl.col(whole).cast(pl.Int64, strict=False))
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).rename_columns(names)

    def top(self, rows: int) -> list[list[str]]:
        """Return the cells of the first ``rows`` rows, whatever they are.

        Raises ``BadSales``, and ``BadSetting`` for a sheet that is not there.
        """
        frame = self._cells(skip_rows=0, n_rows=rows, dtypes="string")
        return [[cell or "" for cell in row] for row in frame.rows()]

    def part(self, needed: Sequence[str]) -> Part:
        """Read the ``needed`` columns; rows are lines, the first one below the header."""
        table = self.table()
        check_columns(self.name, table.column_names, needed)
        return Part(table.select(list(needed)).select, _Numbered(self.name, self._header()[1] + 1))

    def _header(self) -> tuple[list[str], int]:
        """Return the names of the columns and the line that holds them: the first one that is not empty.

        Names that are dates are written as dates.
        """
        rows = self.top(self.header_row + _EMPTY_ROWS)
        full = (n for n in range(self.header_row, len(rows) + 1) if any(rows[n - 1]))
        line = next(full, self.header_row)
        return (rows[line - 1] if line <= len(rows) else []), line

    def _cells(self, **which: Any) -> pl.DataFrame:  # noqa: ANN401 - the options of load_sheet
        """Read cells without names; empty rows and columns are rows and columns, too."""
        import fastexcel

        sheet = self._chosen()
        try:
            book = fastexcel.read_excel(self._bytes())
            frame: pl.DataFrame = book.load_sheet(
                sheet, header_row=None, schema_sample_rows=None, **which
            ).to_polars()
        except (fastexcel.FastExcelError, OSError) as error:
            raise self._unreadable(error) from None
        return frame

    def _chosen(self) -> str:
        names = self.sheets()
        if self.sheet is not None and self.sheet not in names:
            raise BadSetting(
                f"{self.file.name} has no sheet {self.sheet!r}",
                remedy=f"give --sheet one of {listed([repr(name) for name in names])}",
            )
        return self.sheet or names[0]

    def _bytes(self) -> bytes:
        limits.check_compressed(self.file)
        limits.check_zip(self.file)
        with self.file.raw() as stream:
            content: bytes = stream.read()
        return content

    def _unreadable(self, error: Exception) -> BadSales:
        return BadSales(
            f"{self.name} cannot be read as a spreadsheet: {str(error).splitlines()[0]}",
            remedy="the file is damaged, protected or of another kind: save it as .xlsx or as CSV UTF-8",
        )


@dataclass(frozen=True, slots=True)
class JsonFile:
    """JSON objects, one per row of sales: one a line, or all of them in one array."""

    file: SourceFile

    @property
    def name(self) -> str:
        """How messages call the file."""
        return self.file.name

    def table(self) -> pa.Table:
        """All rows. Raises ``BadSales``."""
        return self._read()[0]

    def part(self, needed: Sequence[str]) -> Part:
        """Read the ``needed`` columns; rows are lines unless they stand in an array."""
        table, is_array = self._read()
        check_columns(self.name, table.column_names, needed)
        return Part(table.select(list(needed)).select, None if is_array else _Numbered(self.name, 1))

    def _read(self) -> tuple[pa.Table, bool]:
        """Return all rows, and whether they stand in an array."""
        limits.check_compressed(self.file)
        try:
            with self.file.stream() as stream:
                content: bytes = stream.read().removeprefix(codecs.BOM_UTF8).lstrip()
        except OSError as error:
            raise self._unreadable(str(error).splitlines()[0]) from None
        is_array = content.startswith(b"[")
        if not is_array and (number := _deep_line(content)):
            raise self._unreadable(f"line {number} nests values more than {_DEEPEST} times")
        try:
            read = pl.read_json if is_array else pl.read_ndjson
            frame = read(content, infer_schema_length=None) if content.strip(b"[] \r\n") else pl.DataFrame()
        except pl.exceptions.PolarsError as error:
            broken = "" if is_array else _broken_line(content)
            raise self._unreadable(f"{broken}{str(error).splitlines()[0]}") from None
        if frame.is_empty():
            raise BadSales(f"{self.name} is empty", remedy="export the sales again")
        if len(frame) == 1 and any(kind.is_nested() for kind in frame.dtypes):
            raise self._unreadable("one object holds all rows")
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest()), is_array

    def _unreadable(self, why: str) -> BadSales:
        return BadSales(
            f"{self.name} cannot be read as JSON: {why}",
            remedy="write one object per row of sales, one a line or in one array, each value of a column of "
            "the same type; pandas does with to_json(orient='records')",
        )


def _deep_line(content: bytes) -> int | None:
    """The first line that nests deeper than a reader of lines survives, which then ends the whole process."""
    openings = content.translate(None, delete=_NO_OPENING).split(b"\n")
    if max(map(len, openings)) <= _DEEPEST:
        return None
    for number, line in enumerate(content.split(b"\n"), start=1):
        if len(openings[number - 1]) > _DEEPEST:
            depths = accumulate(_DEPTH.get(sign, 0) for sign in _TEXT.sub(b"", line))
            if max(depths, default=0) > _DEEPEST:
                return number
    return None


def _broken_line(content: bytes) -> str:
    """Name the first line that is no JSON, if there is one."""
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            json.loads(line or b"null")
        except ValueError:
            return f"line {number}: "
    return ""


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A file that has one row per line; record 0 is on line ``first``."""

    name: str
    first: int

    def lines(self, records: Iterable[int]) -> dict[int, int]:
        return {record: record + self.first for record in records}
