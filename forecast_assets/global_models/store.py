"""Global models and their forecasts in the lake.

Belongs here: the files of one fit, written and read back.
Does not belong here: when a model is fitted (``fitting``), the model (``forecasting.core.global_model``).
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Forecasts
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.keys import SeriesKey
from forecast_assets.stores import Stores


class GlobalForecast(NamedTuple):
    """One series: hash of the history forecast from, of the one learned from, and forecasts (k, h)."""

    content: str
    learned: str
    forecast: Forecasts


def read_stored(stores: Stores, path: str, series: list[str]) -> dict[str, GlobalForecast]:
    """The stored forecasts of some series, by key; those that the fit never saw are missing."""
    stored: dict[str, GlobalForecast] = {}
    for table, values in _tables(stores, path, series):
        texts = (table[name].to_pylist() for name in ("series", "content", "learned"))
        stored |= {key: GlobalForecast(*rest) for key, *rest in zip(*texts, values, strict=True)}
    return stored


def _tables(stores: Stores, path: str, series: Sequence[str]) -> Iterator[tuple[pa.Table, Forecasts]]:
    """Read the rows of some series, file by file, and their forecasts (n, k, h)."""
    requested: dict[str, list[str]] = {}
    for key in series:
        requested.setdefault(SeriesKey.store_of(key), []).append(key)
    available = set(stores.lake.list(path))
    for store, keys in requested.items():
        file = f"{path}/{store}.parquet"
        if file in available:
            table = stores.lake.read_table(file, keys=("series", keys))
            shape = json.loads(table.schema.metadata[b"shape"])
            yield table, table["forecast"].combine_chunks().flatten().to_numpy().reshape(-1, *shape)


def read_forecasts(stores: Stores, path: str, panel: Panel) -> Forecasts:
    """Forecasts (n, k, horizon) of all series of a panel."""
    keys = panel.series.tolist()
    place: dict[str, int] = {}
    parts = []
    for table, values in _tables(stores, path, keys):
        place |= {key: len(place) + at for at, key in enumerate(table["series"].to_pylist())}
        parts.append(values)
    joined = np.concatenate(parts)
    return joined[[place[key] for key in keys]]


def write_forecasts(
    stores: Stores,
    path: str,
    series: NDArray[np.str_],
    forecasts: Forecasts,
    *,
    contents: NDArray[np.str_],
    learned: Sequence[str],
) -> None:
    """Store forecasts (n, k, horizon), one file per store, with the hashes of what they were made from."""
    of = np.array([SeriesKey.store_of(key) for key in series.tolist()])
    shape = {b"shape": json.dumps(forecasts.shape[1:]).encode()}
    for store in np.unique(of):
        rows = np.flatnonzero(of == store)
        flat = pa.array(forecasts[rows].ravel())
        table = pa.table(
            {
                "series": pa.array(series[rows].tolist(), pa.string()),
                "content": pa.array(contents[rows].tolist(), pa.string()),
                "learned": pa.array([learned[row] for row in rows.tolist()], pa.string()),
                "forecast": pa.FixedSizeListArray.from_arrays(flat, int(np.prod(forecasts.shape[1:]))),
            }
        )
        stores.lake.write_table(
            f"{path}/{store}.parquet",
            table.replace_schema_metadata(shape),
            rows_per_group=1024,
            computed=True,
        )


def load_models(stores: Stores, path: str) -> list[GlobalModel]:
    """The models below ``path``, by cutoff; an early release did not compress them."""
    return [GlobalModel.from_json(stores.lake.read_text(file)) for file in stores.lake.list(path)]


def write_model(stores: Stores, path: str, cutoff: int, model: GlobalModel) -> None:
    """Store the model of one cutoff below ``path``."""
    stores.lake.write_text(f"{path}/{cutoff:06d}.json.gz", model.to_json())
