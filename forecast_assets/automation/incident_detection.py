"""Noticing what Dagster leaves silent: failed runs, failed checks, failed ticks.

Belongs here: turning what the instance holds into sightings and recoveries.
Does not belong here: incidents (``incidents``), messages (``alerts``), sensors (``sensors.monitoring``).
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from forecast_assets.automation.incidents import Sighting, record, resolve
from forecast_assets.dagster_internals.failed_steps import Why, why_failed
from forecast_assets.dagster_internals.run_subjects import dataset_of
from forecast_assets.dagster_internals.silent_failures import CheckResult, check_results, ticks
from forecast_assets.errors import REFUSALS
from forecast_assets.keys import SEPARATOR
from forecast_assets.stores import Stores

_MOST = 1000
WILL_RETRY = "dagster/will_retry"
_AUTOMATIC = ("dagster/sensor_name", "dagster/schedule_name")
_ENDED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]


@dataclass(frozen=True, slots=True)
class LookCounts:
    """What one look found: things looked at, failures among them, incidents opened and closed."""

    looked_at: int
    failed: int
    opened: int
    closed: int
    until: dt.datetime

    def __str__(self) -> str:
        return (
            f"{self.looked_at:,} looked at, {self.failed:,} failed, {self.opened:,} new incidents, "
            f"{self.closed:,} resolved"
        )


def look_at_runs(
    instance: dg.DagsterInstance, stores: Stores, since: dt.datetime, now: dt.datetime
) -> LookCounts:
    """Runs that ended since a moment. A run that Dagster starts again by itself is not over."""
    ended = dg.RunsFilter(statuses=_ENDED, updated_after=since)
    records = instance.get_run_records(
        filters=ended, limit=_MOST, order_by="update_timestamp", ascending=True
    )
    sightings: list[Sighting] = []
    recovered: dict[str, dt.datetime] = {}
    for entry in records:
        run, at = entry.dagster_run, entry.update_timestamp.replace(tzinfo=dt.UTC)
        dataset = dataset_of(run)
        key = f"run:{run.job_name}:{dataset}"
        if run.status == dg.DagsterRunStatus.SUCCESS:
            recovered[key] = at
        elif run.tags.get(WILL_RETRY) != "true":
            why = why_failed(stores, run.run_id)
            if not _is_refused_to_a_person(run, why):
                sightings.append(_failed_run(run, why, dataset, key, at))
    # More than fit into one look: the next one goes on where this one ended.
    until = records[-1].update_timestamp.replace(tzinfo=dt.UTC) if len(records) == _MOST else now
    return _settled(stores, len(records), sightings, recovered, until)


def _failed_run(run: dg.DagsterRun, why: Why, dataset: str, key: str, at: dt.datetime) -> Sighting:
    subject = f" of {dataset}" if dataset else ""
    return Sighting(
        event=f"run:{run.run_id}",
        key=key,
        kind="failed run",
        severity="error",
        what=f"{run.job_name}{subject} failed: {why.problem}",
        next_step=why.remedy,
        link=f"/runs/{run.run_id}",
        at=at,
        dataset=dataset or None,
    )


def _is_refused_to_a_person(run: dg.DagsterRun, why: Why) -> bool:
    """Whether somebody asked for what cannot be done: they read why, and nothing is out of order."""
    return why.code in REFUSALS and not any(tag in run.tags for tag in _AUTOMATIC)


def look_at_checks(
    stores: Stores,
    instance: dg.DagsterInstance,
    checks: Sequence[dg.AssetCheckKey],
    since: dt.datetime,
    now: dt.datetime,
) -> LookCounts:
    """Checks evaluated since a moment; the newest result of each check and partition decides."""
    results = list(check_results(instance, checks, since))
    newest: dict[str, CheckResult] = {}
    for result in results:
        subject = result.partition or _dataset_of_run(instance, result.run_id)
        key = f"check:{result.asset}:{result.check}:{subject}"
        if key not in newest or newest[key].at < result.at:
            newest[key] = replace(result, partition=subject)
    sightings = [_failed_check(key, result) for key, result in newest.items() if not result.passed]
    recovered = {key: result.at for key, result in newest.items() if result.passed}
    return _settled(stores, len(results), sightings, recovered, now)


def _dataset_of_run(instance: dg.DagsterInstance, run_id: str) -> str:
    """The dataset that a check of a whole step is about; empty where the run is of no dataset."""
    run = instance.get_run_by_id(run_id)
    return "" if run is None else dataset_of(run)


def _failed_check(key: str, result: CheckResult) -> Sighting:
    about = f" of {result.partition}" if result.partition else ""
    return Sighting(
        event=f"{key}:{result.run_id}",
        key=key,
        kind="failed check",
        severity="warning" if result.is_warning else "error",
        what=f"check {result.check} on {result.asset}{about}: {result.description}",
        next_step=f"open the checks of {result.asset} and see the listed rows",
        link=f"/assets/{result.asset}?view=checks",
        at=result.at,
        dataset=result.partition.partition(SEPARATOR)[0] or None,
    )


def look_at_ticks(
    instance: dg.DagsterInstance, stores: Stores, since: dt.datetime, now: dt.datetime
) -> LookCounts:
    """Sensors and schedules that failed since a moment, and those that work again."""
    sightings: list[Sighting] = []
    recovered: dict[str, dt.datetime] = {}
    looked_at = 0
    for tick in ticks(instance, since):
        looked_at += 1
        key = f"{tick.kind}:{tick.name}"
        if tick.error is None:
            recovered[key] = tick.at
            continue
        sightings.append(
            Sighting(
                event=f"tick:{tick.id}",
                key=key,
                kind=f"failed {tick.kind}",
                severity="error",
                what=f"{tick.kind} {tick.name} fails: {tick.error}",
                next_step=f"open the ticks of {tick.name}; nothing it watches is noticed meanwhile",
                link=f"/automation?search={tick.name}",
                at=tick.at,
            )
        )
    return _settled(stores, looked_at, sightings, recovered, now)


def _settled(
    stores: Stores,
    looked_at: int,
    sightings: Iterable[Sighting],
    recovered: dict[str, dt.datetime],
    until: dt.datetime,
) -> LookCounts:
    listed = list(sightings)
    recorded = record(stores, listed)
    return LookCounts(looked_at, len(listed), recorded.opened, resolve(stores, recovered), until)
