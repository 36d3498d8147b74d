"""What people call a series, and the key that they mean by it.

Belongs here: from ids as their source writes them to keys, and back.
Does not belong here: what a key may be (``keys``), how ids get a form for keys (``ids``).
"""

from collections.abc import Sequence

import polars as pl

from forecast_assets.errors import BadKey, UnknownName
from forecast_assets.keys import SEPARATOR, SeriesKey
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import SeriesIdsRow, SeriesNamedRow


def key_of(stores: Stores, name: str) -> str:
    """Return the key of a series: ``name`` is a key, or DATASET__STORE__PRODUCT with the ids of the source.

    Raises ``BadKey`` for what is neither, ``UnknownName`` where the dataset has no such series.
    """
    dataset, separator, rest = name.partition(SEPARATOR)
    if separator:
        row = stores.warehouse.row(SeriesNamedRow, dataset=dataset, name=rest)
        if row is not None:
            return row["series"]
    try:
        return str(SeriesKey.parse(name))
    except BadKey:
        if separator and rest.count(SEPARATOR):
            raise UnknownName(
                f"no series is called {name!r}",
                remedy="write DATASET__STORE__PRODUCT with the ids of the source, or a key",
            ) from None
        raise


def keys_of(stores: Stores, names: Sequence[str]) -> list[str]:
    """Return the keys of several series."""
    return [key_of(stores, name) for name in names]


def ids_of(stores: Stores, dataset: str, series: Sequence[str] | None = None) -> dict[str, tuple[str, str]]:
    """Return store and product id, as their source writes them, of series whose key does not say them."""
    keys = None if series is None else list(series)
    rows = stores.warehouse.rows(SeriesIdsRow, dataset=dataset, series=keys)
    return {row["series"]: (row["store_id"], row["product_id"]) for row in rows}


def with_ids(stores: Stores, dataset: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``store_id`` and ``product_id``, as their source writes them, behind the column ``series``."""
    written = ids_of(stores, dataset)
    keys = frame["series"].unique(maintain_order=True)
    ids = [written.get(key) or key.split(SEPARATOR, 2)[1:] for key in keys]
    names = {
        "store_id": pl.Series([store for store, _ in ids], dtype=pl.String),
        "product_id": pl.Series([product for _, product in ids], dtype=pl.String),
    }
    added = frame.join(
        pl.DataFrame({"series": keys, **names}), on="series", how="left", maintain_order="left"
    )
    place = frame.columns.index("series") + 1
    return added.select(*frame.columns[:place], *names, *frame.columns[place:])
