"""The rows of a query as columns of Arrow.

Belongs here: which type a column gets.
Does not belong here: connecting and asking (``sql``), which a listing imports and this it does not.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

_PLAIN_TYPES = {str, int, float, bool, date, datetime, Decimal, bytes}


def table_of(columns: Sequence[str], chunks: Sequence[list[pa.Array]]) -> pa.Table:
    """Return the chunks of each of ``columns`` as one table."""
    return pa.table({column: _one_type(chunk) for column, chunk in zip(columns, chunks, strict=True)})


def typed(values: Sequence[object]) -> pa.Array:
    """Keep the driver's type where all values share it; else their text, which is judged like CSV."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= _PLAIN_TYPES):
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError):
            pass
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _one_type(chunks: list[pa.Array]) -> pa.ChunkedArray:
    kinds = {chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)}
    if len(kinds) > 1:
        numeric = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
        kinds = {pa.float64() if numeric else pa.string()}
    kind = next(iter(kinds), pa.string())
    return pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)
