"""Checks of datasets: is what we store what a planner would call clean?

Belongs here: grain, columns, gaps and coverage of the newest snapshot.
Does not belong here: refusing bad input, which never gets this far (``canonical``).
"""

from typing import Any

import dagster as dg
import polars as pl

from forecast_assets.datasets import building
from forecast_assets.datasets.assets import panel, sales
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.core.availability import MIN_COVERAGE
from forecast_assets.partitions import DATASETS
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource

_SHOWN = 20


@dg.asset_check(asset=sales, blocking=True, partitions_def=DATASETS)
def grain_is_unique(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """One row per store, product and day in what was stored; two would double the demand."""
    snapshot = load(stores.open(), context.partition_key).snapshot
    files = stores.open().lake.list(snapshot.sales_path) if snapshot else []
    twice = 0
    for file in files:
        twice += _repeated(pl.DataFrame(stores.open().lake.read_table(file, columns=["product_id", "date"])))
    return dg.AssetCheckResult(
        passed=twice == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description="every store, product and day is there once"
        if twice == 0
        else f"{twice} rows repeat a store, product and day; load the dataset again with force",
        metadata={"rows": snapshot.row_count if snapshot else 0, "repeated_rows": twice},
    )


@dg.asset_check(asset=sales, partitions_def=DATASETS)
def columns_are_plans(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """Columns known ahead and marks of closed days: were they known before the day, or made of the sales?"""
    snapshot = load(stores.open(), context.partition_key).snapshot
    findings: list[Any] = snapshot.summary.get("columns", []) if snapshot else []
    return dg.AssetCheckResult(
        passed=not findings,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(one["sentence"] for one in findings)
        or "no column looks as if made of the sales",
        metadata={"doubts": table(findings, ["column", "kind", "share", "sentence", "remedy"])},
    )


def _repeated(keys: pl.DataFrame) -> int:
    """Rows that are not strictly after the one before them; what is stored sorted can only repeat so."""
    product, day = pl.col("product_id"), pl.col("date")
    late = keys.select(((product == product.shift(1)) & (day <= day.shift(1))).sum()).item()
    blocks = keys.select(product.rle_id().max() + 1 - product.n_unique()).item()
    return int(late + blocks)


@dg.asset_check(asset=panel, partitions_def=DATASETS)
def gaps(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """Days without a row, which count as days without sales: are there suspiciously many?"""
    frame = building.availability(stores.open(), context.partition_key)
    holed = frame.filter(pl.col("missing_days") > 0).sort("missing_days", descending=True)
    missing, expected = int(frame["missing_days"].sum()), max(int(frame["expected_days"].sum()), 1)
    return dg.AssetCheckResult(
        passed=holed.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{missing:,} of {expected:,} days have no row and count as zero sales, "
        f"in {len(holed)} of {len(frame)} series",
        metadata={
            "missing_days": missing,
            "worst": table(holed.head(_SHOWN).to_dicts(), ["series", "missing_days", "expected_days"]),
        },
    )


@dg.asset_check(asset=panel, partitions_def=DATASETS)
def coverage(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """Series whose observed days cover too little of their calendar to be trusted."""
    frame = building.availability(stores.open(), context.partition_key)
    thin = frame.filter(pl.col("coverage").fill_null(0) < MIN_COVERAGE).sort("coverage")
    return dg.AssetCheckResult(
        passed=thin.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(thin)} of {len(frame)} series are observed on less than "
        f"{MIN_COVERAGE:.0%} of their days",
        metadata={"worst": table(thin.head(_SHOWN).to_dicts(), ["series", "coverage", "state", "reason"])},
    )
