"""The data-quality monitor: what looks wrong in the newest sales, though no rule forbids it?

Belongs here: the asset ``data_quality`` (by dataset) with its check, and storing what was found.
Does not belong here: the suspicions (``analysis.quality``), and rules that refuse sales (``rules``).
"""

import datetime as dt
from collections import Counter

import dagster as dg
import numpy as np
import polars as pl
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset
from forecast_assets.datasets.assets import GROUP, panel
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.days import today
from forecast_assets.failures import refusals_final
from forecast_assets.forecasting.analysis.quality import findings
from forecast_assets.keys import SeriesKey
from forecast_assets.partitions import DATASETS
from forecast_assets.rendering.markdown import cell
from forecast_assets.rendering.tables import schema, table
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.datasets import QualityFindingsRow

_MOST_LISTED = 50


class MonitorConfig(dg.Config):
    """When sales are too old."""

    stale_after_days: int = Field(
        default=7, ge=1, le=366, description="Age of the newest day from which on the whole input is stale."
    )


def monitor(stores: Stores, name: str, *, run_id: str) -> list[QualityFindingsRow]:
    """Look at the newest sales of a dataset; store and return the findings, errors first.

    What was there before keeps the moment since when it is known.
    """
    sales = read_panel(stores, load(stores, name), newest=True)
    keys = sales.series.tolist()
    before = {
        (row["series"], row["suspicion"]): row["since"]
        for row in stores.warehouse.rows(QualityFindingsRow, dataset=name, series=None)
    }
    now = dt.datetime.now(dt.UTC)
    rows = [
        {
            "dataset": name,
            "series": keys[finding.row],
            "suspicion": finding.suspicion.name,
            "severity": finding.suspicion.severity,
            "first_day": sales.date(finding.first),
            "last_day": sales.date(finding.last),
            "detail": finding.detail,
            "action": finding.suspicion.action,
            "run_id": run_id,
            "since": before.get((keys[finding.row], finding.suspicion.name), now),
        }
        for finding in findings(sales, np.array([SeriesKey.parse(key).store for key in keys], dtype=np.str_))
    ]
    with stores.warehouse.transaction() as connection:
        stores.warehouse.execute("forget_findings", connection, dataset=name)
        if rows:
            # A suspicion about several stretches of days is one, told by its last.
            frame = pl.DataFrame(rows, infer_schema_length=None).unique(["series", "suspicion"], keep="last")
            stores.warehouse.copy(connection, "quality_finding", frame)
    return stores.warehouse.rows(QualityFindingsRow, dataset=name, series=None)


@dataset_asset(
    GROUP,
    deps=[panel],
    check_specs=[
        dg.AssetCheckSpec(
            "sales_look_right",
            asset="data_quality",
            description="Nothing in the newest sales needs a person, and they are not stale.",
            partitions_def=DATASETS,
        )
    ],
    kinds={"numpy", "postgres"},
    columns=schema(
        severity="string: error, warning or info",
        suspicion="string: what looks wrong",
        detail="string: on which days and how much",
        action="string: what to do about it",
        since="timestamp: when it was seen first",
    ),
)
def data_quality(
    context: dg.AssetExecutionContext, config: MonitorConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """What looks wrong in the newest sales of a dataset, worst first, with the action for each.

    Gaps, long runs of zeros, suspected stock-outs, spikes, price jumps, promotions without lift, stale input.
    """
    with refusals_final():
        monitored = monitor(stores.open(), context.partition_key, run_id=context.run.run_id)
        dataset = load(stores.open(), context.partition_key)
        newest = dataset.options.period.last_day(dataset.built().last_day, 0)
    counts, age = Counter(row["severity"] for row in monitored), (today() - newest).days
    stale = age > config.stale_after_days
    summary = ", ".join(f"{counts[name]:,} {name}" for name in ("error", "warning", "info"))
    late = f"the newest sales are {age:,} days old; check the delivery" if stale else f"newest day {newest}"
    rows = monitored[:_MOST_LISTED]
    actions = dict.fromkeys(f"- {cell(_words(row['suspicion']))}: {cell(row['action'])}" for row in rows)
    return dg.MaterializeResult(
        metadata={
            **{f"findings_{name}": counts[name] for name in ("error", "warning", "info")},
            "newest_day": str(newest),
            "stale_input": stale,
            "findings": table(
                [{**row, "suspicion": f"{row['severity']}: {_words(row['suspicion'])}"} for row in rows],
                ["series", "suspicion", "detail"],
            ),
            "actions": dg.MetadataValue.md("\n".join(actions)),
            "next_step": f"all of them: `forecast-assets export data-quality {context.partition_key}`",
        },
        check_results=[
            dg.AssetCheckResult(
                passed=not (stale or counts["error"] or counts["warning"]),
                severity=dg.AssetCheckSeverity.ERROR if counts["error"] else dg.AssetCheckSeverity.WARN,
                description=f"findings: {summary}; {late}",
                metadata=dict(counts),
            )
        ],
    )


def _words(suspicion: str) -> str:
    """Return a suspicion as words, which Dagit can wrap."""
    return suspicion.replace("_", " ")
