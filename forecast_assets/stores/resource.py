"""The stores as a Dagster resource.

Belongs here: the one resource that assets, jobs and sensors ask for.
Does not belong here: the stores themselves.
"""

from functools import lru_cache

import dagster as dg

from forecast_assets.settings import Settings, settings
from forecast_assets.stores import Stores
from forecast_assets.stores.database import warehouse_url
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.registry import Registry, open_registry
from forecast_assets.stores.warehouse import Warehouse


class StoresResource(dg.ConfigurableResource):
    """Warehouse and lake, as the FORECAST_ variables say; run configuration is no place for a password."""

    def open(self) -> Stores:
        """The stores of this process."""
        return open_stores()


class RegistryResource(dg.ConfigurableResource):
    """MLflow, as MLFLOW_TRACKING_URI says; beside the warehouse when that is unset."""

    def open(self) -> Registry:
        """The registry of this process."""
        return open_registry()


def open_stores() -> Stores:
    """Open the warehouse and the lake of the environment, once per process."""
    return _opened(settings())


@lru_cache(maxsize=4)
def _opened(known: Settings) -> Stores:
    return Stores(Warehouse(warehouse_url()), Lake(known.lake))
