"""``forecast-assets export``: results for other programs.

Belongs here: naming what can be exported.
Does not belong here: formats (``reporting.export``) and questions (``sql/queries``).
"""

import datetime as dt
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.console import SAY, Format, listing, save
from forecast_assets.cli.home import open_instance
from forecast_assets.datasets import definition
from forecast_assets.errors import BadSetting
from forecast_assets.forecasts.explanations import explanations
from forecast_assets.forecasts.store import daily_totals
from forecast_assets.launches import records
from forecast_assets.reports.incident_plots import pictures
from forecast_assets.reports.incident_report import as_markdown, as_page, as_table
from forecast_assets.reports.model_health import health, queue
from forecast_assets.reports.operations import summarize
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import open_stores


class Report(StrEnum):
    """What can be exported of a dataset, or of a run."""

    AVAILABILITY = "availability"
    LEADERBOARD = "leaderboard"
    CHAMPIONS = "champions"
    FORECASTS = "forecasts"
    EXPLANATIONS = "explanations"
    BATCH_ITEMS = "batch-items"
    AUDIT = "audit"
    DRIFT = "drift"
    FORECAST_ACCURACY = "forecast-accuracy"
    DATA_QUALITY = "data-quality"
    MODEL_HEALTH = "model-health"
    RETRAINING_QUEUE = "retraining-queue"
    INCIDENT_REPORT = "incident-report"


_QUESTIONS = {
    Report.FORECASTS: "current_forecasts",
    Report.FORECAST_ACCURACY: "forecast_accuracy",
    Report.DATA_QUALITY: "quality_findings",
}


class Level(StrEnum):
    """What daily forecasts are summed over."""

    SERIES = "series"
    STORE = "store"
    CATEGORY = "category"
    DATASET = "dataset"


class ExportFormat(StrEnum):
    """A listing, or Parquet into a file."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def _frame(stores: Stores, what: Report, source: str) -> pl.DataFrame:
    if what is Report.BATCH_ITEMS:
        records.read(stores, source)
        return stores.warehouse.frame("batch_export", launch_id=source)
    if what is Report.AVAILABILITY:
        return stores.warehouse.frame("availability", dataset=source)
    if what is Report.EXPLANATIONS:
        return explanations(stores, source)
    if what in {Report.MODEL_HEALTH, Report.RETRAINING_QUEUE}:
        rows = (health if what is Report.MODEL_HEALTH else queue)(
            stores, source, dt.datetime.now(dt.UTC).date()
        )
        return pl.DataFrame(rows, infer_schema_length=None)
    return stores.warehouse.frame(_QUESTIONS.get(what, what.value), dataset=source, series=None)


def _incident_report(stores: Stores, dataset: str, output: Path | None) -> None:
    """Write the report of a dataset as the file's ending says: .csv, .md or .html; Markdown on stdout."""
    summary = summarize(open_instance(), stores, dataset, dt.datetime.now(dt.UTC))
    if output is None:
        sys.stdout.write(as_markdown(summary))
        return
    if output.suffix == ".html":
        text = as_page(summary, pictures(stores, summary))
    elif output.suffix in {".csv", ".md"}:
        text = as_table(summary) if output.suffix == ".csv" else as_markdown(summary)
    else:
        raise BadSetting(f"no format for {output.name!r}", remedy="end the file in .csv, .md or .html")
    output.write_text(text, encoding="utf-8", newline="")
    SAY.print(f"{len(summary.attention)} things to look at in {output}")


def export(
    what: Annotated[Report, typer.Argument(help="What to export.")],
    source: Annotated[str, typer.Argument(help="Of which dataset; for batch-items of which run.")],
    form: Annotated[
        ExportFormat | None, typer.Option("--format", help="By the file's ending if unset.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File or folder to write to; stdout if unset.")] = None,
    daily: Annotated[
        Level | None, typer.Option(help="Forecasts day by day, summed by series, store, category or dataset.")
    ] = None,
) -> None:
    """Print or save what is known of a dataset's series, or of a batch's items."""
    stores = open_stores()
    if daily is not None and what is not Report.FORECASTS:
        raise BadSetting(f"--daily does not go with {what.value}", remedy="leave it out, or export forecasts")
    if what is not Report.BATCH_ITEMS:
        definition.load(stores, source)
    if what is Report.INCIDENT_REPORT:
        _incident_report(stores, source, output)
        return
    frame = _frame(stores, what, source) if daily is None else daily_totals(stores, source, daily.value)
    if output is None:
        if form is ExportFormat.PARQUET:
            raise BadSetting("Parquet is not text", remedy="give --output FILE.parquet")
        listing(frame, Format(form.value) if form else Format.TABLE)
        return
    if output.is_dir():
        today = dt.datetime.now(dt.UTC).strftime("%Y%m%d")
        kind = "batch" if what is Report.BATCH_ITEMS else what.value
        rest = "items-" if what is Report.BATCH_ITEMS else ""
        output /= f"{kind}-{source}-{rest}{today}.{form.value if form else 'csv'}"
    chosen = form.value if form else output.suffix.removeprefix(".")
    if chosen not in {"csv", "json", "parquet"}:
        raise BadSetting(
            f"no format for {output.name!r}",
            remedy="end the file in .csv, .json or .parquet, or give --format",
        )
    save(frame, output, chosen)
    SAY.print(f"{len(frame):,} rows in {output}")
