"""How much memory a source may take, checked before its rows are decoded.

Belongs here: estimates from what a file claims, limits of cells and headers, reading within them.
Does not belong here: what a format looks like (``csv_files``, ``parquet_files``), whether a value makes sense
(``rules``).
"""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.errors import BadSales
from forecast_assets.settings import settings

# Measured on rows of one store: ids as codes, days and units while they are judged and sorted.
_ROW_BYTES, _COLUMN_BYTES = 60, 12
# What a file of a few kilobytes may take whatever its ratio.
_SMALL = 512 * 2**20
MOST_COLUMNS = 10_000
LONGEST_CELL = 2**20
LONGEST_HEADER = 2**24  # characters, of which a sentence may say how many columns they are
_ROWS_PER_BATCH, _ROWS_OF_LONG_CELLS = 262_144, 1_024
_MB = 2**20
# Texts of a sample, which are looked at one by one.
_SAMPLE_BYTES, _ROWS_OF_SAMPLE = 32 * _MB, 64
# Where a line of a CSV begins is looked up in files that a stricter reader has already taken.
csv.field_size_limit(2**31 - 1)


def working_bytes(rows: int, columns: int) -> int:
    """Memory in bytes that ``rows`` rows of ``columns`` needed columns take while they are judged."""
    return rows * (_ROW_BYTES + _COLUMN_BYTES * columns)


def check_claims(file: SourceFile, metadata: pq.FileMetaData, columns: Sequence[str]) -> None:
    """Refuse a Parquet file by what it claims to hold. Raises ``BadSales`` before a row is decoded."""
    if metadata.num_columns > MOST_COLUMNS:
        raise _too_wide(file.name, metadata.num_columns)
    whole, allowed = 0, settings().source_max_mb
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        chunks = [group.column(number) for number in range(group.num_columns)]
        needed = [one for one in chunks if one.path_in_schema.partition(".")[0] in columns]
        values = max((one.num_values for one in needed), default=0)
        texts = sum(one.total_uncompressed_size for one in needed)
        size = working_bytes(max(values, group.num_rows), len(columns)) + texts
        whole += size
        _refuse_size(f"{file.name}: row group {index} of {group.num_rows:,} rows", size, allowed)
    stored = file.size()
    ratio, limit = whole / max(stored, 1), settings().source_max_ratio
    if whole > _SMALL and ratio > limit:
        raise BadSales(
            f"{file.name}: {metadata.num_rows:,} rows in {stored:,} bytes would take "
            f"{ratio:,.0f} times as much memory as the file has bytes",
            remedy=f"no more than {limit:,} times are allowed: if these are real sales, "
            "raise FORECAST_SOURCE_MAX_RATIO",
        )


def read_group(
    file: SourceFile, metadata: pq.FileMetaData, index: int, columns: Sequence[str], ids: Sequence[str]
) -> pa.Table:
    """Read the columns of a row group; the text columns in ``ids`` stay dictionaries.

    Raises ``BadSales`` as soon as what was decoded passes the limit, ``pyarrow`` errors for damaged pages.
    """
    schema = metadata.schema.to_arrow_schema()
    types = {name: schema.field(name).type for name in columns}
    prefixed = _prefixed(metadata, index)
    texts = [name for name, kind in types.items() if _is_text(kind) and name not in prefixed]
    careful = prefixed & set(columns) or any(pa.types.is_nested(kind) for kind in types.values())
    allowed, rows = settings().source_max_mb, 0
    size, step = 0, _ROWS_OF_LONG_CELLS if careful else _ROWS_PER_BATCH
    what = f"{file.name}: row group {index}"
    batches: list[pa.RecordBatch] = []
    measure: Callable[[pa.Array], int] = _at_most
    with file.raw() as stream, pq.ParquetFile(stream, metadata=metadata, read_dictionary=texts) as opened:
        for batch in opened.iter_batches(step, [index], columns=list(columns)):
            batches.append(batch)
            rows += len(batch)
            size += _bytes(batch, texts, measure)
            if size > allowed * _MB and measure is _at_most:
                # A bound is cheap, the sum itself is not, and seldom needed.
                measure = _decoded
                size = sum(_bytes(one, texts, measure) for one in batches)
            _refuse_size(f"{what} after {rows:,} rows", size, allowed)
        if not batches:
            return opened.read_row_group(index, columns=list(columns))
        table = pa.Table.from_batches(batches)
    for name in set(texts) - set(ids):
        kind = types[name].value_type if pa.types.is_dictionary(types[name]) else types[name]
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    return table.select(list(columns))


