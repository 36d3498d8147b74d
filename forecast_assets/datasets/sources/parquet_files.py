"""Parquet files: one part per row group.

Belongs here: opening one Parquet file, and what is refused because it cannot be read as one.
Does not belong here: whether a value makes sense (``rules``).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import Columns, check_columns
from forecast_assets.errors import BadSales

_MOST_ROWS_PER_GROUP = 67_108_864
_MOST_BYTES_PER_GROUP = 8 * 2**30


def parts(file: Path, columns: Columns) -> Iterator[Part]:
    """Return the row groups of one file. Raises ``BadSales``."""
    try:
        metadata = pq.read_metadata(file)
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None
    check_columns(file.name, schema.names, columns.needed)
    ids = [
        name
        for name in (columns.store, columns.product)
        if schema.field(name).type in (pa.string(), pa.large_string())
    ]
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if group.num_rows > _MOST_ROWS_PER_GROUP or group.total_byte_size > _MOST_BYTES_PER_GROUP:
            raise BadSales(
                f"{file.name}: row group {index} claims {group.num_rows} rows, {group.total_byte_size} bytes",
                remedy="write it in row groups of about a million rows",
            )

        def read(wanted: Sequence[str], index: int = index) -> pa.Table:
            try:
                with pq.ParquetFile(file, metadata=metadata, read_dictionary=ids) as opened:
                    return opened.read_row_group(index, columns=list(wanted))
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(file, error) from None

        yield Part(read)


def _unreadable(file: Path, error: Exception) -> BadSales:
    return BadSales(
        f"{file.name} cannot be read as Parquet: {str(error).splitlines()[0]}",
        remedy="the file is damaged, cut off or of another kind: copy or export it again",
    )
