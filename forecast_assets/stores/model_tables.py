"""Versions of many models in MLflow's own tables, read and written at once.

Belongs here: what costs MLflow's client a request per series, where its database is at hand.
Does not belong here: anything that a series needs seldom, such as a new model (``registry``).

The rows are those that MLflow's client writes; ``test_mlflow_behaviour.py`` compares them.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.rows.registry import (
    MlflowAddVersionsRow,
    MlflowAliasesRow,
    MlflowFilesRow,
    MlflowModelsRow,
    MlflowMoveAliasRow,
    MlflowPlacesRow,
    MlflowRecipesRow,
    MlflowVersionsRow,
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


def models(tables: Warehouse, names: Sequence[str]) -> set[str]:
    """Return which of these models there are."""
    return {row["name"] for row in tables.rows(MlflowModelsRow, names=list(names))}


def of_recipes(tables: Warehouse, versions: Sequence[NewVersion]) -> dict[str, int]:
    """Return the lowest version of each model with its recipe, where there is one."""
    names, recipes = [one.name for one in versions], [one.recipe for one in versions]
    rows = tables.rows(MlflowRecipesRow, names=names, recipes=recipes)
    return {row["name"]: row["version"] for row in rows}


def aliases(tables: Warehouse, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return version by alias of each model that has any."""
    by_name: dict[str, dict[str, int]] = {}
    for row in tables.rows(MlflowAliasesRow, names=list(names)):
        by_name.setdefault(row["name"], {})[row["alias"]] = row["version"]
    return by_name


def numbers(tables: Warehouse, names: Sequence[str]) -> dict[str, set[int]]:
    """Return the numbers of all versions of each model."""
    by_name: dict[str, set[int]] = {}
    for row in tables.rows(MlflowVersionsRow, names=list(names)):
        by_name.setdefault(row["name"], set()).add(row["version"])
    return by_name


def files(tables: Warehouse, run_id: str) -> Path | None:
    """Return where the files of a run are, if it is known and its files are on this machine."""
    row = tables.row(MlflowFilesRow, run_id=run_id)
    place = None if row is None else (row["place"] or "").removeprefix("file://")
    return Path(place) if place and place.startswith("/") else None


def places(tables: Warehouse) -> list[tuple[str, str]]:
    """Return our experiments, and the folder in which MLflow keeps the files of each."""
    return [(row["name"], row["place"]) for row in tables.rows(MlflowPlacesRow)]
