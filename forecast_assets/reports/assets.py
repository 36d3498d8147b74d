"""A dataset at a glance: the leaderboard of its candidates and the heatmap of its pairs.

Belongs here: the assets ``leaderboard`` and ``heatmap``, by dataset; they read what is there.
Does not belong here: the aggregation (``launches.aggregation``) and the drawing (``rendering``).
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset, same_dataset
from forecast_assets.backtests import portfolio
from forecast_assets.backtests.assets import BACKTEST, CHAMPION
from forecast_assets.datasets.definition import load
from forecast_assets.errors import BadSetting
from forecast_assets.failures import refusals_final
from forecast_assets.forecasting.core.metrics import METRICS
from forecast_assets.launches import aggregation, records
from forecast_assets.launches.aggregation import CELL_METRICS, CONVERGENCE, Result
from forecast_assets.launches.batch.picking import results as batch_results
from forecast_assets.rendering.heatmap import heatmap as drawn
from forecast_assets.rendering.tables import schema, table
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.evaluations import PairResultsRow

GROUP = "portfolio"
_MOST_LISTED = 200
# What fits beside the list of partitions; the report of a dataset has all.
_CANDIDATES = [name for name in portfolio.COLUMNS if name not in {"ranked", "failed", "mean_rank"}]
CellMetric = Enum("CellMetric", {name: name for name in CELL_METRICS})  # type: ignore[misc]  # the names are a table's


def _unit(metric: str) -> str:
    """What the cells hold, with its unit."""
    registered = METRICS.get(metric)
    return "share of candidates" if registered is None else f"{registered.label}, {registered.unit}"


class HeatmapConfig(dg.Config):
    """What the cells show."""

    metric: CellMetric = Field(
        default=CellMetric.wape,  # type: ignore[attr-defined]  # made from a table
        description="; ".join(f"{name}: {_unit(name)}" for name in CELL_METRICS) + " with a result.",
    )
    candidate: str | None = Field(default=None, description="Only this one; each pair's champion if unset.")
    batch: str | None = Field(
        default=None, description="Run id of a batch to show; the newest evaluation if unset."
    )


@dataset_asset(
    GROUP,
    deps=[same_dataset(BACKTEST)],
    kinds={"postgres"},
    columns=schema(
        candidate="string: label",
        champions="int: series that it is the best of",
        ranked="int: series that it has a rank for",
        failed="int: series that it failed for",
        median_wape="float: percent",
        bias_percent="float: actual minus expected units of all scored days, percent of sales",
        period_total_error="float: absolute error of the dataset's total of each period, percent of sales",
        mean_rank="float: 1 is the best",
    ),
)
def leaderboard(context: dg.AssetExecutionContext, stores: StoresResource) -> dg.MaterializeResult:
    """How often each candidate of a dataset wins and how good it is; how far off the totals of stores are."""
    with refusals_final():
        load(stores.open(), context.partition_key)
        whole = portfolio.summarize(stores.open(), context.partition_key)
    return dg.MaterializeResult(
        metadata={
            "candidates": table(whole.candidates, _CANDIDATES),
            "totals_by_store": table(whole.stores[:_MOST_LISTED], portfolio.STORE_COLUMNS),
            "series": sum(row["champions"] for row in whole.candidates),
            "failed": ", ".join(
                f"{row['candidate']} for {row['failed']:,} series"
                for row in whole.candidates
                if row["failed"]
            )
            or "none",
            "next_step": f"all figures: `forecast-assets report {context.partition_key}`",
        }
    )


@dataset_asset(
    GROUP,
    deps=[same_dataset(CHAMPION)],
    kinds={"parquet"},
    columns=schema(
        store_id="string: one axis",
        product_id="string: the other",
        value="float: the metric; empty where nothing is known, never 0 instead",
        candidate="string: whose metric it is",
        run_id="string: the run that it comes from",
        is_champion="bool: whether it is the pair's champion",
        sample_size="int: scored days",
    ),
)
def heatmap(
    context: dg.AssetExecutionContext, config: HeatmapConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """One cell per store and product: where forecasts are good, and where they are not."""
    metric, dataset = config.metric.value, context.partition_key
    with refusals_final():
        load(stores.open(), dataset)
        cells = cells_of(stores.open(), dataset, config)
    path = paths.PORTFOLIO.path(dataset, f"heatmap-{metric}.parquet")
    stores.open().lake.write_table(path, cells.to_arrow())
    bounds = aggregation.scale(cells["value"])
    metadata: dict[str, Any] = {"metric": metric, "cells": len(cells), "path": path}
    if len(cells):
        title = f"{dataset}: {_unit(metric)}"
        metadata["heatmap"] = dg.MetadataValue.md(
            drawn(title, cells, bounds, diverging=metric in METRICS and METRICS[metric].target == 0)
        )
        worst = cells.sort(pl.col("value").abs(), descending=metric != CONVERGENCE, nulls_last=True)
        columns = ["store_id", "product_id", "value", "candidate", "sample_size"]
        metadata["worst_first"] = table(worst.head(_MOST_LISTED).to_dicts(), columns)
    if bounds is not None:
        metadata["scale"] = dg.MetadataValue.json(bounds)
    return dg.MaterializeResult(metadata=metadata)


def cells_of(stores: Stores, dataset: str, config: HeatmapConfig) -> pl.DataFrame:
    """The cells that a configuration asks for. Raises ``ForecastError``."""
    metric = config.metric.value
    if config.batch is not None:
        batch = records.read(stores, config.batch)
        if batch.dataset != dataset:
            raise BadSetting(
                f"batch {config.batch} is of dataset {batch.dataset!r}", remedy="choose that partition"
            )
        return aggregation.cells(batch_results(stores, config.batch), metric, candidate=config.candidate)
    results = [dict(row) for row in stores.warehouse.rows(PairResultsRow, dataset=dataset)]
    chosen = {row["series"]: row["champion"] for row in results}

    def champion(series: str, members: Sequence[Result]) -> Result | None:
        return next((member for member in members if member["candidate"] == chosen[series]), None)

    return aggregation.cells(results, metric, candidate=config.candidate, champion=champion)
