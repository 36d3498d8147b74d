"""Panels of a store as the change of those before, so that a night extends them in place of writing all days.

Belongs here: the newest days of all series with the series that changed before them, and reading both.
Does not belong here: what a panel is, and a file that holds all of it (``panels``).
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.stores.arrow import leave_pandas_out
from forecast_assets.stores.lake import Lake

HEADER = b"forecast_assets"
SERIES = "series"
_TAIL = "tail."
# So many series may differ before the days that are written of all of them.
_CHANGED_SERIES = 0.02
# A larger change is written as a whole, and is what the next ones are a change of.
_MOST_WRITTEN = 0.1

Matrix = NDArray[np.float32]


def base_of(lake: Lake, path: str) -> str:
    """The file whose change ``path`` holds; ``path`` itself where it holds all days."""
    header = _header(lake.read_table(path, columns=[SERIES]))
    return str(header.get("base", path))


def read_table(lake: Lake, path: str, keys: Sequence[str] | None = None) -> pa.Table:
    """Read the panel of a store, or of some of its series, as the table that ``panels.write`` began with."""
    wanted = None if keys is None else (SERIES, keys)
    table = lake.read_table(path, keys=wanted)
    header = _header(table)
    if "base" not in header or not len(table):
        return table
    base = lake.read_table(header.pop("base"), keys=wanted)
    heads = header.pop("heads")
    place = {key: at for at, key in enumerate(base[SERIES].to_pylist())}
    at = np.array([place.get(key, -1) for key in table[SERIES].to_pylist()], np.int64)
    columns = {}
    for name in _without_tails(table):
        columns[name] = (
            as_lists(_extended(table, base, at, name, heads[name])) if name in heads else table[name]
        )
    return pa.table(columns).replace_schema_metadata({HEADER: json.dumps(header).encode()})


def _extended(table: pa.Table, base: pa.Table, at: NDArray[np.int64], name: str, head: int) -> Matrix:
    tail = as_matrix(table[_TAIL + name])
    out = np.full((len(at), head + tail.shape[1]), np.nan, np.float32)
    if len(base):
        out[at >= 0, :head] = as_matrix(base[name])[at[at >= 0], :head]
    out[:, head:] = tail
    whole = table[name].combine_chunks()
    rows = np.flatnonzero(np.diff(whole.offsets.to_numpy()))
    out[rows] = whole.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), out.shape[1])
    return out


def change_of(base: pa.Table, now: pa.Table, path: str) -> pa.Table | None:
    """Return how ``now`` differs from ``base``, which is read from ``path``; ``None`` where that is much."""
    if _header(base) != _header(now) or base.column_names != now.column_names or not len(base):
        return None
    place = {key: at for at, key in enumerate(base[SERIES].to_pylist())}
    at = np.array([place.get(key, -1) for key in now[SERIES].to_pylist()], np.int64)
    names = [name for name in now.column_names if pa.types.is_fixed_size_list(now.schema.field(name).type)]
    matrices = {name: as_matrix(now[name]) for name in names}
    begins = {name: _first_difference(as_matrix(base[name]), matrices[name], at) for name in names}
    allowed = int(_CHANGED_SERIES * len(at))
    # A day at least is written of each, because no file holds lists without any.
    heads = {
        name: min(int(np.partition(begin, allowed)[allowed]), matrices[name].shape[1] - 1)
        for name, begin in begins.items()
    }
    is_whole = np.logical_or.reduce([begins[name] < heads[name] for name in names])
    written = sum(
        int((m.shape[1] - heads[n]) * len(at) + heads[n] * is_whole.sum()) for n, m in matrices.items()
    )
    if written > _MOST_WRITTEN * sum(matrix.size for matrix in matrices.values()):
        return None
    columns = {name: now[name] for name in now.column_names}
    for name, matrix in matrices.items():
        offsets = np.concatenate([[0], np.cumsum(np.where(is_whole, matrix.shape[1], 0))])
        columns[name] = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pa.array(matrix[is_whole].ravel())
        )
        columns[_TAIL + name] = as_lists(np.ascontiguousarray(matrix[:, heads[name] :]))
    header = {**_header(now), "base": path, "heads": heads}
    return pa.table(columns).replace_schema_metadata({HEADER: json.dumps(header).encode()})


def _first_difference(old: Matrix, new: Matrix, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first day (n,) on which each row of ``new`` differs from row ``at`` of ``old``; 0 for row -1."""
    width = min(old.shape[1], new.shape[1])
    # As bytes: what is not observed equals itself.
    differs = old.view(np.int32)[at, :width] != new.view(np.int32)[:, :width]
    first = np.where(differs.any(axis=1), differs.argmax(axis=1), width)
    return np.where(at < 0, 0, first)


def _header(table: pa.Table) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(table.schema.metadata[HEADER])
    return header


def _without_tails(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if not name.startswith(_TAIL)]


def as_lists(matrix: Matrix) -> pa.Array:
    """Rows of a matrix as one column of lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])


def as_matrix(column: pa.ChunkedArray) -> Matrix:
    """A column of equally long lists as a matrix."""
    leave_pandas_out()
    width = column.type.list_size
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width) for chunk in column.chunks]
    return np.concatenate(parts) if len(parts) > 1 else np.ascontiguousarray(parts[0])
