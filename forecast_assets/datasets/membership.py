"""Which series a dataset has.

Belongs here: the one answer to keys that it has not.
Does not belong here: choosing series by scopes (``launches.scopes``).
"""

from collections.abc import Collection

from forecast_assets.errors import UnknownName, listed
from forecast_assets.keys import SeriesKey
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import DeliveredKeysRow, SeriesKeysRow


def series_of(stores: Stores, dataset: str) -> list[str]:
    """Return the keys of all series that a dataset ever had, sorted."""
    return [row["series"] for row in stores.warehouse.rows(SeriesKeysRow, dataset=dataset)]


def delivered(stores: Stores, dataset: str) -> list[str]:
    """Return the keys of all series that the newest panel of a dataset has, sorted."""
    return [row["series"] for row in stores.warehouse.rows(DeliveredKeysRow, dataset=dataset)]


def check_series(stores: Stores, dataset: str, keys: Collection[str]) -> None:
    """Raise ``UnknownName`` when some of ``keys`` are no series of the newest snapshot of ``dataset``."""
    if keys and (strangers := sorted(set(keys) - set(series_of(stores, dataset)))):
        raise no_such_series(dataset, strangers)


def check_dataset(dataset: str, keys: Collection[str]) -> None:
    """Raise ``UnknownName`` for keys that name another dataset, ``BadKey`` for what is no key."""
    if strangers := [key for key in keys if SeriesKey.parse(key).dataset != dataset]:
        raise UnknownName(
            f"series {listed(strangers)} is not of dataset {dataset!r}", remedy="name its own dataset"
        )


def no_such_series(dataset: str, keys: Collection[str]) -> UnknownName:
    """Return the error for ``keys`` that the newest snapshot of ``dataset`` does not hold."""
    return UnknownName(
        f"{dataset} has no series {listed(list(keys))} in its newest snapshot",
        remedy=f"see `forecast-assets export availability {dataset}` for those that it has",
    )
