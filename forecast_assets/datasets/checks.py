"""Checks of datasets: is what we store what a planner would call clean?

Belongs here: grain, columns, gaps and coverage of the newest snapshot.
Does not belong here: refusing bad input, which never gets this far (``canonical``).
"""

from typing import Any

import dagster as dg
import polars as pl

from forecast_assets.datasets.assets import panel, sales
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.core.availability import MIN_COVERAGE
from forecast_assets.partitions import DATASETS
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.datasets import DayTotalsRow, DoubtfulDaysRow

_MOST_LISTED = 20


@dg.asset_check(asset=sales, blocking=True, partitions_def=DATASETS)
def grain_is_unique(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """One row per store, product and day in what was stored; two would double the demand."""
    snapshot = load(stores.open(), context.partition_key).snapshot
    files = snapshot.files(stores.open().lake) if snapshot else []
    twice = 0
    for file in files:
        twice += _repeated(pl.DataFrame(stores.open().lake.read_table(file, columns=["product_id", "date"])))
    return dg.AssetCheckResult(
        passed=twice == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description="every store, product and day is there once"
        if twice == 0
        else f"{twice:,} rows repeat a store, product and day; load the dataset again with force",
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
    total, doubtful = _days(stores, context.partition_key)
    holed = sorted((row for row in doubtful if row["missing_days"]), key=lambda row: -row["missing_days"])
    missing, expected = total["missing_days"], max(total["expected_days"], 1)
    return dg.AssetCheckResult(
        passed=not holed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{missing:,} of {expected:,} days have no row and count as zero sales, "
        f"in {len(holed):,} of {total['series']:,} series",
        metadata={
            "missing_days": missing,
            "worst": table(holed[:_MOST_LISTED], ["series", "missing_days", "expected_days"]),
        },
    )


def _days(stores: StoresResource, name: str) -> tuple[DayTotalsRow, list[DoubtfulDaysRow]]:
    """Return the days of all series of a dataset together, and those of doubtful ones."""
    warehouse = stores.open().warehouse
    (total,) = warehouse.rows(DayTotalsRow, dataset=name)
    return total, warehouse.rows(DoubtfulDaysRow, dataset=name, least_coverage=MIN_COVERAGE)


@dg.asset_check(asset=panel, partitions_def=DATASETS)
def coverage(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """Series whose observed days cover too little of their calendar to be trusted."""
    total, doubtful = _days(stores, context.partition_key)
    thin = sorted(
        (row for row in doubtful if (row["coverage"] or 0) < MIN_COVERAGE),
        key=lambda row: row["coverage"] or 0,
    )
    return dg.AssetCheckResult(
        passed=not thin,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(thin):,} of {total['series']:,} series are observed on less than "
        f"{100 * MIN_COVERAGE:,.0f} % of their days",
        metadata={"worst": table(thin[:_MOST_LISTED], ["series", "coverage", "state", "reason"])},
    )
