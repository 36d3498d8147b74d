"""Refusing a name that does not exist, before anything heavy is imported.

Belongs here: the check of a dataset's name by one query.
Does not belong here: reading a dataset (``datasets.definition``).
"""

from forecast_assets.cli.home import find_home
from forecast_assets.datasets.names import no_dataset
from forecast_assets.stores.rows.datasets import DatasetsRow


def check_dataset(name: str) -> None:
    """Raise ``UnknownName``, listing those that exist, unless there is a dataset ``name``."""
    from forecast_assets.stores.opening import open_warehouse

    find_home()
    names = [row["name"] for row in open_warehouse().rows(DatasetsRow)]
    if name not in names:
        raise no_dataset(name, names)
