"""The catalogue of candidates as an asset: what may be compared, with which parameters, at what cost.

Belongs here: showing the catalogue.
Does not belong here: its content (``candidates.catalogue``).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from forecast_assets.asset_factories import asset
from forecast_assets.backtests.installed import is_installed
from forecast_assets.forecasting.core.candidates.catalogue import CATALOGUE, DEFAULT, Entry, catalogue
from forecast_assets.rendering.markdown import markdown
from forecast_assets.rendering.tables import schema, table

COLUMNS = schema(
    model_type="string: name to choose it by",
    family="string: baseline, intermittent, smoothing, tree, additive or ensemble",
    scope="string: learned from each series, from all of a dataset (global), or from other candidates",
    feature_aware="bool: reads columns that are known ahead",
    default="bool: compared unless something else is asked for",
    enabled="bool: its package is installed",
    parameters="string: name = default (allowed values); without a default it suits the period",
    cost="float: processor milliseconds per series and fold",
    description="string: what it does",
)


# Beside the definition of an asset without partitions there is room for about 50 characters.
_TABLE_COLUMNS = ["model_type", "scope", "description"]
_FURTHER = ["model_type", "used", "family"]


def rows() -> list[dict[str, Any]]:
    """One row per model type and scope."""
    entries = [one for entry in catalogue().values() for one in (entry, entry.alone) if one is not None]
    return [_row(entry) for entry in entries]


def _in_words(row: Mapping[str, Any]) -> dict[str, str]:
    """Return what Dagit shows of an entry as words that it can wrap."""
    used = "by default" if row["default"] else "if named"
    return {
        "used": used if row["enabled"] else "not installed",
        "family": f"{row['family']}, feature aware" if row["feature_aware"] else row["family"],
        "description": row["description"].replace("`", ""),
    }


def _row(entry: Entry) -> dict[str, object]:
    entries = [
        f"{name} ({allowed})" if default is None else f"{name} = {default} ({allowed})"
        for name, (default, allowed) in entry.parameters.items()
    ]
    return {
        "model_type": entry.model_type,
        "family": entry.family,
        "scope": entry.scope,
        "feature_aware": entry.feature_aware,
        "default": entry.model_type in DEFAULT and entry is CATALOGUE.get(entry.model_type),
        "enabled": is_installed(entry),
        "parameters": "; ".join(entries) or None,
        "cost": entry.cost,
        "description": entry.description,
    }


@asset(
    "backtests",
    kinds={"python"},
    columns=COLUMNS,
)
def model_catalog() -> dg.MaterializeResult:
    """Every candidate that can be compared, with its parameters, their bounds and what a fit costs."""
    entries = rows()
    shown = [{**one, **_in_words(one)} for one in entries]
    return dg.MaterializeResult(
        metadata={
            "candidates": table(shown, _TABLE_COLUMNS),
            "parameters": dg.MetadataValue.md(
                markdown(entries, ["model_type", "scope", "cost", "parameters"])
            ),
            "further": table(shown, _FURTHER),
            "dagster/row_count": len(entries),
        }
    )
