"""CSV files: their rows as text, and the line of each.

Belongs here: opening one CSV file, and what is refused because it cannot be read as one.
Does not belong here: whether a value makes sense (``rules``).
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from forecast_assets.datasets.sources import limits
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import Columns, check_columns
from forecast_assets.errors import SHOWN_OFFENDERS, BadSales, listed


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file whose rows are lines."""

    path: Path

    @property
    def name(self) -> str:
        """How messages call the file."""
        return self.path.name

    def lines(self, records: Iterable[int]) -> dict[int, int]:
        """Return the line on which each record (0 = first after the header) starts; blank lines count."""
        wanted = set(records)
        found: dict[int, int] = {}
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            reader, record, start = csv.reader(stream), -1, 1
            for row in reader:
                if row:
                    if record in wanted:
                        found[record] = start
                        if len(found) == len(wanted):
                            break
                    record += 1
                start = reader.line_num + 1
        return found


def parts(path: Path, columns: Columns) -> Iterator[Part]:
    """Read one file whole. Raises ``BadSales``."""
    file = CsvFile(path)
    yield Part(_table(file, columns).select, file)


def _table(file: CsvFile, columns: Columns) -> pa.Table:
    """Read the needed columns as text; ids in the compact form that a few repeated values allow."""
    _refuse_other_content(file)
    needed = columns.needed
    ids = (columns.store, columns.product)
    types = dict.fromkeys(needed, pa.string()) | dict.fromkeys(ids, pa.dictionary(pa.int32(), pa.string()))
    ragged: list[tuple[int, str]] = []

    def note(row: pa_csv.InvalidRow) -> str:
        ragged.append((row.number - 2, f"has {row.actual_columns} of {row.expected_columns} columns"))
        return "skip"

    try:
        with file.path.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), None)
        if header is None:
            raise BadSales(f"{file.name} is empty", remedy="export the sales again, with a header line")
        limits.check_header(file.name, header)
        check_columns(file.name, header, needed)
        table = pa_csv.read_csv(
            file.path,
            # Only a single thread knows the number of a line that has too many or too few columns.
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, include_columns=list(needed), strings_can_be_null=False
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        if fault := limits.csv_fault(file.name, error):
            raise fault from None
        if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
            raise _not_utf8(file) from None
        raise BadSales(
            f"{file.name} cannot be read as CSV: {error}", remedy="export it again as plain CSV"
        ) from None
    _refuse_ragged(file, ragged)
    return table


def _refuse_ragged(file: CsvFile, ragged: Sequence[tuple[int, str]]) -> None:
    if ragged:
        shown = ragged[:SHOWN_OFFENDERS]
        at = file.lines([record for record, _ in shown])
        told = [f"line {at.get(record, record + 2)} {what}" for record, what in shown]
        raise BadSales(
            f"{file.name}: {listed(told, len(ragged))}",
            remedy='give every line all columns, and put text that contains a comma or a quote into "..."',
        )


def _refuse_other_content(file: CsvFile) -> None:
    """Say what a file really is when its ending lies."""
    with file.path.open("rb") as stream:
        start = stream.read(4)
    for magic, what in ((b"PAR1", "Parquet"), (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip or Excel")):
        if start.startswith(magic):
            raise BadSales(
                f"{file.name} is not CSV but {what}",
                remedy="rename Parquet to .parquet; unpack or export the others",
            )


def _not_utf8(file: CsvFile) -> BadSales:
    with file.path.open("rb") as stream:
        numbered = enumerate(stream, start=1)
        wrong = (f": line {n}" for n, line in numbered if line.decode(errors="ignore").encode() != line)
        name = file.name + next(wrong, "")
    return BadSales(f"{name} is not UTF-8", remedy="save it as UTF-8, in Excel: CSV UTF-8")
