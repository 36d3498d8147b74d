"""``forecast-assets export``: results for other programs.

Belongs here: naming what can be exported, and in which formats.
Does not belong here: how a format is written (``rendering.export``) and questions (``sql/queries``).
"""

import datetime as dt
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast_assets.cli.console import SAY, ColumnsOption, Format, View, WideOption, listing, save, writing
from forecast_assets.cli.existing import check_dataset
from forecast_assets.errors import BadSetting
from forecast_assets.stores.opening import open_stores, open_warehouse
from forecast_assets.stores.rows.datasets import AvailabilityRow, QualityFindingsRow
from forecast_assets.stores.rows.evaluations import ChampionsRow, LeaderboardRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow, ForecastAccuracyRow
from forecast_assets.stores.rows.launches import BatchExportRow, BatchItemExportRow
from forecast_assets.stores.rows.operations import DriftRow
from forecast_assets.stores.rows.registry import AuditRow

if TYPE_CHECKING:
    import polars as pl

    from forecast_assets.reports.operations import Summary


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
    ORDER_PROPOSAL = "order-proposal"


_QUERIES: dict[Report, type] = {
    Report.LEADERBOARD: LeaderboardRow,
    Report.CHAMPIONS: ChampionsRow,
    Report.FORECASTS: CurrentForecastsRow,
    Report.AUDIT: AuditRow,
    Report.DRIFT: DriftRow,
    Report.FORECAST_ACCURACY: ForecastAccuracyRow,
    Report.DATA_QUALITY: QualityFindingsRow,
}


_FIRST: dict[Report, str] = {
    Report.LEADERBOARD: "evaluate",
    Report.CHAMPIONS: "evaluate",
    Report.FORECASTS: "evaluate",
    Report.EXPLANATIONS: "evaluate",
    Report.AVAILABILITY: "evaluate",
}


# May be empty because nothing is wrong, or because nobody looked.
_REFRESHED = {Report.DRIFT, Report.FORECAST_ACCURACY, Report.DATA_QUALITY}


class Level(StrEnum):
    """What daily forecasts are summed over."""

    SERIES = "series"
    STORE = "store"
    CATEGORY = "category"
    DATASET = "dataset"


class ExportFormat(StrEnum):
    """How an export is written; Markdown and HTML are for the incident report alone."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "md"
    HTML = "html"


_PAGES = {ExportFormat.MARKDOWN, ExportFormat.HTML}


def export(  # noqa: PLR0917 - one parameter per option
    what: Annotated[Report, typer.Argument(help=f"{', '.join(Report)}.", show_choices=False, metavar="WHAT")],
    source: Annotated[str, typer.Argument(help="Of which dataset; for batch-items of which run.")],
    form: Annotated[
        ExportFormat | None, typer.Option("--format", help="By the file's ending if unset.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File or folder to write to; stdout if unset.")] = None,
    daily: Annotated[
        Level | None, typer.Option(help="Forecasts day by day, summed by series, store, category or dataset.")
    ] = None,
    day: Annotated[
        str | None, typer.Option(help="Day of an order proposal, YYYY-MM-DD; today if unset.")
    ] = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Print or save what is known of a dataset's series, or of a batch's items."""
    if daily is not None and what is not Report.FORECASTS:
        raise BadSetting(f"--daily does not go with {what.value}", remedy="leave it out, or export forecasts")
    if day is not None and what is not Report.ORDER_PROPOSAL:
        raise BadSetting(f"--day does not go with {what.value}", remedy="leave it out")
    if what is not Report.BATCH_ITEMS:
        check_dataset(source)
    target, chosen = _target(what, source, output, form)
    if what is Report.INCIDENT_REPORT and chosen in {*_PAGES, ExportFormat.CSV}:
        _write_page(source, chosen, target)
        return
    if chosen in _PAGES:
        raise BadSetting(f"{what.value} cannot be a page", remedy="use table, csv, json or parquet")
    from forecast_assets.rendering.schemas import typed

    if what is Report.ORDER_PROPOSAL:
        frame = _order_proposal(source, day)
    else:
        frame = typed(_frame(what, source, chosen) if daily is None else _daily(source, daily))
        if what in {Report.EXPLANATIONS, Report.AUDIT} or daily is Level.SERIES:
            frame = _with_ids(frame, source)
    if target is None:
        name = what.value if daily is None else f"daily-{daily.value}"
        listing(frame, View(Format(chosen.value), columns, wide), name, if_empty=_first(what, source))
        return
    save(View(Format.JSON, columns).of(frame, what.value), target, chosen.value)
    SAY.print(f"{len(frame):,} rows in {target}", markup=False)


def _first(what: Report, source: str) -> str | None:
    """The sentence in place of an export without rows, if a command would fill it."""
    if what in _REFRESHED:
        return f"no {what.value} of {source}; to look again: forecast-assets refresh {source}"
    if what is Report.AUDIT:
        return f"no decision about {source} yet (a dry run is none); next: forecast-assets promote {source}"
    if what not in _FIRST:
        return None
    return f"no {what.value} of {source} yet; next: forecast-assets {_FIRST[what]} {source}"


