"""The overview of operations: exceptions first, each with the next step and a link.

Belongs here: the assets ``model_health`` and ``retraining_queue`` (by dataset), ``ops_summary`` and
``incident_report`` (of everything).
Does not belong here: what they show (``model_health``, ``operations``, ``incident_report``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping

import dagster as dg
from pydantic import Field

from forecast_assets.asset_factories import asset, dataset_asset, same_dataset
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.dagster_internals.own_location import launchpad
from forecast_assets.drift.accuracy_assets import forecast_accuracy
from forecast_assets.drift.assets import DRIFT
from forecast_assets.drift.model_health import NO_STEP, health, queue
from forecast_assets.failures import refusals_final
from forecast_assets.rendering.addresses import by_path, own_page
from forecast_assets.rendering.markdown import cell
from forecast_assets.rendering.tables import chosen_table, links, schema, table
from forecast_assets.reports.incident_plots import pictures
from forecast_assets.reports.incident_report import as_markdown, as_page, as_table
from forecast_assets.reports.operations import TOP, Summary, summarize
from forecast_assets.stores import paths
from forecast_assets.stores.resource import RegistryResource, StoresResource

GROUP = "portfolio"


class TopConfig(dg.Config):
    """How much to show."""

    limit: int = Field(default=TOP, ge=1, le=100, description="Rows in the table; exports hold all.")


@dataset_asset(
    GROUP,
    deps=[
        same_dataset(CHAMPION),
        same_dataset(DRIFT),
        forecast_accuracy,
    ],
    kinds={"postgres"},
    columns=schema(
        drift_direction="string: degrading, improving, stable or unknown, over comparable evaluations",
        verdict="string: how unusual the newest week's error is",
        wape_delta="float: percent points, newest WAPE minus the one before",
        live_wape="float: percent, of stored forecasts against what was sold since",
        units_at_risk="float: units a week missed beyond what is usual",
        next_step="string: what to do about it",
    ),
)
def model_health(
    context: dg.AssetExecutionContext, config: TopConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """Champions of a dataset, degrading ones first, then those whose error changed most."""
    with refusals_final():
        rows = health(stores.open(), context.partition_key, _today())
    return dg.MaterializeResult(
        metadata={
            "series": len(rows),
            "needs_attention": sum(row["next_step"] != NO_STEP for row in rows),
            "verdict": _counts(row["verdict"] for row in rows),
            "drift_direction": _counts(row["drift_direction"] for row in rows),
            "health": chosen_table("model-health", rows[: config.limit], without=["latest_wape"]),
            "links": links((str(row["series"]), str(row["link"])) for row in rows),
            "next_step": f"all rows: `forecast-assets export model-health {context.partition_key}`",
        }
    )


@dataset_asset(
    GROUP,
    deps=[model_health],
    kinds={"postgres"},
    columns=schema(
        priority_score="float: 0 to 1; 60 % age (up to 90 days) and 40 % WAPE (up to 100 %)",
        staleness_days="int: days since the last day that the champion's evaluation knew",
        wape="float: percent, of the champion's backtest",
        reason="string: why it stands here",
        requested_at="timestamp: when its retraining was requested, if nobody has done it yet",
    ),
)
def retraining_queue(
    context: dg.AssetExecutionContext, config: TopConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """Series of a dataset in the order in which to train them again. Drift is no part of the score."""
    with refusals_final():
        rows = queue(stores.open(), context.partition_key, _today())
    return dg.MaterializeResult(
        metadata={
            "total_evaluated": len(rows),
            "requested": sum(row["requested_at"] is not None for row in rows),
            "queue": chosen_table(
                "retraining-queue", rows[: config.limit], without=["staleness_days", "wape"]
            ),
            "links": links((str(row["series"]), str(row["link"])) for row in rows),
            "next_step": "launch job retrain with these series, or with top and requested",
            "link": dg.MetadataValue.url(own_page(launchpad("retrain"))),
        }
    )


@asset(
    GROUP,
    deps=[model_health, retraining_queue],
    kinds={"postgres"},
    columns=schema(
        what="string: failed_job, failed_run, incident, stale_alias or outdated_forecast, and of what",
        detail="string: when and what happened",
        next_step="string: what to do about it",
    ),
)
def ops_summary(
    context: dg.AssetExecutionContext, stores: StoresResource, registry: RegistryResource
) -> dg.MaterializeResult:
    """The whole system in one look: what runs, what failed, how fresh it is, and what needs attention."""
    with refusals_final():
        summary = _summary(context, stores, registry)
    return dg.MaterializeResult(metadata=_metadata(summary))


def _summary(
    context: dg.AssetExecutionContext, stores: StoresResource, registry: RegistryResource
) -> Summary:
    return summarize(
        stores.open(),
        None,
        dt.datetime.now(dt.UTC),
        own_run=context.run.run_id,
        registry=registry.open,
    )


def _metadata(summary: Summary) -> dict[str, dg.MetadataValue | str | int | float]:
    attention = [
        {
            "what": f"{one.kind}: {one.label}",
            "detail": f"{cell(one.at)}: {one.detail}" if one.at else one.detail,
            "next_step": one.next_step,
        }
        for one in summary.attention
    ]
    metadata: dict[str, dg.MetadataValue | str | int | float] = {
        "needs_attention": table(attention, ["what", "detail", "next_step"]),
        "links": links((one.label, one.link) for one in summary.attention),
        "jobs": _numbers(summary.jobs),
        "active_jobs": summary.active,
        "completed_today": summary.completed_today,
        "evaluations": _numbers(summary.runs),
        "forecasts_in_use": summary.forecasts,
        "outdated_forecasts": len(summary.outdated),
        "live_models": len(summary.live),
        "stale_live_models": len(summary.stale),
        "latest_sales_date": str(summary.newest_sales or "none"),
        "latest_success": cell(summary.newest_success),
        "latest_completed": cell(summary.newest_end),
        "latest_evaluation": cell(summary.newest_evaluation),
    }
    if summary.success_rate is not None:
        metadata["success_rate"] = round(summary.success_rate, 1)
    return metadata


@asset(
    GROUP,
    deps=[ops_summary],
    kinds={"markdown", "html", "csv"},
    columns=schema(
        Type="string: failed_job, failed_run, incident, stale_alias or outdated_forecast",
        Entity="string: run, series or kind",
        Item="string: what it is called",
        Detail="string: what happened",
        When="string: moment in UTC",
    ),
)
def incident_report(
    context: dg.AssetExecutionContext, stores: StoresResource, registry: RegistryResource
) -> dg.MaterializeResult:
    """The state of the system to hand on: Markdown here, CSV and a page with plots as files of the lake."""
    with refusals_final():
        summary = _summary(context, stores, registry)
        written = {
            "csv": as_table(summary),
            "md": as_markdown(summary),
            "html": as_page(summary, pictures(stores.open(), summary)),
        }
        for ending, text in written.items():
            stores.open().lake.write_bytes(paths.REPORTS.path(f"incident-report.{ending}"), text.encode())
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(by_path(written["md"])),
            "needs_attention": len(summary.attention),
            "files": ", ".join(paths.REPORTS.path(f"incident-report.{ending}") for ending in written),
            "next_step": "`forecast-assets export incident-report DATASET --output report.html`",
        }
    )


def _numbers(counts: Mapping[str, int]) -> str:
    """Say each number with its name."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _counts(words: Iterable[object]) -> str:
    """Say how many series have each word, the most frequent first."""
    counts = Counter(map(str, words)).most_common()
    return ", ".join(f"{count:,} {word}" for word, count in counts) or "no series"


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
