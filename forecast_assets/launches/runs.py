"""What was launched, by its run id: how far it is, how it is ended, whether it can be tried again.

Belongs here: the way from a Dagster run to the record of a launch, and from there to Dagster.
Does not belong here: the life of a launch (``lifecycle``), and how it is shown.
"""

import time
from collections.abc import Mapping, Sequence

import dagster as dg

from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.run_subjects import dataset_of
from forecast_assets.errors import BadSetting
from forecast_assets.launches import lifecycle, records, retries
from forecast_assets.launches.evaluation import LAUNCH_TAG
from forecast_assets.launches.jobs import RETRY_ITEMS, record_id
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.model import Launch
from forecast_assets.launches.progress import Progress, over, unknown
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores

_POLL_SECONDS = 0.2
# What a drained run still has to do: settle its rows and end.
_GRACE_SECONDS = 10


def find(stores: Stores, instance: dg.DagsterInstance, run_id: str) -> tuple[dg.DagsterRun | None, Progress]:
    """A run, and how far it is; an evaluation is a record of several runs.

    A record whose process is gone is settled first. Raises ``UnknownName``.
    """
    run = instance.get_run_by_id(run_id)
    launch = records.find(stores, run_id) if run is None else recorded(stores, run)
    if run is None and (launch is None or launch.part_of is not None):
        raise unknown(run_id, launch)
    if launch is not None:
        if not launch.is_over and lifecycle.settle_orphan(KINDS, stores, launch.launch_id):
            launch = records.read(stores, launch.launch_id)
        return run, Progress.of(launch)
    if run is None:
        raise unknown(run_id, None)
    status = "cancelled" if run.status == dg.DagsterRunStatus.CANCELED else run.status.value.lower()
    return run, Progress.waiting(run_id, run.job_name, dataset_of(run) or None, status)


def recorded(stores: Stores, run: dg.DagsterRun) -> Launch | None:
    """The record that a run works on: its own, or that of the run whose items it tries again."""
    return records.find(stores, run.run_id) or records.find(stores, record_id(run))


def cancel(stores: Stores, instance: dg.DagsterInstance, run_id: str) -> Progress:
    """Ask for the end of a run, wait for it, and return how far it is then.

    One that has not ended when the time is up is returned as it is. Raises ``UnknownName``, and
    ``BadSetting`` for one that has ended before.
    """
    run, progress = find(stores, instance, run_id)
    if progress.is_over or (run is not None and run.is_finished):
        raise over(run_id, progress.status)
    launch = records.find(stores, progress.run_id)
    if launch is not None:
        records.cancel(stores, launch.launch_id)
        run = instance.get_run_by_id(launch.run_id) or run or _part_going_on(instance, launch.launch_id)
    if run is not None:
        run_factory.ask_to_end(instance, run)
    deadline = time.monotonic() + environment().drain_seconds + _GRACE_SECONDS
    while time.monotonic() < deadline:
        ended, progress = find(stores, instance, run_id)
        if progress.is_over or (ended and ended.is_finished and progress.created_at is None):
            break
        time.sleep(_POLL_SECONDS)
    return progress


def _part_going_on(instance: dg.DagsterInstance, launch_id: str) -> dg.DagsterRun | None:
    """The run of a record of several that is going on."""
    going = dg.RunsFilter(tags={LAUNCH_TAG: launch_id}, statuses=[dg.DagsterRunStatus.STARTED])
    return next(iter(instance.get_runs(going, limit=1)), None)


def retried(
    stores: Stores,
    instance: dg.DagsterInstance,
    run_id: str,
    items: Sequence[int] | None,
    *,
    tags: Mapping[str, str] | None = None,
    new_id: str | None = None,
) -> dg.DagsterRun:
    """Put the re-execution of a run on the books, as run ``new_id``.

    Raises ``ForecastError`` where it could do nothing.
    """
    run, progress = find(stores, instance, run_id)
    if run is None:
        command = KINDS[progress.kind].command.replace("DATASET", str(progress.dataset))
        raise BadSetting(
            f"{progress.kind} {run_id} was done by its command, and is no run to be executed again",
            remedy=f"run `forecast-assets {command}` again: nothing is done twice",
        )
    if not progress.is_over and not run.is_finished:
        raise BadSetting(f"run {run_id} is {progress.status}", remedy="wait for its end, or cancel it first")
    kind = next((kind for kind in KINDS.values() if kind.job == run.job_name), None)
    if kind is not None:
        retries.check_retry(kind.name, stores, record_id(run) if kind.by_item else run_id, items)
    named = {} if items is None else {RETRY_ITEMS: str(list(items))}
    tags = {**named, **(tags or {})}
    return run_factory.create(instance, run.job_name, run.run_config, tags=tags, parent=run, run_id=new_id)
