"""Looking at a source and summing it up: of a dataset that was added, or of a file that nobody stores.

Belongs here: reading for an overview.
Does not belong here: what an overview says (``overview``), storing anything (``building``).
"""

import datetime as dt
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import polars as pl

from forecast_assets.datasets import holidays, plan_reach
from forecast_assets.datasets.definition import Dataset, DatasetOptions, Snapshot
from forecast_assets.datasets.freezing import freeze, summary_notes
from forecast_assets.datasets.overview import Facts, Lines, overview
from forecast_assets.datasets.profiles import SourceProfile
from forecast_assets.datasets.sources import Source
from forecast_assets.errors import BadSales
from forecast_assets.stores import paths
from forecast_assets.stores.lake import Lake

# A name that leaves as much room for ids as the names of most datasets.
_NAME = "dataset"


def check_source(
    source: Source, options: DatasetOptions, today: dt.date, profile: SourceProfile | None
) -> Lines:
    """Read all of a source as ``dataset add`` does, into a folder that is deleted at once, and sum it up.

    Raises ``BadSales`` or ``BadSetting`` for what adding it would refuse.
    """
    plan_reach.check_declared(options.plan_days, source.columns.known)
    if options.holidays is not None:
        holidays.national(options.holidays, today, today)
    with TemporaryDirectory(prefix="forecast-check-") as folder:
        lake = Lake(folder)
        frozen = freeze(lake, source, _NAME, options, folder=paths.SALES.path(_NAME, "check"), today=today)
        read = frozen.summary
        if read.first_day is None or read.last_day is None:
            raise BadSales(f"{source.name}: no full period is left", remedy="leave --aggregate out")
        holidays.check(lake, frozen.folder, source, options)
        notes = {**summary_notes(read), **frozen.noted}
        facts = Facts(read.rows, read.series, read.stores, read.first_day, read.last_day, notes)
        settled = options.model_copy(update={"frequency": frozen.frequency})
        lines = overview(source, settled, facts, _stored(lake, frozen.folder), profile)
        return lines + _unfinished(settled, facts, today)


def sum_up(
    lake: Lake, dataset: Dataset, snapshot: Snapshot, today: dt.date, profile: SourceProfile | None = None
) -> Lines:
    """Sum up the current sales of a dataset."""
    snapshot.files(lake)
    facts = Facts(
        snapshot.row_count,
        snapshot.series_count,
        snapshot.store_count,
        snapshot.first_day,
        snapshot.last_day,
        snapshot.summary,
    )
    lines = overview(dataset.source, dataset.options, facts, _stored(lake, snapshot.sales_path), profile)
    return lines + _unfinished(dataset.options, facts, today)


def _unfinished(options: DatasetOptions, facts: Facts, today: dt.date) -> Lines:
    """Doubt a newest week or month that goes on after ``today``."""
    period = options.period
    end = period.last_day(facts.first_day, period.position(facts.first_day, facts.last_day))
    if end <= today:
        return []
    until = f"the newest {period.name}, from {facts.last_day}, lasts until {end}"
    return [("doubt", f"{until}: if its sales are not complete yet, leave its rows out until then")]


def _stored(lake: Lake, folder: str) -> Iterator[tuple[str, pl.DataFrame]]:
    for file in lake.list(folder):
        yield file.rsplit("/", 1)[-1].removesuffix(".parquet"), pl.DataFrame(lake.read_table(file))
