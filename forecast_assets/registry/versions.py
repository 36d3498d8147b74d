"""Rows of table ``model_version``, and the tags that tell the same in MLflow.

Belongs here: what is recorded of a version besides its files.
Does not belong here: making and storing it (``registration``).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from forecast_assets.forecasting.core.candidates.catalogue import feature_frame
from forecast_assets.forecasting.core.metrics import BY_FOLD
from forecast_assets.forecasting.version import code_version
from forecast_assets.forecasts.service import ForecastInputs
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import CurrentResultsRow, MetricsOfRow

RECORDED = (*BY_FOLD, "stability", "sample_size")
KINDS = {
    "override_reason": pl.String,
    "warning": pl.String,
    "recommended": pl.String,
    "evaluation_run": pl.String,
    "folds_path": pl.String,
    "sample_size": pl.Int64,
    **dict.fromkeys((*BY_FOLD, "stability"), pl.Float64),
}


def described(
    stores: Stores,
    work: ForecastInputs,
    labels: Sequence[str | None],
    rows: Sequence[int],
    reason: str | None,
) -> dict[str, dict[str, Any]]:
    """What is known of the version of each series at ``rows`` of the panel, but its number and its files.

    ``reason`` is why ``labels`` are not the champions, if they are not.
    """
    dataset = work.dataset
    keys = [str(work.panel.series[at]) for at in rows]
    measured_as = {
        (row["series"], row["candidate"]): row for row in stores.warehouse.rows(MetricsOfRow, series=keys)
    }
    evaluated = {row["series"]: row for row in stores.warehouse.rows(CurrentResultsRow, series=keys)}
    contents, first = work.panel.content_hashes(), work.panel.first
    by_series: dict[str, dict[str, Any]] = {}
    for key, at in zip(keys, rows, strict=True):
        label = str(labels[at])
        chosen = work.champions[at]
        if chosen is None:
            raise ValueError(f"{key} was never evaluated, so that it has no version")
        winner = str(chosen["champion"])
        own, best = measured_as.get((key, label)), measured_as.get((key, winner))
        by_series[key] = {
            "series": key,
            "dataset": dataset.name,
            "candidate": label,
            "recommended": winner,
            "is_override": label != winner,
            "override_reason": None if label == winner else reason,
            "warning": None if label == winner else gap(label, own, winner, best),
            "snapshot": dataset.built().hash,
            "content": contents[at],
            "first_day": work.panel.date(int(first[at])),
            "last_day": work.last_day(),
            "feature_frame": feature_frame(label),
            "policy": dataset.options.evaluation.policy,
            "settings": dataset.options.evaluation.model_dump_json(),
            "code_version": code_version(),
            "evaluation_run": evaluated[key]["run_id"],
            "anchor_day": evaluated[key]["anchor_day"],
            "folds_path": chosen["path"],
            **_recorded(own),
        }
    return by_series


def _recorded(row: Mapping[str, object] | None) -> dict[str, object]:
    return {name: None if row is None else row[name] for name in RECORDED}


def gap(label: str, own: MetricsOfRow | None, winner: str, best: MetricsOfRow | None) -> str:
    """What is given up by an override, in percentage points of WAPE, or that nobody knows."""
    mine, theirs = own and own["wape"], best and best["wape"]
    if mine is None or theirs is None:
        return f"{winner} is recommended, and there is no comparison of it with {label}"
    points = mine - theirs
    return f"{winner} is recommended; the WAPE of {label} is {points:+,.2f} percentage points from it"


def tags(row: Mapping[str, Any], sha: str, recipe: str) -> dict[str, str]:
    """What MLflow shows of a version whose row is known; every tag costs, so that metrics share one."""
    named = ["candidate", "snapshot", "last_day", "feature_frame", "code_version"]
    if row["is_override"]:
        named += ["recommended", "warning"]
    values = {name: str(row[name]) for name in named if row.get(name) is not None}
    metrics = {name: row[name] for name in RECORDED if row.get(name) is not None}
    if metrics:
        values["metrics"] = json.dumps(metrics)
    return values | {"artifact_sha256": sha, "recipe": recipe}