def read_head(file: SourceFile, rows: int) -> pa.Table:
    """Read the first ``rows`` rows with all columns; fewer where their texts are long, one at least.

    Raises ``pyarrow`` errors for damaged pages.
    """
    with file.raw() as stream:
        schema = pq.read_schema(stream)
    texts = [field.name for field in schema if _is_text(field.type)]
    kept, room = list[pa.RecordBatch](), _SAMPLE_BYTES
    with file.raw() as stream, pq.ParquetFile(stream, read_dictionary=texts) as opened:
        for batch in opened.iter_batches(min(rows, _ROWS_OF_SAMPLE)):
            sizes = [
                _lengths(batch.column(place)) for place, name in enumerate(schema.names) if name in texts
            ]
            ends = np.cumsum(np.sum(sizes, axis=0)) if sizes else np.zeros(len(batch))
            fitting = int(np.searchsorted(ends, room, side="right"))
            kept.append(batch.slice(0, min(rows, fitting if kept else max(fitting, 1))))
            rows, room = rows - len(batch), room - int(ends[-1])
            if rows <= 0 or room <= 0:
                break
    table = pa.Table.from_batches(kept, kept[0].schema) if kept else schema.empty_table()
    for place, field in enumerate(schema):
        if field.name in texts:
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            table = table.set_column(place, field.name, table.column(place).cast(kind))
    return table


def _lengths(column: pa.Array) -> np.ndarray:
    """Bytes of the text of each row of a dictionary column."""
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return np.asarray(lengths.take(column.indices).fill_null(0))


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def _prefixed(metadata: pq.FileMetaData, index: int) -> set[str]:
    """Columns that store once what values share, so that few bytes make long texts and no dictionary."""
    group = metadata.row_group(index)
    chunks = (group.column(number) for number in range(group.num_columns))
    return {one.path_in_schema for one in chunks if "DELTA_BYTE_ARRAY" in one.encodings}


def _bytes(batch: pa.RecordBatch, texts: Sequence[str], measure: Callable[[pa.Array], int]) -> int:
    size: int = batch.nbytes
    return size + sum(measure(batch.column(name)) for name in texts)


def _at_most(column: pa.Array) -> int:
    """Bytes of a dictionary column if every row held the longest text."""
    longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
    return int(longest) * len(column)


def _decoded(column: pa.Array) -> int:
    """Bytes of a dictionary column when every row holds its own text."""
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return pc.sum(lengths.take(column.indices)).as_py() or 0


def check_rows(what: str, rows: int, columns: int) -> None:
    """Refuse rows that would not fit into memory together. Raises ``BadSales`` naming ``what``."""
    _refuse_size(f"{what} has {rows:,} rows: they", working_bytes(rows, columns))


def check_bytes(what: str, rows: int, size: int) -> None:
    """Refuse rows whose texts take more than is allowed. Raises ``BadSales`` naming ``what``."""
    _refuse_size(f"{what} after {rows:,} rows", size)


def check_cells(name: str, column: pa.Array) -> None:
    """Refuse texts of a query that are longer than any of sales. Raises ``BadSales``."""
    if column.nbytes <= LONGEST_CELL or not _is_text(column.type):
        return
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > LONGEST_CELL:
        raise too_long(name)


def _refuse_size(what: str, size: int, allowed: int | None = None) -> None:
    """Raise ``BadSales`` for more bytes than the setting allows; who asks often brings the setting along."""
    limit = settings().source_max_mb if allowed is None else allowed
    if size > limit * _MB:
        raise BadSales(
            f"{what} would take {size / _MB:,.0f} MB of memory",
            remedy=f"{limit:,} MB are allowed: write smaller row groups (about a million rows), load fewer "
            "years or products, or raise FORECAST_SOURCE_MAX_MB",
        )


def check_compressed(file: SourceFile) -> None:
    """Refuse a compressed file that would not fit into memory. Raises ``BadSales`` while it is unpacked."""
    if not file.is_packed:
        return
    size, allowed = 0, settings().source_max_mb
    with file.stream() as stream:
        try:
            while chunk := stream.read(_MB):
                size += len(chunk)
                _refuse_size(f"{file.name}, unpacked,", size, allowed)
        except (OSError, pa.ArrowException) as error:
            raise BadSales(
                f"{file.name} cannot be unpacked: {str(error).splitlines()[0]}",
                remedy="the file is damaged or cut off: copy it again",
            ) from None


def check_zip(file: SourceFile) -> None:
    """Refuse a spreadsheet that claims more than fits into memory. Raises ``BadSales``."""
    try:
        with file.raw() as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except zipfile.BadZipFile:
        return  # old .xls files are no archives, and the reader refuses all others
    _refuse_size(f"{file.name}, unpacked,", size)


def check_header(name: str, header: Sequence[str]) -> None:
    """Refuse a table with more or longer columns than any sales have. Raises ``BadSales``."""
    if len(header) > MOST_COLUMNS:
        raise _too_wide(name, len(header))
    if sum(map(len, header)) + len(header) >= LONGEST_CELL:
        raise too_long(name)


def _too_wide(name: str, columns: int) -> BadSales:
    return BadSales(
        f"{name} has {columns:,} columns; {MOST_COLUMNS:,} are allowed",
        remedy="export one row per store, product and day instead of a column for each of them",
    )


def csv_fault(name: str, error: Exception) -> BadSales | None:
    """Return the refusal of a line that is too long, if that is what ``error`` means."""
    if "straddling" not in str(error):
        return None
    return too_long(name)


def too_long(name: str) -> BadSales:
    """The refusal of a line or cell that is longer than any of sales."""
    return BadSales(
        f"{name}: a line or a cell is longer than {LONGEST_CELL:,} bytes",
        remedy='look for a quote (") that is opened and never closed, or leave the long column out',
    )
