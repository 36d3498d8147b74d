"""From a source to a snapshot: load the sales, build the panel, judge every series.

Belongs here: what the assets ``sales`` and ``panel`` do, so that any job can do the same.
Does not belong here: Dagster.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

import polars as pl
import sqlalchemy as sa

from forecast_assets.datasets import definition, holidays, panels, periods, plan_reach, plausibility
from forecast_assets.datasets.canonical import SalesSummary
from forecast_assets.datasets.column_revisions import revisions
from forecast_assets.datasets.definition import Dataset, DatasetOptions, Snapshot, load
from forecast_assets.datasets.deliveries import Comparison
from forecast_assets.datasets.freezing import Frozen, forget_files, freeze, snapshot_frame, snapshot_row
from forecast_assets.datasets.kept_panels import kept
from forecast_assets.datasets.panel_files import write_panels
from forecast_assets.datasets.patching import before_of
from forecast_assets.datasets.sources import Source
from forecast_assets.datasets.verdicts import with_verdicts
from forecast_assets.errors import Outage, UnknownName
from forecast_assets.forecasting.core.frequency import FREQUENCIES
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.rows.datasets import (
    AvailabilityRow,
    PanelBeforeRow,
    SnapshotRow,
    WithoutDemandRow,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot and whether it was there before; ``why`` is the sentence that says so."""

    snapshot: Snapshot
    reused: bool
    why: str


def load_sales(
    stores: Stores, name: str, *, run_id: str, today: dt.date, force: bool = False, accept: bool = False
) -> Loaded:
    """Validate the source of dataset ``name`` and freeze it as a snapshot; the same content is reused.

    Raises ``BadSales`` when the source breaks a rule, or, unless ``accept``, when it looks like a mistake of
    its sender: nothing is stored then. What was accepted is noted in the summary of the snapshot.
    """
    dataset = load(stores, name)
    source, snapshot = dataset.source, dataset.snapshot
    mark = source.fingerprint()
    if snapshot is not None and not force and mark is not None and mark == snapshot.source_fingerprint:
        return Loaded(snapshot, reused=True, why="the source has not changed since the last load")
    folder = paths.SALES.path(name, run_id)
    before = None if force or snapshot is None else before_of(stores.lake, source, snapshot)
    options = dataset.options.as_settled()
    compared = None if snapshot is None else Comparison(snapshot.last_day, dataset.options.period)
    frozen = freeze(
        stores.lake, source, name, options, folder=folder, today=today, before=before, compared=compared
    )
    try:
        doubts = [] if compared is None else _doubts(stores, dataset, compared, frozen)
    except Outage as outage:
        if not force:
            raise
        doubts = [f"there is nothing to compare them with: {outage.problem}"]
        dataset = replace(dataset, snapshot=None)
    if snapshot is not None and doubts:
        if not accept:
            forget_files(stores.lake, frozen.folder)
            raise plausibility.hold_back(name, doubts, snapshot.last_day)
        frozen = replace(frozen, noted=frozen.noted | {"accepted": doubts})
    return settle(stores, dataset, frozen, mark=mark, run_id=run_id, renew=force)


def _doubts(stores: Stores, dataset: Dataset, compared: Comparison, frozen: Frozen) -> list[str]:
    """What is suspicious about new sales; nothing about sales that were a snapshot before, or generated.

    Raises ``Outage`` when the last good sales cannot be read.
    """
    stored = stores.warehouse.row(SnapshotRow, dataset=dataset.name, hash=frozen.content_hash)
    snapshot, summary = dataset.snapshot, frozen.summary
    if snapshot is None or stored is not None or dataset.source.kind == "preset":
        return []
    before = (snapshot.files(stores.lake), snapshot.row_count)
    now = (stores.lake.list(frozen.folder), summary.last_day, summary.rows)
    return plausibility.examine(stores.lake, compared, before, now)


