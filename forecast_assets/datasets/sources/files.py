"""Files as a source: one, a folder, a glob, here or behind a URL.

Belongs here: what may be said about files, which reader takes them, whether they have changed.
Does not belong here: opening files (``opening``), reading one (``csv_files`` and its neighbours).
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from forecast_assets.datasets.sources import opening
from forecast_assets.datasets.sources.base import Part, Piece, SourceBase
from forecast_assets.datasets.sources.columns import Columns, spellings
from forecast_assets.datasets.sources.dialects import Dialect
from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.errors import BadSales, BadSetting

if TYPE_CHECKING:
    import pyarrow as pa

    from forecast_assets.datasets.sources.csv_files import CsvFile
    from forecast_assets.datasets.sources.parquet_files import ParquetFile
    from forecast_assets.datasets.sources.whole_files import JsonFile, SheetFile

DAY_NUMBERS = "excel"
_CHUNK = 2**20


class FileSource(SourceBase):
    """Files of one kind: CSV, Parquet, a spreadsheet or JSON."""

    kind: Literal["file"] = "file"
    path: str = Field(description="A file, a folder, a pattern such as 'exports/*.csv', or a URL.")
    columns: Columns = Columns()
    date_format: str | None = Field(
        default=None,
        description=f"How dates are written, such as %d/%m/%Y; {DAY_NUMBERS}: a spreadsheet's day numbers.",
    )
    map_ids: bool = Field(default=True, description="Of no effect: every text is an id.")
    dialect: Dialect = Dialect()
    rows: RowRules = RowRules()
    sheet: str | None = Field(default=None, description="Sheet of a spreadsheet; the first one if unset.")
    header_row: int = Field(
        default=1, ge=1, description="Line that names the columns; what stands above it is left out."
    )
    wide: bool = Field(default=False, description="The table has one column per day instead of one row.")
    first_day: date | None = Field(default=None, description="Day number 1, where days are numbered (d_1).")
    single_store: str | None = Field(default=None, description="Id of the one store, if no column says it.")
    single_product: str | None = Field(
        default=None, description="Id of the one product, if no column says it."
    )

    @field_validator("path", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        return str(value) if isinstance(value, Path) else value

    @field_validator("path")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        opening.check_url(value)
        return value

    @field_validator("date_format")
    @classmethod
    def _names_one_day(cls, value: str | None) -> str | None:
        if value is not None and value != DAY_NUMBERS and not _round_trips(value):
            raise BadSetting(
                f"date_format {value!r} does not name one day",
                remedy="use year, month and day, for instance %d/%m/%Y or %Y%m%d",
            )
        return value

    @property
    def name(self) -> str:
        """How messages call this source."""
        return PurePosixPath(self.path).name or self.path

    def files(self) -> list[SourceFile]:
        """The files to read, in natural order of their names. Raises ``BadSetting`` when there are none."""
        return list(opening.find(self.path).files)

    def left_out(self) -> list[str]:
        """Files of the folder that are not read: hidden ones, marks of programs, notes of people."""
        return list(opening.find(self.path).left_out)

    def fingerprint(self) -> str:
        """Hash of the settings and of the files' names and bytes."""
        digest = hashlib.blake2b(self.model_dump_json().encode(), digest_size=16)
        for file in self.files():
            content = hashlib.blake2b()
            with opening.outage(file.name), file.raw() as stream:
                while chunk := stream.read(_CHUNK):
                    content.update(chunk)
            digest.update(file.name.encode() + b"\0" + content.digest())
        return digest.hexdigest()

    def parts(self) -> Iterator[Part]:
        """One part per text file, sheet or Parquet row group, or per block of rows of a wide table."""
        for piece, opened in self.pieces().items():
            yield from (replace(part, piece=piece) for part in opened())

    def pieces(self, before: Collection[Piece] = ()) -> Mapping[Piece, Callable[[], Iterable[Part]]]:
        """One piece per row group of Parquet, per file of another kind, or per stretch that it grew by."""
        from forecast_assets.datasets.sources import pieces

        files = self.files()
        order = sorted(files, key=SourceFile.modified) if self.rows.overlap == "newest-time" else files
        age = {file.name: place for place, file in enumerate(order)}
        opened: dict[Piece, Callable[[], Iterable[Part]]] = {}
        for file in files:
            read = partial(self._aged, age[file.name])
            is_plain = not file.is_packed and not self.wide
            if file.kind == "parquet" and is_plain:
                metadata = _parquet(file).metadata()
                names = spellings(metadata.schema.to_arrow_schema().names, self.columns.needed)
                groups = pieces.row_groups(file, metadata, list(names.values()))
                opened |= zip(groups, _one_each(partial(read, file), len(groups)), strict=True)
            elif file.kind == "csv" and is_plain and self.dialect.is_fixed:
                quote = self.dialect.quote or '"'
                grown = pieces.grown(file, before, self.header_row, quote)
                opened |= {one: partial(read, stretch) for one, stretch in grown}
            else:
                opened[pieces.whole(file)] = partial(read, file)
        return opened

    def _aged(self, age: int, file: SourceFile) -> Iterator[Part]:
        for part in self._parts(file):
            yield replace(part, file=file.name, age=age)

    def _parts(self, file: SourceFile) -> Iterator[Part]:
        from forecast_assets.datasets.sources import layouts

        constants = self.constants(file)
        days = self._days(file) if self.wide else {}
        melted = {self.columns.date, self.columns.units} if self.wide else set()
        needed = [name for name in self.columns.needed if name not in constants and name not in melted]
        ids = [name for name in (self.columns.store, self.columns.product) if name in needed]
        written = spellings(self.header(file), needed)
        for piece in self.parts_of(
            file, [*(written[name] for name in needed), *days], [written[name] for name in ids]
        ):
            part = layouts.renamed(piece, written)
            whole = layouts.with_constants(part, constants, next(iter((*needed, *days)), ""))
            if self.wide:
                yield from layouts.melted(
                    whole, days, date_column=self.columns.date, units_column=self.columns.units
                )
            else:
                yield whole

    def parts_of(self, file: SourceFile, needed: Sequence[str], ids: Sequence[str]) -> Iterator[Part]:
        """Open one file: parts with the ``needed`` columns, of which ``ids`` have few values."""
        if file.kind == "csv":
            yield self.text(file).part(needed, ids)
        elif file.kind == "parquet":
            yield from _parquet(file).parts(needed, ids)
        elif file.kind == "sheet":
            yield self._sheet(file).part(needed)
        else:
            yield _json(file).part(needed)

    def text(self, file: SourceFile) -> "CsvFile":
        """A text file as it is written: as declared, the rest as its beginning shows."""
        from forecast_assets.datasets.sources.csv_files import CsvFile, completed

        drops = self.rows.totals == "drop" and not self.wide
        return CsvFile(file, completed(file, self.dialect), self.header_row, drops)

    def constants(self, file: SourceFile) -> dict[str, str | None]:
        """Columns that hold one text on every row of ``file``: single ids, and names of its folders."""
        present = set(self.header(file))
        folders = {name: value for name, value in file.folders if name not in present}
        used = {name: value for name, value in folders.items() if name in self.columns.needed}
        single = {self.columns.store: self.single_store, self.columns.product: self.single_product}
        return used | {name: value for name, value in single.items() if value is not None}

    def header(self, file: SourceFile) -> list[str]:
        """Names of the columns of a file. Raises ``BadSales``."""
        if file.kind == "csv":
            return self.text(file).header()
        if file.kind == "parquet":
            return list(_parquet(file).metadata().schema.to_arrow_schema().names)
        return list(self.head(file, 1).column_names)

    def head(self, file: SourceFile, rows: int) -> "pa.Table":
        """The first rows of a file that is not CSV, with all columns. Raises ``BadSales``."""
        if file.kind == "parquet":
            return _parquet(file).head(rows)
        whole = self._sheet(file) if file.kind == "sheet" else _json(file)
        return whole.table().slice(0, rows)

    def sheets(self, file: SourceFile) -> list[str]:
        """Names of all sheets of a spreadsheet."""
        return self._sheet(file, header_row=1).sheets()

    def top(self, file: SourceFile, rows: int) -> list[list[str]]:
        """The cells of the first rows of a text file or sheet; nothing of other kinds, which have names."""
        if file.kind == "csv":
            return replace(self.text(file), header_row=1).top(rows)
        return self._sheet(file, header_row=1).top(rows) if file.kind == "sheet" else []

    def _sheet(self, file: SourceFile, header_row: int | None = None) -> "SheetFile":
        from forecast_assets.datasets.sources.whole_files import SheetFile

        return SheetFile(file, self.sheet, header_row or self.header_row)

    def _days(self, file: SourceFile) -> dict[str, date]:
        from forecast_assets.datasets.sources import layouts

        days = layouts.day_columns(self.header(file), self.first_day, self.date_format)
        if not days:
            raise BadSales(
                f"{file.name} has no columns that are days",
                remedy="say which day number 1 is (--first-day), or how the days are written (--date-format)",
            )
        return days


def _parquet(file: SourceFile) -> "ParquetFile":
    from forecast_assets.datasets.sources.parquet_files import ParquetFile

    return ParquetFile(file)


def _json(file: SourceFile) -> "JsonFile":
    from forecast_assets.datasets.sources.whole_files import JsonFile

    return JsonFile(file)


def _one_each(read: Callable[[], Iterable[Part]], count: int) -> list[Callable[[], Iterable[Part]]]:
    """Return what opens each of ``count`` parts alone; the file that holds them is opened once for all."""
    opened = cache(lambda: list(read()))

    def only(at: int) -> list[Part]:
        return opened()[at : at + 1]

    return [partial(only, at) for at in range(count)]


def _round_trips(date_format: str) -> bool:
    import polars as pl

    from forecast_assets.datasets.sources import date_formats

    day = pl.Series([date(2001, 11, 30)])
    try:
        whole_format, _ = date_formats.completed(date_format)
        return bool((day.dt.strftime(whole_format).str.to_date(whole_format, strict=False) == day).all())
    except pl.exceptions.PolarsError:
        return False
