"""The newest periods of a delivery and of the sales before it, as far as they are compared.

Belongs here: what is taken of frozen sales, while they are read or from their files.
Does not belong here: what is suspicious about them (``plausibility``).
"""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.stores.lake import Lake

PERIODS = 56
_RECENT = 28
_YEAR = (364, 365, 366)
_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Delivery:
    """The last periods of some sales: ``cells`` holds store, product, date, units where they were observed.

    Products may be numbered, the same in both of two that are compared.

    ``series`` are all (store, product) that ever sold, ``rows`` all rows of the sales.
    """

    cells: pl.DataFrame
    series: pl.DataFrame
    rows: int


class DeliveryReader:
    """Takes of frozen sales the periods around ``last`` and those a year before.

    ``numbers`` of products are given as they come; two deliveries that are compared share them.
    """

    def __init__(self, last: dt.date, frequency: Frequency, numbers: dict[str, int]) -> None:
        self._last, self._numbers = last, numbers
        self._reach = 2 * PERIODS * math.ceil(frequency.days)
        self._cells: list[pl.DataFrame] = []
        self._series: list[pl.DataFrame] = []

    def add(self, name: str, table: pa.Table) -> None:
        """Take the sales of one store: product_id, date, units, sorted by product."""
        store = pl.lit(name, pl.Categorical).alias("store")
        product = _numbered(table["product_id"], self._numbers)
        units = pl.Series(table["units"]).fill_null(math.nan).to_numpy()
        date = table["date"].cast(pa.int32()).to_numpy()
        age = self._last.toordinal() - _EPOCH - date
        recent = (age < self._reach) | ((age >= min(_YEAR) - 2 * _RECENT) & (age <= max(_YEAR) + 1))
        recent &= ~np.isnan(units)
        columns = {"product": product[recent], "date": date[recent], "units": units[recent]}
        cells = pl.DataFrame(columns).with_columns(pl.col("date").cast(pl.Date))
        self._cells.append(cells.select(store, *columns))
        sold = np.zeros(len(self._numbers), np.bool_)
        sold[product[units > 0]] = True
        products = np.flatnonzero(sold).astype(np.int32)
        self._series.append(pl.DataFrame({"product": products}).select(store, "product"))

    def or_read(self, lake: Lake, files: Iterable[str]) -> Self:
        """Take the sales of all stores from their files, unless they were taken."""
        for file in () if self._cells else files:
            store = file.rpartition("/")[2].removesuffix(".parquet")
            self.add(store, lake.read_table(file, columns=["product_id", "date", "units"]))
        return self

    def delivery(self, rows: int) -> Delivery:
        """Return what was taken of sales with so many ``rows``."""
        return Delivery(pl.concat(self._cells), pl.concat(self._series), rows)


def _numbered(column: pa.ChunkedArray, numbers: dict[str, int]) -> NDArray[np.int32]:
    """Return the numbers (n,) of a column of products; those that have none get the next ones."""
    parts = [np.empty(0, np.int32)]
    for chunk in column.chunks:
        encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        # A dictionary may name every product of all stores.
        heads = np.flatnonzero(np.diff(codes, prepend=-1))
        texts = encoded.dictionary.take(pa.array(codes[heads])).to_pylist()
        own = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32)
        parts.append(np.repeat(own, np.diff(heads, append=len(codes))))
    return np.concatenate(parts)


@dataclass(slots=True)
class Comparison:
    """Sales up to ``last`` and a delivery that follows them, taken while they are read."""

    last: dt.date
    frequency: Frequency
    numbers: dict[str, int] = field(init=False)
    before: DeliveryReader = field(init=False)
    now: DeliveryReader = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was taken: it is read anew."""
        self.numbers = {}
        self.before = DeliveryReader(self.last, self.frequency, self.numbers)
        self.now = DeliveryReader(self.last, self.frequency, self.numbers)
