"""The name by which a dagster.yaml of release 0.1 finds its storage.

Belongs here: the old name alone. Does not belong here: anything else.
"""

from forecast_assets.dagster_internals.storage import ForecastStorage

__all__ = ["ForecastStorage"]
