"""Which candidates can be computed here.

Belongs here: looking for the packages that some of them need.
Does not belong here: the catalogue of candidates (``forecasting.core.candidates``).
"""

from importlib.util import find_spec

from forecast_assets.forecasting.core.candidates.catalogue import Entry

_PACKAGES = {"stats": "statsforecast"}


def is_installed(entry: Entry) -> bool:
    """Whether the package that a model type needs beyond the usual ones is there."""
    package = _PACKAGES.get(entry.requires or "")
    return package is None or find_spec(package) is not None
