"""The name by which a model saved by release 0.1 finds its loader.

Belongs here: the old name alone. Does not belong here: anything else.
"""

import forecast_assets
from forecast_assets.registry.bundle import _load_pyfunc

__all__ = ["_load_pyfunc"]

# Importing this address puts it in the place of the function for programs that has its name.
vars(forecast_assets).pop("champions", None)