def _target(
    what: Report, source: str, output: Path | None, form: ExportFormat | None
) -> tuple[Path | None, ExportFormat]:
    """Where to write and how: as --format says, else as the file's ending does."""
    usual = ExportFormat.MARKDOWN if what is Report.INCIDENT_REPORT else ExportFormat.TABLE
    if output is None:
        if form is ExportFormat.PARQUET:
            raise BadSetting("Parquet is not text", remedy="give --output FILE.parquet")
        return None, form or usual
    if output.is_dir():
        chosen = form or ExportFormat.CSV
        today = dt.datetime.now(dt.UTC).strftime("%Y%m%d")
        name = f"batch-{source}-items" if what is Report.BATCH_ITEMS else f"{what.value}-{source}"
        output /= f"{name}-{today}.{chosen.value}"
    ending = output.suffix.removeprefix(".")
    files = set(ExportFormat) - {ExportFormat.TABLE}
    if form is None and ending not in files:
        raise BadSetting(
            f"no format for {output.name!r}",
            remedy=f"end the file in .{', .'.join(sorted(files - _PAGES))}, or give --format",
        )
    chosen = form or ExportFormat(ending)
    if chosen is ExportFormat.TABLE:
        raise BadSetting("a table is for a terminal", remedy="use csv, json or parquet for a file")
    return output, chosen


def _frame(what: Report, source: str, form: ExportFormat) -> "pl.DataFrame":
    if what is Report.BATCH_ITEMS:
        return _batch_items(source, form)
    if what is Report.AVAILABILITY:
        return _availability(source)
    if what is Report.EXPLANATIONS:
        from forecast_assets.forecasts.explanations import explanations

        return explanations(open_stores(), source)
    if what in {Report.MODEL_HEALTH, Report.RETRAINING_QUEUE}:
        import polars as pl

        from forecast_assets.drift.model_health import health, queue

        ask = health if what is Report.MODEL_HEALTH else queue
        rows = ask(open_stores(), source, dt.datetime.now(dt.UTC).date())
        return pl.DataFrame(rows, infer_schema_length=None)
    if what is Report.INCIDENT_REPORT:
        from forecast_assets.reports.incident_report import as_frame

        return as_frame(_summary(source))
    frame = open_warehouse().frame(_QUERIES[what], dataset=source, series=None)
    # The parts of a stock recommendation are columns of their own; what holds all of them is for Dagit.
    return frame.drop("stock", strict=False)


def _order_proposal(dataset: str, day: str | None) -> "pl.DataFrame":
    from forecast_assets.days import read_day
    from forecast_assets.orders.proposal import propose

    proposal = propose(open_stores(), dataset, read_day("--day", day))
    for sentence in (proposal.sentence, *proposal.notes):
        SAY.print(sentence, markup=False)
    return proposal.frame


def _batch_items(run_id: str, form: ExportFormat) -> "pl.DataFrame":
    """CSV is read by people and has their headings; other programs get field names and all metrics."""
    from forecast_assets.launches import records

    stores = open_stores()
    records.read(stores, run_id)
    of: type = BatchExportRow if form is ExportFormat.CSV else BatchItemExportRow
    return stores.warehouse.frame(of, launch_id=run_id)


def _availability(dataset: str) -> "pl.DataFrame":
    import polars as pl

    from forecast_assets.datasets.definition import load

    stores = open_stores()
    days = load(stores, dataset).options.period.days
    frame = stores.warehouse.frame(AvailabilityRow, dataset=dataset)
    return frame.with_columns(pl.col("average_daily_demand") / days)


def _daily(dataset: str, level: Level) -> "pl.DataFrame":
    from forecast_assets.forecasts.store import daily_totals

    return daily_totals(open_stores(), dataset, level.value)


def _with_ids(frame: "pl.DataFrame", dataset: str) -> "pl.DataFrame":
    """Add store and product, as their source writes them, behind the key of the series."""
    from forecast_assets.datasets.series_names import with_ids

    return with_ids(open_stores(), dataset, frame)


def _summary(dataset: str) -> "Summary":
    from forecast_assets.reports.operations import summarize
    from forecast_assets.stores.registry import open_registry

    return summarize(open_stores(), dataset, dt.datetime.now(dt.UTC), registry=open_registry)


def _write_page(dataset: str, form: ExportFormat, output: Path | None) -> None:
    """Write the incident report as Markdown, as an HTML page, or as CSV with headings for people."""
    from forecast_assets.reports.incident_report import as_markdown, as_page, as_table

    summary = _summary(dataset)
    if form is ExportFormat.HTML:
        from forecast_assets.reports.incident_plots import pictures

        text = as_page(summary, pictures(open_stores(), summary))
    else:
        text = as_table(summary) if form is ExportFormat.CSV else as_markdown(summary)
    if output is None:
        sys.stdout.write(text)
        return
    with writing(output):
        output.write_text(text, encoding="utf-8", newline="")
    SAY.print(f"{len(summary.attention):,} things to look at in {output}", markup=False)
