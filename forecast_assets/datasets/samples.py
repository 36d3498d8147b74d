"""The first cells of a file, from which its profile is made.

Belongs here: names and texts of columns, as far as a look at the beginning shows them.
Does not belong here: what they mean (``profiles``), reading all of a file (``sources``).
"""

import csv
import io
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from forecast_assets.datasets.sources import FileSource, dialects
from forecast_assets.datasets.sources.csv_files import start_of
from forecast_assets.datasets.sources.opening import SourceFile

ROWS = 20_000
_BYTES_PER_ROW = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """The names of all columns, and the text of the first cells of each."""

    header: list[str]
    cells: dict[str, list[str]]

    def numbers(self, columns: Sequence[str]) -> list[str]:
        """Return cells of ``columns`` that may show how numbers are written, without signs of currencies."""
        cells = (cell for name in columns for cell in self.cells.get(name, ()) if not cell.isdigit())
        return [
            "".join(one for one in cell if unicodedata.category(one) != "Sc").strip()
            for cell in itertools.islice(cells, ROWS)
        ]


def take(source: FileSource, file: SourceFile, rows: int = ROWS) -> Sample:
    """Return the first ``rows`` rows of a file. Raises ``BadSales`` where it cannot be read."""
    if file.kind == "csv":
        header, cells = _text_cells(source, file, rows)
    else:
        whole = source.head(file, rows)
        header = list(whole.column_names)
        places = {name: header.index(name) for name in dict.fromkeys(header)}
        written = [name for name, place in places.items() if _is_written(whole.schema.field(place).type)]
        # Polars knows fewer types than Arrow.
        table = pl.DataFrame(whole.select([places[name] for name in written]))
        cells = {name: table[name].cast(pl.String).drop_nulls().to_list() for name in written}
    folders = [name for name, _ in file.folders if name not in header]
    return Sample([*header, *folders], {name: [one for one in texts if one] for name, texts in cells.items()})


def _is_written(kind: pa.DataType) -> bool:
    """Whether cells of a column are texts or whole numbers, also where each is stored once."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer)
    return any(fits(kind) for fits in texts)


def _text_cells(source: FileSource, file: SourceFile, rows: int) -> tuple[list[str], dict[str, list[str]]]:
    opened = source.text(file)
    header, dialect = opened.header(), opened.dialect
    start = start_of(file)[: rows * _BYTES_PER_ROW]
    text = start.decode(dialects.without_mark(dialect.encoding), errors="replace")
    quote, separator = dialect.quote or '"', dialect.separator or ","
    lines = itertools.islice(io.StringIO(text, newline=""), source.header_row - 1, None)
    read = itertools.islice(csv.reader(lines, delimiter=separator, quotechar=quote), 1, rows + 1)
    full = [row for row in read if len(row) == len(header)]
    return header, {name: [row[place].strip() for row in full] for place, name in enumerate(header)}
