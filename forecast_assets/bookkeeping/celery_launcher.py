"""The name by which a dagster.yaml of release 0.1 finds its Celery launcher.

Belongs here: the old name alone. Does not belong here: anything else.
"""

from forecast_assets.dagster_internals.celery_launcher import WatchedCeleryRunLauncher

__all__ = ["WatchedCeleryRunLauncher"]
