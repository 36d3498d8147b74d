"""The name by which a model saved by release 0.1 finds its loader.

Belongs here: the old name alone. Does not belong here: anything else.
"""

from forecast_assets.registry.bundle import _load_pyfunc

__all__ = ["_load_pyfunc"]
