"""Live models that somebody deleted in MLflow: which series, and the next step.

Belongs here: comparing the decisions on record with the aliases of MLflow, and saying so.
Does not belong here: whether a live model is out of date (``overview``), making stores agree (``agreement``).
"""

from collections.abc import Callable, Mapping, Sequence

from forecast_assets.errors import listed
from forecast_assets.keys import SeriesKey
from forecast_assets.registry.promotion import CHAMPION, EXTERNAL
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.registry import LastMovesRow


def was_taken_away(moved: LastMovesRow | None) -> bool:
    """Whether a version was live by the record: MLflow says now that none is, or somebody took it away."""
    return moved is not None and (moved["to_version"] is not None or moved["action"] == EXTERNAL)


def gone(
    stores: Stores, registry: Callable[[], Registry], dataset: str | None = None
) -> dict[str, list[str]]:
    """Return the series by dataset whose live model MLflow has no more; of all datasets where none is named.

    The ``registry`` is opened where a model was ever made live. Raises ``Outage`` when it does not answer.
    """
    moved = stores.warehouse.rows(LastMovesRow, dataset=dataset)
    by_dataset: dict[str, list[str]] = {}
    for key in sorted(row["series"] for row in moved if was_taken_away(row)):
        by_dataset.setdefault(SeriesKey.parse(key).dataset, []).append(key)
    lost = {}
    for name, keys in by_dataset.items():
        aliases = registry().aliases(keys)
        lost[name] = [key for key in keys if CHAMPION not in aliases.get(key, {})]
    return {name: keys for name, keys in lost.items() if keys}


def sentences(lost: Mapping[str, Sequence[str]]) -> list[str]:
    """Say of each dataset which live models are gone from MLflow, with the next step."""
    return [f"{problem(keys)}; next: {next_step(name)}" for name, keys in lost.items()]


def problem(series: Sequence[str]) -> str:
    """Say whose live models are gone from MLflow."""
    return f"the live model of {len(series):,} series is gone from MLflow, and none is live: {listed(series)}"


def next_step(dataset: str) -> str:
    """The commands after which a deleted model is live again."""
    return f"forecast-assets register {dataset}, then forecast-assets promote {dataset}"
