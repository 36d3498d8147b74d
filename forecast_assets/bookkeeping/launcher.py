"""The name by which a dagster.yaml of release 0.1 finds its run launcher.

Belongs here: the old name alone. Does not belong here: anything else.
"""

from forecast_assets.dagster_internals.run_launcher import WatchedRunLauncher

__all__ = ["WatchedRunLauncher"]
