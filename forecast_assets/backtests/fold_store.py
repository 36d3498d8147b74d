"""Fold forecasts in the lake: what every candidate would have said, beside what was sold.

Belongs here: the Parquet layout of the folds of a block, written and read back.
Does not belong here: metrics and champions (``results``).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.forecasting.core.backtest import Backtest
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import CurrentResultsRow


def fold_table(block: Backtest, first_days: NDArray[np.datetime64], rows: NDArray[np.int64]) -> pa.Table:
    """One row per series: actual (k, h), forecasts (m, k, h), which folds count; the axes as header.

    ``first_days`` (k,) are the first scored days of the folds.
    """
    forecasts = block.forecasts[:, rows].transpose(1, 0, 2, 3)
    actual = block.actual[rows]
    header = {
        "candidates": list(block.scores.candidates),
        "first_days": [str(day) for day in first_days],
        "shape": list(forecasts.shape[1:]),
    }
    flat = [
        pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), int(np.prod(part.shape[1:])))
        for part in (forecasts, actual, block.folds[rows])
    ]
    table = pa.table(
        {
            "series": pa.array(block.series[rows].tolist(), pa.string()),
            **dict(zip(("forecasts", "actual", "folds"), flat, strict=True)),
        }
    )
    return table.replace_schema_metadata({b"axes": json.dumps(header).encode()})


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Stored folds of one series: ``actual`` (k, h), forecasts by candidate (k, h), ``counted`` (k,)."""

    first_days: list[str]
    actual: NDArray[np.float32]
    forecasts: dict[str, NDArray[np.float32]]
    counted: NDArray[np.bool_]


def read_folds(stores: Stores, series: str) -> Folds | None:
    """Read the fold forecasts of the newest backtest of one series, if it was scored."""
    row = stores.warehouse.row(CurrentResultsRow, series=[series])
    if row is None or row["path"] is None:
        return None
    return dict(read_file(stores, row["path"], [series]))[series]


def read_file(stores: Stores, path: str, series: Sequence[str]) -> Iterator[tuple[str, Folds]]:
    """Read the folds of some series of one file."""
    table = stores.lake.read_table(path, keys=("series", series))
    axes = json.loads(table.schema.metadata[b"axes"])
    shape = axes["shape"]

    def values(column: str, shape: list[int]) -> NDArray[Any]:
        flat: NDArray[Any] = pl.Series(table[column].combine_chunks().flatten()).to_numpy()
        return flat.reshape(-1, *shape)

    columns = values("forecasts", shape), values("actual", shape[1:]), values("folds", shape[1:2])
    for key, forecasts, actual, counted in zip(table["series"].to_pylist(), *columns, strict=True):
        by_candidate = dict(zip(axes["candidates"], forecasts, strict=True))
        yield key, Folds(axes["first_days"], actual, by_candidate, counted)
