"""The whole system in one look: runs, evaluations, forecasts in use, freshness, and what needs attention.

Belongs here: collecting it, from an empty system too.
Does not belong here: how it is written down (``incident_report``) and shown (``operations_assets``).
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forecast_assets.dagster_internals.failed_steps import why_failed
from forecast_assets.dagster_internals.run_subjects import subject_of
from forecast_assets.datasets import definition
from forecast_assets.drift.model_health import Candidate, Health, health, link, queue
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.progress import has_runs
from forecast_assets.registry import overview
from forecast_assets.registry.gone import next_step
from forecast_assets.safe_texts import safe
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.evaluations import EvaluationCountsRow, NewestBrokenRow
from forecast_assets.stores.rows.forecasts import OutdatedForecastsRow
from forecast_assets.stores.rows.operations import DagsterRunsRow, EndedRunsRow, OpenIncidentsRow

NEWEST = 10
TOP = 20
# Runs among which those that failed last are looked for, the newest ones.
_LOOKED_THROUGH = 500
_STATUS = {
    "pending": ("queued", "not_started", "starting"),
    "running": ("started", "canceling"),
    "completed": ("success",),
    "failed": ("failure",),
    "cancelled": ("canceled",),
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
    books = _books(stores, own_run, midnight)
    jobs = {name: sum(books[one]["runs"] for one in of if one in books) for name, of in _STATUS.items()}
    return Summary(
        at=now,
        dataset=dataset,
        jobs=jobs,
        completed_today=sum(books[one]["runs_since"] for one in _STATUS["completed"] if one in books),
        newest_success=_newest_end(books, ["completed"]),
        newest_end=_newest_end(books, _OVER),
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
            *(_failed_jobs(stores, dataset) if jobs["failed"] else ()),
            *_broken(stores, dataset),
            *_incidents(stores, dataset),
            *_stale(live),
            *_outdated(outdated),
        ],
        health=health(stores, dataset, now.date(), at_most=TOP),
        queue=queue(stores, dataset, now.date()),
    )


def _books(stores: Stores, own_run: str | None, since: dt.datetime) -> dict[str, DagsterRunsRow]:
    """Dagster's runs by status, asked of its table, which is there sooner than Dagster is imported."""
    with stores.warehouse.transaction() as connection:
        if not has_runs(connection):
            return {}
        rows = stores.warehouse.rows_in(connection, DagsterRunsRow, own_run=own_run, since=since)
        return {row["status"]: row for row in rows}


def _newest_end(books: Mapping[str, DagsterRunsRow], names: Sequence[str]) -> dt.datetime | None:
    moments = [books[one]["newest"] for name in names for one in _STATUS[name] if one in books]
    return max(moments, default=None)


def _failed_jobs(stores: Stores, dataset: str | None) -> list[Attention]:
    """Each job that failed on a dataset when it ran last; one that succeeded since then needs nobody."""
    last: dict[tuple[str, str], EndedRunsRow] = {}
    for row in stores.warehouse.rows(EndedRunsRow, at_most=_LOOKED_THROUGH):
        last.setdefault((row["job"], subject_of(row["tags"], row["config"])), row)
    failed = [row for (_, subject), row in last.items() if dataset in {None, subject} and row["is_failed"]]
    return [_failed_job(stores, row) for row in failed[:NEWEST]]


def _failed_job(stores: Stores, row: EndedRunsRow) -> Attention:
    why = why_failed(stores, row["run_id"])
    return Attention(
        kind="failed_job",
        entity=row["run_id"],
        label=row["job"],
        detail=safe(why.problem),
        at=row["ended_at"],
        next_step=safe(why.remedy),
        link=link(f"/runs/{row['run_id']}"),
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
            label=row["series"],
            detail=f"{row['stale']}: {_what_is_live(row)}",
            at=row["moved_at"],
            next_step=next_step(SeriesKey.parse(row["series"]).dataset)
            if row["stale"] == overview.GONE
            else "materialize registered_champion, then decide about the promotion",
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
