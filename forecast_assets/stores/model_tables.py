"""Versions of many models written into MLflow's own tables at once.

Belongs here: the writes whose cost by MLflow's client is per series, where its database is at hand.
Does not belong here: anything that a series needs seldom, such as a new model (``registry``).

The rows are those that MLflow's client writes; ``test_mlflow_behaviour.py`` compares them.
"""

import time
from collections.abc import Mapping, Sequence

from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.rows.registry import (
    MlflowAddVersionsRow,
    MlflowMoveAliasRow,
    MlflowRecipesRow,
)
from forecast_assets.stores.warehouse import Warehouse


def add_versions(tables: Warehouse, new: Sequence[NewVersion]) -> dict[str, int]:
    """Add a version to each model of ``new``, which exist; return the numbers, all or none.

    Of two writers the second waits, and takes the version of the first where it has the same recipe.
    """
    names = [one.name for one in new]
    with tables.transaction() as connection:
        tables.execute("mlflow_lock_models", connection, names=names)
        recipes = [one.recipe for one in new]
        stored = tables.rows_in(connection, MlflowRecipesRow, names=names, recipes=recipes)
        existing = {row["name"]: row["version"] for row in stored}
        missing = [one for one in new if one.name not in existing]
        rows = tables.rows_in(
            connection,
            MlflowAddVersionsRow,
            names=[one.name for one in missing],
            sources=[one.source for one in missing],
            runs=[one.run_id for one in missing],
            now=int(time.time() * 1000),
        )
        added = {row["name"]: row["version"] for row in rows}
        tags = [(one.name, added[one.name], *pair) for one in missing for pair in one.all_tags.items()]
        by_column = zip(*tags, strict=True) if tags else [()] * 4
        columns = ("names", "versions", "keys", "contents")
        values = {name: list(column) for name, column in zip(columns, by_column, strict=True)}
        tables.execute("mlflow_add_version_tags", connection, **values)
    return existing | added


def move_aliases(tables: Warehouse, alias: str, numbers: Mapping[str, int]) -> list[str]:
    """Let ``alias`` of each model mean its version, all or none; return the models whose version is gone."""
    names = list(numbers)
    with tables.transaction() as connection:
        rows = tables.rows_in(
            connection, MlflowMoveAliasRow, alias=alias, names=names, versions=list(numbers.values())
        )
        moved = {row["name"] for row in rows}
        if lost := [name for name in names if name not in moved]:
            connection.rollback()
    return lost
