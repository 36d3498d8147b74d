"""Parquet files: one part per row group.

Belongs here: opening one Parquet file, and what is refused because it cannot be read as one.
Does not belong here: whether a value makes sense (``rules``).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from forecast_assets.datasets.sources import limits
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import Columns, check_columns
from forecast_assets.errors import BadSales


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
    limits.check_claims(file, metadata, columns.needed)
    for index in range(metadata.num_row_groups):

        def read(wanted: Sequence[str], index: int = index) -> pa.Table:
            try:
                return limits.read_group(file, metadata, index, wanted, ids)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(file, error) from None

        yield Part(read)


def _unreadable(file: Path, error: Exception) -> BadSales:
    return BadSales(
        f"{file.name} cannot be read as Parquet: {str(error).splitlines()[0]}",
        remedy="the file is damaged, cut off or of another kind: copy or export it again",
    )
