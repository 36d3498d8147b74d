"""The refusal of a dataset that does not exist.

Belongs here: saying which datasets there are, and where; light enough to be imported by any command.
Does not belong here: reading a dataset (``definition``).
"""

from collections.abc import Sequence

from forecast_assets.errors import UnknownName
from forecast_assets.settings import settings


def no_dataset(name: str, existing: Sequence[str]) -> UnknownName:
    """Return the error for ``name``; where no dataset exists it says which home is empty."""
    where = "" if existing else f": the home {settings().home} is empty"
    return UnknownName(
        f"there is no dataset {name!r}{where}",
        remedy=f"known datasets: {', '.join(existing) or 'none'}; add one with `dataset add`",
    )