def add_dataset(
    stores: Stores,
    name: str,
    source: Source,
    options: DatasetOptions,
    today: dt.date,
    *,
    ready: Callable[[], object] = lambda: None,
) -> Loaded:
    """Check all sales of ``source``, remember it as dataset ``name`` and freeze its first snapshot.

    Raises ``BadSales``, ``BadSetting`` (the name is taken) or what ``ready`` raises, which is called when all
    sales are checked, before anything is stored.
    """
    definition.check_free(stores, name)
    plan_reach.check_declared(options.plan_days, source.columns.known)
    if options.holidays is not None:
        holidays.national(options.holidays, today, today)
    mark = source.fingerprint()
    # Not a Dagster run: the asset ``sales`` finds the snapshot and reports it.
    run_id = f"added-{uuid4().hex[:12]}"
    folder = paths.SALES.path(name, run_id)
    frozen = freeze(stores.lake, source, name, options, folder=folder, today=today)
    period = FREQUENCIES[options.aggregate or frozen.frequency]
    evaluation = options.evaluation.suited_to(period)
    try:
        holidays.check(stores.lake, folder, source, options)
        if source.kind == "preset" and options.aggregate is not None:
            periods.check_generated(frozen.summary, evaluation.plan(), period)
        ready()
    except BaseException:
        forget_files(stores.lake, folder)
        raise
    settled = options.model_copy(update={"frequency": frozen.frequency, "evaluation": evaluation})
    definition.add(stores, name, source, settled)
    return settle(stores, load(stores, name), frozen, mark=mark, run_id=run_id)


def settle(
    stores: Stores, dataset: Dataset, frozen: Frozen, *, mark: str | None, run_id: str, renew: bool = False
) -> Loaded:
    """Make what was frozen the current snapshot of a dataset; the same content is reused.

    With ``renew`` its files are replaced where those of before are lost or damaged.
    """
    stored = stores.warehouse.row(SnapshotRow, dataset=dataset.name, hash=frozen.content_hash)
    if stored is not None and not (renew and _differ(stores.lake, stored["sales_path"], frozen.folder)):
        forget_files(stores.lake, frozen.folder)
        frozen = replace(frozen, folder=stored["sales_path"], bases=tuple(stored["bases"]))
    if frozen.reading is not None:
        frozen.reading.write(stores.lake, frozen.folder, dataset.source)
    if stored is not None:
        with stores.warehouse.transaction() as connection:
            _point(stores, connection, dataset, frozen, mark)
        snapshot = load(stores, dataset.name).snapshot
        if snapshot is None:
            raise UnknownName(f"dataset {dataset.name!r} vanished while it was loaded", remedy="add it again")
        return Loaded(snapshot, reused=True, why="the source has new bytes but the same sales")
    row = snapshot_row(dataset.name, frozen, mark=mark, run_id=run_id)
    row["summary"]["columns"] += revisions(stores, dataset, frozen.folder)
    with stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "snapshot", snapshot_frame(row))
        _point(stores, connection, dataset, frozen, mark)
    before = dataset.snapshot
    why = "first load" if before is None else _difference(before, frozen.summary)
    return Loaded(Snapshot(**row), reused=False, why=why)


def _differ(lake: Lake, before: str, now: str) -> bool:
    """Whether two folders hold other files."""
    names = [path.removeprefix(now) for path in lake.list(now)]
    return [path.removeprefix(before) for path in lake.list(before)] != names or any(
        lake.read_bytes(before + name) != lake.read_bytes(now + name) for name in names
    )


def _point(
    stores: Stores, connection: sa.Connection, dataset: Dataset, frozen: Frozen, mark: str | None
) -> None:
    """Make what was read the current snapshot and remember its files and what the source looked like."""
    stores.warehouse.execute(
        "make_snapshot_current",
        connection,
        dataset=dataset.name,
        hash=frozen.content_hash,
        sales_path=frozen.folder,
        bases=json.dumps(frozen.bases),
        source_fingerprint=mark,
    )


def _difference(before: Snapshot, now: SalesSummary) -> str:
    parts = [
        f"{now.rows - before.row_count:+,} rows",
        f"{now.series - before.series_count:+,} series",
        f"newest day {before.last_day} -> {now.last_day}",
    ]
    return "new snapshot: " + ", ".join(parts)


def is_current(dataset: Dataset) -> bool:
    """Whether the newest snapshot has a panel and the source still looks as it did then."""
    snapshot = dataset.snapshot
    if snapshot is None or snapshot.panel_path is None or snapshot.source_fingerprint is None:
        return False
    return dataset.source.fingerprint() == snapshot.source_fingerprint


