"""Sales to measure with: generated, or those of a file repeated under new store ids.

Belongs here: writing one Parquet file sorted by store, product and date, a store at a time.
Does not belong here: what is done with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

KEYS = ["store_id", "product_id", "date"]
_STORES = 10
_SEED = 42
_START = np.datetime64("2020-01-06", "D")  # a Monday
_WEEK = np.array([0.8, 0.85, 0.9, 0.95, 1.1, 1.35, 1.25])
_YEAR = 365.25
_CHANGED = 0.1  # share of the days with sales that differ between two copies of a store


@dataclass(frozen=True, slots=True)
class Sales:
    """A file of sales; ``zeros`` is the share of its rows on which nothing was sold."""

    path: Path
    origin: str
    series: int
    days: int
    rows: int
    zeros: float


def generate(path: Path, series: int, days: int) -> Sales:
    """Write retail-shaped sales: counts with a week, a year, gamma-Poisson noise and late launches."""
    return _written(path, _invented(series, days), f"generated, seed {_SEED}")


def repeat(path: Path, source: Path, series: int) -> Sales:
    """Write the stores of ``source`` again and again, each time a little different, until they are enough."""
    return _written(path, _copies(source, series), f"{source} repeated with small noise, seed {_SEED}")


def sample(sales: Sales, series: int, shortest: int) -> pl.DataFrame:
    """Return about ``series`` whole series of at least ``shortest`` days since their first sale."""
    rows = pl.scan_parquet(sales.path)
    stores = rows.select(pl.col("store_id").unique().sort()).collect(engine="streaming")["store_id"]
    return pl.concat(
        _some(rows.filter(pl.col("store_id") == store).collect(), len(part), shortest)
        for store, part in zip(stores, np.array_split(np.arange(series), len(stores)), strict=True)
    )


def _some(store: pl.DataFrame, count: int, shortest: int) -> pl.DataFrame:
    store = store.filter((pl.col("units") > 0).cum_max().over("product_id"))
    lengths = store.group_by("product_id").len().filter(pl.col("len") >= shortest).sort("product_id")
    places = np.unique(np.linspace(0, len(lengths) - 1, min(count, len(lengths))).astype(int))
    return store.filter(pl.col("product_id").is_in(lengths["product_id"][places].implode()))


def _written(path: Path, stores: Iterator[pl.DataFrame], origin: str) -> Sales:
    series = rows = zeros = days = 0
    writer: pq.ParquetWriter | None = None
    try:
        for store in stores:
            table = store.to_arrow()
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=1_000_000)
            series += store["product_id"].n_unique()
            days = max(days, store["date"].n_unique())
            rows += len(store)
            zeros += int((store["units"] == 0).sum())
    finally:
        if writer is not None:
            writer.close()
    return Sales(path, origin, series, days, rows, zeros / rows)


def _invented(series: int, days: int) -> Iterator[pl.DataFrame]:
    draw = np.random.default_rng(_SEED)
    for number, part in enumerate(np.array_split(np.arange(series), min(_STORES, series))):
        units, launch = _units(draw, len(part), days)
        rows, positions = np.nonzero(np.arange(days) >= launch[:, None])
        products = pl.Series([f"P{product:05d}" for product in range(len(part))])
        yield pl.DataFrame(
            {
                "store_id": pl.repeat(f"S{number:03d}", len(rows), eager=True),
                "product_id": products.gather(rows),
                "date": _START + positions,
                "units": units[rows, positions],
            }
        )


def _units(
    draw: np.random.Generator, series: int, days: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Units (series, days) and the day on which each series is launched, and sold."""
    position = np.arange(days)
    level = np.exp(draw.normal(-0.4, 1.2, (series, 1)))
    launch = np.where(draw.random(series) < 1 / 2, 0, draw.integers(0, days * 3 // 5, series))
    year = 1 + 0.3 * np.sin(2 * np.pi * (position / _YEAR + draw.random((series, 1))))
    expected = level * _WEEK[position % 7] * year
    units = draw.poisson(draw.gamma(0.8, 1 / 0.8, (series, days)) * expected).astype(np.float32)
    every = np.arange(series)
    units[every, launch] = np.maximum(units[every, launch], 1)
    return units, launch


def _copies(source: Path, series: int) -> Iterator[pl.DataFrame]:
    sources = pl.read_parquet(source, columns=[*KEYS, "units"]).sort(KEYS)
    stores = sources.partition_by("store_id", maintain_order=True)
    draw = np.random.default_rng(_SEED)
    for copy in count():
        for store in stores:
            products = store["product_id"].unique(maintain_order=True)[:series]
            series -= len(products)
            kept = store.filter(pl.col("product_id").is_in(products.implode()))
            noisy = _changed(draw, kept["units"].cast(pl.Float32).to_numpy())
            yield kept.with_columns(
                store_id=pl.lit(f"C{copy:03d}-") + pl.col("store_id"),
                units=pl.Series(noisy, nan_to_null=True),
            )
            if not series:
                return


def _changed(draw: np.random.Generator, units: NDArray[np.float32]) -> NDArray[np.float32]:
    """One more or less on some days with sales; a day without stays one, and so does a day with."""
    chosen = (units > 0) & (draw.random(len(units)) < _CHANGED)
    step = np.where(draw.random(len(units)) < 1 / 2, np.float32(-1), np.float32(1))
    return np.where(chosen, np.maximum(units + step, np.minimum(units, 1)), units)
