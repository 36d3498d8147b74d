"""The whole system in one look: runs, evaluations, forecasts in use, freshness, and what needs attention.

Belongs here: collecting it, from an empty system too.
Does not belong here: how it is written down (``incident_report``) and shown (``operations_assets``).
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg

from forecast_assets.dagster_internals.run_subjects import dataset_of
from forecast_assets.datasets import definition
from forecast_assets.drift.model_health import Candidate, Health, health, link, queue
from forecast_assets.failures import why_failed
from forecast_assets.registry import overview
from forecast_assets.safe_texts import safe
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.evaluations import EvaluationCountsRow, NewestBrokenRow
from forecast_assets.stores.rows.forecasts import OutdatedForecastsRow
from forecast_assets.stores.rows.operations import OpenIncidentsRow

NEWEST = 10
TOP = 20
# Runs among which those that failed last are looked for, the newest ones.
_LOOKED_THROUGH = 500
_STATUS = {
    "pending": [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING],
    "running": [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
    "completed": [dg.DagsterRunStatus.SUCCESS],
    "failed": [dg.DagsterRunStatus.FAILURE],
    "cancelled": [dg.DagsterRunStatus.CANCELED],
}
_OVER = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing to look at, and what to do about it.

    Its ``kind`` is failed_job, failed_run, incident, stale_alias or outdated_forecast.
    """

    kind: str
    entity: str
    label: str
    detail: str
    at: dt.datetime | None
    next_step: str
    link: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known at one moment; ``None`` and 0 where nothing has happened yet.

    ``jobs`` are Dagster runs by status, ``runs`` the newest evaluation of each series by outcome, ``live``
    the models with the alias champion, ``outdated`` forecasts of another champion than the newest.
    """

    at: dt.datetime
    dataset: str | None
    jobs: dict[str, int]
    completed_today: int
    newest_success: dt.datetime | None
    newest_end: dt.datetime | None
    runs: dict[str, int]
    newest_evaluation: dt.datetime | None
    newest_sales: dt.date | None
    forecasts: int
    outdated: list[OutdatedForecastsRow]
    live: list[overview.LiveModel]
    attention: list[Attention]
    health: list[Health]
    queue: list[Candidate]

    @property
    def active(self) -> int:
        """Jobs that are waiting or running."""
        return self.jobs["pending"] + self.jobs["running"]

    @property
    def stale(self) -> list[overview.LiveModel]:
        """Live models that are out of date."""
        return [row for row in self.live if row["stale"] is not None]

    @property
    def success_rate(self) -> float | None:
        """Percent of evaluations that did not fail; unknown before the first one.

        A series that cannot be scored is a verdict about its history and counts neither way.
        """
        total = self.runs["success"] + self.runs["failed"]
        return 100 * self.runs["success"] / total if total else None


def summarize(
    instance: dg.DagsterInstance,
    stores: Stores,
    dataset: str | None,
    now: dt.datetime,
    *,
    own_run: str | None = None,
    registry: Callable[[], Registry] | None = None,
) -> Summary:
    """Collect everything; ``dataset`` restricts what needs attention and what is said of series.

    Numbers of jobs are those of the whole system, without ``own_run``, the run that asks. A ``registry`` says
    which live models are still there.
    """
    (counted,) = stores.warehouse.rows(EvaluationCountsRow, dataset=dataset)
    outdated = stores.warehouse.rows(OutdatedForecastsRow, dataset=dataset)
    names = definition.names(stores) if dataset is None else [dataset]
    live = [row for name in names for row in overview.decided(stores, name, registry)]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    done = dg.RunsFilter(statuses=_STATUS["completed"], updated_after=midnight)
    return Summary(
        at=now,
        dataset=dataset,
        jobs=_jobs(instance, own_run),
        completed_today=instance.get_runs_count(done),
        newest_success=_newest_end(instance, ["completed"]),
        newest_end=_newest_end(instance, _OVER),
        runs={
            "success": counted["scored"],
            "unusable": counted["unusable"],
            "failed": counted["broken"],
        },
        newest_evaluation=counted["newest_success"],
        newest_sales=counted["newest_sales"],
        forecasts=counted["forecasts"],
        outdated=outdated,
        live=live,
        attention=[
            *_failed_jobs(instance, dataset),
            *_broken(stores, dataset),
            *_incidents(stores, dataset),
            *_stale(live),
            *_outdated(outdated),
        ],
        health=health(stores, dataset, now.date(), at_most=TOP),
        queue=queue(stores, dataset, now.date()),
    )


def _newest_end(instance: dg.DagsterInstance, names: Sequence[str]) -> dt.datetime | None:
    statuses = [status for name in names for status in _STATUS[name]]
    records = instance.get_run_records(dg.RunsFilter(statuses=statuses), limit=1, order_by="update_timestamp")
    return records[0].update_timestamp.replace(tzinfo=dt.UTC) if records else None


def _jobs(instance: dg.DagsterInstance, own_run: str | None) -> dict[str, int]:
    own = None if own_run is None else instance.get_run_by_id(own_run)
    return {
        name: instance.get_runs_count(dg.RunsFilter(statuses=of)) - (own is not None and own.status in of)
        for name, of in _STATUS.items()
    }


def _failed_jobs(instance: dg.DagsterInstance, dataset: str | None) -> list[Attention]:
    """Each job that failed on a dataset when it ran last; one that succeeded since then needs nobody."""
    ended = dg.RunsFilter(statuses=[*_STATUS["failed"], *_STATUS["completed"]])
    records = instance.get_run_records(ended, limit=_LOOKED_THROUGH, order_by="update_timestamp")
    last: dict[tuple[str, str], dg.RunRecord] = {}
    for record in records:
        last.setdefault((record.dagster_run.job_name, dataset_of(record.dagster_run)), record)
    failed = [
        record
        for (_, subject), record in last.items()
        if dataset in {None, subject} and record.dagster_run.status in _STATUS["failed"]
    ]
    return [_failed_job(instance, record) for record in failed[:NEWEST]]


def _failed_job(instance: dg.DagsterInstance, record: dg.RunRecord) -> Attention:
    run = record.dagster_run
    why = why_failed(instance, run.run_id)
    return Attention(
        kind="failed_job",
        entity=run.run_id,
        label=run.job_name,
        detail=safe(why.problem),
        at=record.update_timestamp.replace(tzinfo=dt.UTC),
        next_step=safe(why.remedy),
        link=link(f"/runs/{run.run_id}"),
    )


def _broken(stores: Stores, dataset: str | None) -> list[Attention]:
    return [
        Attention(
            kind="failed_run",
            entity=row["series"],
            label=row["series"],
            detail=row["reason"],
            at=row["evaluated_at"],
            next_step="mend the cause, then evaluate the series again",
            link=link(f"/assets/backtest?view=partitions&partition={row['series']}"),
        )
        for row in stores.warehouse.rows(NewestBrokenRow, dataset=dataset, at_most=NEWEST)
    ]


def _incidents(stores: Stores, dataset: str | None) -> list[Attention]:
    return [
        Attention(
            kind="incident",
            entity=row["kind"],
            label=row["kind"],
            detail=row["what"],
            at=row["last_seen_at"],
            next_step=row["next_step"],
            link=row["link"],
        )
        for row in stores.warehouse.rows(OpenIncidentsRow, dataset=dataset, at_most=NEWEST)
    ]


def _stale(live: list[overview.LiveModel]) -> list[Attention]:
    return [
        Attention(
            kind="stale_alias",
            entity=row["series"],
            label=f"{row['series']}@champion",
            detail=f"{row['stale']}: {_what_is_live(row)}",
            at=row["moved_at"],
            next_step="materialize registered_champion, then decide about the promotion",
            link=link(f"/assets/registered_champion?view=partitions&partition={row['series']}"),
        )
        for row in live
        if row["stale"] is not None
    ]


def _what_is_live(row: overview.LiveModel) -> str:
    if row["stale"] == overview.GONE:
        return "the live version is gone from MLflow, and none is live"
    return f"version {row['live']} ({row['candidate'] or 'not on record'}) is live"


def _outdated(forecasts: list[OutdatedForecastsRow]) -> list[Attention]:
    return [
        Attention(
            kind="outdated_forecast",
            entity=row["series"],
            label=f"{row['series']}: {row['candidate']}",
            detail=f"the newest champion is {row['champion'] or 'nobody'}",
            at=row["chosen_at"],
            next_step="launch job forecast_changed for its dataset",
            link=link(f"/assets/forecast?view=partitions&partition={row['series']}"),
        )
        for row in forecasts
    ]