@dataclass(frozen=True, slots=True)
class Built:
    """A snapshot with its panel, the availability of its series, and whether all was there before."""

    snapshot: Snapshot
    availability: pl.DataFrame
    reused: bool


def build_panel(
    stores: Stores, name: str, *, run_id: str, register: Callable[[list[str]], object], force: bool = False
) -> Built:
    """Make the current snapshot dense, count and judge its series, and ``register`` their keys, sorted."""
    dataset = load(stores, name)
    snapshot = dataset.snapshot
    if snapshot is None:
        raise UnknownName(
            f"dataset {name!r} has no sales yet", remedy=f"materialize sales of partition {name} first"
        )
    if snapshot.panel_path is not None and not force and dataset.measured_reach is not None:
        judged = availability(stores, name)
        if not judged.is_empty() and judged["snapshot"][0] == snapshot.hash:
            register(judged["series"].to_list())
            return Built(snapshot, judged, reused=True)
    anchor = dataset.options.anchor_day(snapshot.last_day)
    frozen = dataset.reach_anchor == anchor and not force
    reach = dataset.measured_reach if frozen else plan_reach.measured(stores, dataset, snapshot)
    folder = paths.PANELS.path(name, run_id)
    older = None if force else stores.warehouse.row(PanelBeforeRow, dataset=name, hash=snapshot.hash)
    before = older and older["panel_path"]
    counts, described, bases = write_panels(stores, dataset, snapshot, folder, before)
    verdicts = with_verdicts(counts, dataset.options.evaluation.plan(), dataset.options.period)
    judged = verdicts.with_columns(dataset=pl.lit(name), snapshot=pl.lit(snapshot.hash)).sort("series")
    with stores.warehouse.transaction() as connection:
        stores.warehouse.upsert(connection, "series", described, key="series")
        stores.warehouse.execute("forget_availability", connection, dataset=name)
        stores.warehouse.copy(connection, "availability", judged)
        stores.warehouse.execute(
            "panel_built",
            connection,
            dataset=name,
            hash=snapshot.hash,
            panel_path=folder,
            panel_bases=json.dumps(bases),
        )
        stores.warehouse.execute(
            "store_plan_reach",
            connection,
            dataset=name,
            plan_reach=json.dumps({"anchor": anchor.isoformat(), "days": reach}),
        )
    register(judged["series"].to_list())
    return Built(replace(snapshot, panel_path=folder), availability(stores, name), reused=False)


def without_demand(stores: Stores, name: str) -> dict[str, str]:
    """Series of the newest panel that ended or never sold, with the reason: they have no demand."""
    return {row["series"]: row["reason"] for row in stores.warehouse.rows(WithoutDemandRow, dataset=name)}


def availability(stores: Stores, name: str) -> pl.DataFrame:
    """The stored verdict of every series of a dataset, sorted by key."""
    return stores.warehouse.frame(AvailabilityRow, dataset=name)


def read_panel(
    stores: Stores, dataset: Dataset, series: list[str] | None = None, *, newest: bool = False
) -> Panel:
    """The panel of the current snapshot, all of it or some series.

    It ends on the dataset's anchor, or with ``newest`` on the newest day.
    """
    snapshot = dataset.built()
    path, anchor = str(snapshot.panel_path), dataset.options.anchor_day(snapshot.last_day)
    if series is None:
        identity = (stores.lake, path, tuple(sorted(dataset.reach.items())), anchor, newest)
        return kept(identity, lambda: _read_panel(stores, dataset, path, None if newest else anchor))
    return _read_panel(stores, dataset, path, None if newest else anchor, series)


def _read_panel(
    stores: Stores, dataset: Dataset, path: str, anchor: dt.date | None, series: list[str] | None = None
) -> Panel:
    snapshot = dataset.built()
    panel = replace(panels.read(stores.lake, path, series), reach=dataset.reach)
    if series is None and len(panel.series) != snapshot.series_count:
        raise Outage(
            f"the lake holds {len(panel.series):,} of the {snapshot.series_count:,} series of {dataset.name}",
            remedy="build the dataset again with --force",
        )
    return panel if anchor is None else panel.until(max(0, panel.position(anchor) + 1))
