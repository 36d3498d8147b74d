"""What nobody needs any more, and removing it.

Belongs here: finding superseded events, runs, records, versions and files, and deleting exactly those.
Does not belong here: champions and metrics with their history, which stay; ticks (``dagster.yaml``).

Never deleted: the newest event of each kind about a partition, so that no partition loses its colour; the
newest result of a check; the current snapshot; a forecast whose days are not over; a version that an alias
means, that is a series' newest, or that a recent decision speaks of; a file that any row refers to, or that
is younger than the grace; a folder of the lake that this code does not know.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from pydantic import BaseModel, Field

from forecast_assets.stores import Stores, paths
from forecast_assets.stores.database import alone
from forecast_assets.stores.lake import Stored
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.operations import (
    LakeReferencesRow,
    SpentRunsRow,
    SupersededEventsRow,
    SupersededForecastsRow,
    SupersededLaunchesRow,
    SupersededSnapshotsRow,
    SupersededVersionsRow,
)
from forecast_assets.stores.rows.registry import BundleMembersRow


class Policy(BaseModel):
    """How long what is superseded is kept."""

    days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="Days that superseded events, runs, what was launched, snapshots, forecasts and model "
        "versions are kept.",
    )
    snapshots: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Newest snapshots of each dataset that are kept, however old.",
    )
    grace_hours: int = Field(
        default=48,
        ge=24,
        le=8760,
        description="Hours that files to which no row refers are kept: a run writes its files first.",
    )


@dataclass(frozen=True, slots=True)
class Superseded:
    """How much of one kind is superseded; ``size`` in bytes."""

    what: str
    count: int
    size: int


def retain(
    stores: Stores,
    delete_run: Callable[[str], object],
    registry: Callable[[], Registry],
    policy: Policy,
    *,
    apply: bool,
    now: datetime,
) -> list[Superseded]:
    """Count what ``policy`` lets go of, and with ``apply`` delete it; twice is the same as once.

    ``delete_run`` forgets one Dagster run with all its events; ``registry`` is opened only when some model
    version may go. Raises ``BadSetting`` when a backup, a restore or another retention is running.
    """
    before = (now - timedelta(days=policy.days)).astimezone(UTC).replace(tzinfo=None)
    with alone(stores.warehouse.url) if apply else nullcontext():
        return [
            *_events_and_runs(stores, delete_run, before, apply=apply),
            _snapshots(stores, policy, before, apply=apply),
            _forecasts(stores, before, apply=apply),
            _launched(stores, before, apply=apply),
            _versions(stores, registry, before, apply=apply),
            _files(stores, now - timedelta(hours=policy.grace_hours), apply=apply),
        ]


def _events_and_runs(
    stores: Stores, delete_run: Callable[[str], object], before: datetime, *, apply: bool
) -> list[Superseded]:
    warehouse = stores.warehouse
    with warehouse.transaction() as connection:
        warehouse.execute("kept_events", connection)
        (events,) = warehouse.rows_in(connection, SupersededEventsRow, before=before)
        runs = warehouse.rows_in(connection, SpentRunsRow, before=before)
        if apply:
            warehouse.execute("delete_superseded_events", connection, before=before)
            warehouse.execute("delete_superseded_checks", connection, before=before)
            warehouse.execute("delete_lost_event_tags", connection)
    if apply:
        for run in runs:
            delete_run(str(run["run_id"]))
    return [
        Superseded("events of assets", events["count"], events["bytes"]),
        Superseded("runs", len(runs), sum(run["bytes"] for run in runs)),
    ]


def _snapshots(stores: Stores, policy: Policy, before: datetime, *, apply: bool) -> Superseded:
    moment = before.replace(tzinfo=UTC)
    rows = stores.warehouse.rows(SupersededSnapshotsRow, before=moment, kept=policy.snapshots)
    if apply:
        for row in rows:
            stores.warehouse.execute("delete_snapshot", dataset=row["dataset"], hash=row["hash"])
    return Superseded("snapshots", len(rows), 0)


def _forecasts(stores: Stores, before: datetime, *, apply: bool) -> Superseded:
    moment = before.replace(tzinfo=UTC)
    (rows,) = stores.warehouse.rows(SupersededForecastsRow, before=moment)
    if apply:
        stores.warehouse.execute("delete_superseded_forecasts", before=moment)
    return Superseded("forecasts", rows["count"], 0)


def _launched(stores: Stores, before: datetime, *, apply: bool) -> Superseded:
    rows = stores.warehouse.rows(SupersededLaunchesRow, before=before.replace(tzinfo=UTC))
    if apply and rows:
        stores.warehouse.execute("delete_launches", ids=[row["launch_id"] for row in rows])
    return Superseded("launched records", len(rows), 0)


def _versions(
    stores: Stores, registry: Callable[[], Registry], before: datetime, *, apply: bool
) -> Superseded:
    superseded = stores.warehouse.rows(SupersededVersionsRow, before=before.replace(tzinfo=UTC))
    count = 0
    for _, members in groupby(superseded, key=lambda row: row["dataset"]):
        rows = list(members)
        aliases = registry().aliases(list(dict.fromkeys(row["series"] for row in rows)))
        gone = [row for row in rows if row["version"] not in aliases.get(row["series"], {}).values()]
        count += len(gone)
        if apply and gone:
            _drop(stores, registry(), gone)
    return Superseded("model versions", count, 0)


def _drop(stores: Stores, registry: Registry, gone: list[SupersededVersionsRow]) -> None:
    """Files first, rows last: whoever is killed in between leaves rows by which it is done again."""
    bundles = Counter((row["mlflow_run"], row["path"]) for row in gone)
    runs = list({run for run, _ in bundles})
    for members in stores.warehouse.rows(BundleMembersRow, runs=runs):
        bundle = (members["mlflow_run"], members["path"])
        if bundles[bundle] == members["versions"]:
            registry.drop_files(*bundle)
    for row in gone:
        registry.drop_version(row["series"], row["version"])
    stores.warehouse.execute(
        "delete_versions",
        series=[row["series"] for row in gone],
        versions=[row["version"] for row in gone],
    )


def _files(stores: Stores, before: datetime, *, apply: bool) -> Superseded:
    # Listed first: what a run writes and refers to meanwhile is not on this list.
    stored = [file for folder in paths.FOLDERS if folder.trimmed for file in stores.lake.files(folder.name)]
    references = {row["path"] for row in stores.warehouse.rows(LakeReferencesRow)}
    orphans = [file for file in stored if file.written_at < before and not _is_referred_to(file, references)]
    if apply:
        for file in orphans:
            stores.lake.delete(file.path)
    return Superseded("files of the lake", len(orphans), sum(file.size for file in orphans))


def _is_referred_to(file: Stored, references: set[str]) -> bool:
    parts = file.path.split("/")
    return any("/".join(parts[:length]) in references for length in range(1, len(parts) + 1))
