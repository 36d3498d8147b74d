"""Opening the stores that the environment names, without Dagster.

Belongs here: one warehouse and one lake per process and environment.
Does not belong here: the resources of assets and jobs (``resource``).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from forecast_assets.settings import Settings, settings
from forecast_assets.stores import Stores
from forecast_assets.stores.database import warehouse_url
from forecast_assets.stores.home import private_home
from forecast_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from forecast_assets.stores.lake import Lake


def open_stores() -> Stores:
    """Open the warehouse and the lake of the environment, once per process."""
    return _opened(settings())


def open_warehouse() -> Warehouse:
    """Open the warehouse alone: many questions need no lake, whose libraries take a while to import."""
    return _warehouse(settings())


@lru_cache(maxsize=4)
def _opened(configuration: Settings) -> Stores:
    if configuration.lake_url is None and configuration.home.exists():
        private_home(configuration.home)
    return Stores(_warehouse(configuration), lambda: open_lake(configuration))


def open_lake(configuration: Settings) -> "Lake":
    """The lake alone; the home in which it lies is closed to others first, or refused."""
    from forecast_assets.stores.lake import Lake  # noqa: PLC0415 - see above

    if configuration.lake_url is None:
        private_home(configuration.home)
    return Lake(configuration.lake)


@lru_cache(maxsize=4)
def _warehouse(configuration: Settings) -> Warehouse:  # noqa: ARG001 - the environment is read again when it changes
    return Warehouse(warehouse_url())
