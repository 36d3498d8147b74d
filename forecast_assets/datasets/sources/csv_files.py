"""CSV files: their rows as text, and the line of each.

Belongs here: opening one CSV file, and what is refused because it cannot be read as one.
Does not belong here: whether a value makes sense (``rules``), how a file is written (``dialects``).
"""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv

from forecast_assets.datasets.sources import dialects, limits
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import check_columns
from forecast_assets.datasets.sources.dialects import Dialect, name_of
from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.errors import SHOWN_OFFENDERS, BadSales, listed

_START_BYTES = 4 * 2**20
_START_LINES = 200
_MOST_NOTES = 25
_MAGIC = (
    (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip or Excel"),
    (b"(\xb5/\xfd", "zstd"),
)


def start_of(file: SourceFile) -> bytes:
    """Return the first bytes of a text file, cut between two lines. Raises ``BadSales``."""
    _refuse_other_content(file)
    try:
        with file.stream() as stream:
            start: bytes = stream.read(_START_BYTES)
    except OSError as error:
        raise _unreadable(file.name, error) from None
    if len(start) < _START_BYTES:
        return start
    return start[: len(start) - len(start) % 2] if b"\0" in start[:4] else start[: start.rfind(b"\n") + 1]


def completed(file: SourceFile, declared: Dialect, start: bytes | None = None) -> Dialect:
    """Complete how a file is ``declared`` to be written by what its ``start`` shows. Raises ``BadSales``."""
    if not declared.each_file or None not in {declared.encoding, declared.quote, declared.separator}:
        return declared
    begun = start_of(file) if start is None else start
    encoding = declared.encoding or dialects.find_encoding(begun)
    text = begun.decode(dialects.without_mark(encoding), errors="replace")
    lines = list(itertools.islice(io.StringIO(text, newline=None), _START_LINES))
    quote = declared.quote or dialects.find_quote(lines)
    separator = declared.separator or dialects.find_separator(lines, quote)
    return declared.model_copy(update={"encoding": encoding, "quote": quote, "separator": separator})


class Reader(Protocol):
    """What ``csv.reader`` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file whose rows are lines; line ``header_row`` names the columns.

    ``drops_notes`` leaves out lines at the end that have not all columns, and counts them.
    """

    file: SourceFile
    dialect: Dialect
    header_row: int = 1
    drops_notes: bool = False

    @property
    def name(self) -> str:
        """How messages call the file."""
        return self.file.name

    @property
    def separator(self) -> str:
        """Character between columns."""
        return self.dialect.separator or ","

    def text(self) -> io.TextIOWrapper:
        """Open the file as text, from the line on that names the columns."""
        encoding = dialects.without_mark(self.dialect.encoding)
        stream = io.TextIOWrapper(io.BufferedReader(self.file.stream()), encoding=encoding, newline="")
        for _ in range(self.header_row - 1):
            stream.readline()
        return stream

    def _bounded(self, stream: io.TextIOWrapper) -> Iterator[str]:
        """The lines of an open file, until one is longer than any header: ``BadSales``."""
        while line := stream.readline(limits.LONGEST_HEADER):
            if len(line) == limits.LONGEST_HEADER:
                raise limits.too_long(self.name)
            yield line

    def rows(self, stream: Iterable[str]) -> Reader:
        """Cut an open file into rows."""
        return csv.reader(stream, delimiter=self.separator, quotechar=self.dialect.quote or '"')

    def header(self) -> list[str]:
        """Names of the columns. Raises ``BadSales`` for an empty file."""
        _refuse_other_content(self.file)
        try:
            with self.text() as stream:
                names = next(self.rows(self._bounded(stream)), None)
        except UnicodeError:
            raise _not_encoded(self) from None
        except (OSError, pa.ArrowException, csv.Error) as error:
            raise _unreadable(self.name, error) from None
        if names is None:
            raise BadSales(f"{self.name} is empty", remedy="export the sales again, with a header line")
        limits.check_header(self.name, names)
        return names

    def top(self, rows: int) -> list[list[str]]:
        """Return the cells of the first ``rows`` lines, whatever they are. Raises ``BadSales``."""
        _refuse_other_content(self.file)
        try:
            with self.text() as stream:
                lines = list(itertools.islice(self._bounded(stream), rows))
        except UnicodeError:
            raise _not_encoded(self) from None
        except OSError as error:
            raise _unreadable(self.name, error) from None
        cells = [next(self.rows(iter([line])), []) for line in lines]
        for line, row in zip(lines, cells, strict=True):
            if len(line) > limits.LONGEST_CELL:
                limits.check_header(self.name, row)
        return cells

    def lines(self, records: Iterable[int]) -> dict[int, int]:
        """Return the line on which each record (0 = first after the header) starts; blank lines count."""
        remaining = set(records)
        lines: dict[int, int] = {}
        with self.text() as stream:
            reader, record, start = self.rows(stream), -1, self.header_row
            for row in reader:
                if row:
                    if record in remaining:
                        lines[record] = start
                        if len(lines) == len(remaining):
                            break
                    record += 1
                start = reader.line_num + self.header_row
        return lines

    def part(self, needed: Sequence[str], ids: Sequence[str]) -> Part:
        """Read the ``needed`` columns as text; ``ids`` in the compact form that few values allow."""
        limits.check_compressed(self.file)
        check_columns(self.name, self.header(), needed, separator=self.separator)
        table, notes = self._table(needed, ids)
        return Part(table.select, self, left_out=notes)

    def _table(self, needed: Sequence[str], ids: Sequence[str]) -> tuple[pa.Table, int]:
        types = dict.fromkeys(needed, pa.string())
        types |= dict.fromkeys(ids, pa.dictionary(pa.int32(), pa.string()))
        ragged: list[tuple[int, str]] = []

        def note(row: pa_csv.InvalidRow) -> str:
            ragged.append((row.number - 2, f"has {row.actual_columns} of {row.expected_columns} columns"))
            return "skip"

        try:
            table = pa_csv.read_csv(
                self.file.stream(),
                # Only a single thread knows the number of a line that has too many or too few columns.
                read_options=pa_csv.ReadOptions(
                    use_threads=False,
                    encoding=self.dialect.encoding or "utf8",
                    skip_rows=self.header_row - 1,
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.separator,
                    quote_char=self.dialect.quote or '"',
                    newlines_in_values=True,
                    invalid_row_handler=note,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=types, include_columns=list(needed), strings_can_be_null=False
                ),
            )
        except UnicodeError:
            raise _not_encoded(self) from None
        except (OSError, pa.ArrowException) as error:
            if fault := limits.csv_fault(self.name, error):
                raise fault from None
            if "UTF8" in str(error):
                raise _not_encoded(self) from None
            raise _unreadable(self.name, error) from None
        end = range(table.num_rows, table.num_rows + len(ragged))
        are_notes = table.num_rows > 0 and len(end) <= _MOST_NOTES and [at for at, _ in ragged] == list(end)
        if self.drops_notes and are_notes:
            return table, len(ragged)
        self._refuse_ragged(ragged, are_notes=are_notes)
        return table, 0

    def _refuse_ragged(self, ragged: Sequence[tuple[int, str]], *, are_notes: bool) -> None:
        if ragged:
            notes = "; notes at the end of a file are left out with --totals drop" if are_notes else ""
            examples = ragged[:SHOWN_OFFENDERS]
            at = self.lines([record for record, _ in examples])
            named = [f"line {at.get(record, record + 2)} {what}" for record, what in examples]
            raise BadSales(
                f"{self.name}: {listed(named, len(ragged))}",
                remedy='give every line all columns, and put text that contains a separator into "..."; '
                f"columns are separated by {name_of(self.separator)}, which --separator changes{notes}",
            )


def _unreadable(name: str, error: Exception) -> BadSales:
    return BadSales(
        f"{name} cannot be read as CSV: {str(error).splitlines()[0]}",
        remedy="the file is damaged, cut off or of another kind: copy it again, or export it as plain CSV",
    )


def _refuse_other_content(file: SourceFile) -> None:
    """Say what a file really is when its ending lies."""
    try:
        with file.stream() as stream:
            start = stream.read(4)
    except OSError as error:
        raise _unreadable(file.name, error) from None
    for magic, what in _MAGIC:
        if start.startswith(magic):
            raise BadSales(
                f"{file.name} is not CSV but {what}",
                remedy="name it by what it is (.parquet, .csv.gz, .csv.zst, .xlsx), or save it as CSV UTF-8",
            )


def _not_encoded(csv_file: CsvFile) -> BadSales:
    encoding = csv_file.dialect.encoding or "utf-8"
    name, label = csv_file.name, "UTF-8" if encoding.lower() in {"utf-8", "utf8"} else encoding
    if label == "UTF-8":
        with io.BufferedReader(csv_file.file.stream()) as stream:
            numbered = enumerate(stream, start=1)
            wrong = (f": line {n}" for n, line in numbered if line.decode(errors="ignore").encode() != line)
            name += next(wrong, "")
    return BadSales(
        f"{name} is not {label}",
        remedy="save it as UTF-8, in Excel: CSV UTF-8; or say how it is written: --encoding cp1252, cp1250, "
        "cp850 or cp932, for instance",
    )
