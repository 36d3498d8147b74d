"""Parquet files: one part per row group.

Belongs here: opening one Parquet file, and what is refused because it cannot be read as one.
Does not belong here: whether a value makes sense (``rules``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from forecast_assets.datasets.sources import limits
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import check_columns
from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.errors import BadSales


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """One Parquet file."""

    file: SourceFile

    def metadata(self) -> pq.FileMetaData:
        """What the file says of itself. Raises ``BadSales``."""
        try:
            with self.file.raw() as stream:
                metadata = pq.read_metadata(stream)
            metadata.schema.to_arrow_schema()
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.file.name, error) from None
        return metadata

    def parts(self, needed: Sequence[str], ids: Sequence[str]) -> Iterator[Part]:
        """Return the row groups. Raises ``BadSales``."""
        name, metadata = self.file.name, self.metadata()
        schema = metadata.schema.to_arrow_schema()
        check_columns(name, schema.names, needed)
        compact = [one for one in ids if schema.field(one).type in (pa.string(), pa.large_string())]
        limits.check_claims(self.file, metadata, needed)
        for index in range(metadata.num_row_groups):

            def read(columns: Sequence[str], index: int = index) -> pa.Table:
                try:
                    return limits.read_group(self.file, metadata, index, columns, compact)
                except (pa.ArrowException, OSError) as error:
                    raise _unreadable(name, error) from None

            yield Part(read)

    def head(self, rows: int) -> pa.Table:
        """Return the first rows with all columns, fewer where texts are long. Raises ``BadSales``."""
        try:
            return limits.read_head(self.file, rows)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.file.name, error) from None


def _unreadable(name: str, error: Exception) -> BadSales:
    return BadSales(
        f"{name} cannot be read as Parquet: {str(error).splitlines()[0]}",
        remedy="the file is damaged, cut off or of another kind: copy or export it again",
    )
