"""The stores as a Dagster resource.

Belongs here: the one resource that assets, jobs and sensors ask for.
Does not belong here: the stores themselves.
"""

import dagster as dg
from pydantic import Field

from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import Registry, open_registry

__all__ = ["RegistryResource", "StoresResource", "open_stores"]


class StoresResource(dg.ConfigurableResource):
    """Warehouse and lake, as the FORECAST_ variables say; run configuration is no place for a password."""

    def open(self) -> Stores:
        """The stores of this process."""
        return open_stores()


class RegistryResource(dg.ConfigurableResource):
    """MLflow, as MLFLOW_TRACKING_URI says; beside the warehouse when that is unset."""

    tracking_uri: str | None = Field(
        default=None,
        description="An MLflow server, such as EnvVar('TEAM_MLFLOW'); that of the environment when unset.",
    )

    def open(self) -> Registry:
        """The registry of this process."""
        return open_registry(self.tracking_uri)
