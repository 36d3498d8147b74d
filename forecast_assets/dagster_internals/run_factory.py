"""Runs made by a program: queued for the daemon or executed here, on the books as if a web server made them.

Belongs here: creating, queueing, executing and ending runs of this code location.
Does not belong here: what is launched, and with which configuration.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.errors import DagsterSnapshotDoesNotExist
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.remote_representation.code_location import InProcessCodeLocation
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.storage.tags import GRPC_INFO_TAG, REPOSITORY_LABEL_TAG

from forecast_assets.dagster_internals import own_location
from forecast_assets.errors import BadSetting, Outage

# A run with this tag is booked as one of the code location, which Dagit lists on all its pages.
OF_OUR_CODE = {REPOSITORY_LABEL_TAG: own_location.LABEL}


def create(
    instance: dg.DagsterInstance,
    job: str,
    config: Mapping[str, Any],
    *,
    tags: Mapping[str, str] | None = None,
    parent: dg.DagsterRun | None = None,
    run_id: str | None = None,
) -> dg.DagsterRun:
    """Put a run of ``job`` on the books, not started yet; with a ``parent`` it is its re-execution.

    ``run_id`` is a new UUID for whoever has to know it before the run is there. Raises ``Outage`` when a
    restore takes the job's record away meanwhile.
    """
    location = _location(instance)
    (repository,) = location.get_repositories().values()
    remote = location.get_job(JobSubsetSelector(location.name, repository.name, job, op_selection=None))
    plan = location.get_execution_plan(
        remote, config, step_keys_to_execute=None, known_state=None, instance=instance
    ).execution_plan_snapshot
    try:
        return instance.create_run(
            job_name=job,
            run_id=run_id,
            run_config=config,
            status=None,
            tags={**remote.tags, **(tags or {})},
            root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
            parent_run_id=parent.run_id if parent else None,
            step_keys_to_execute=plan.step_keys_to_execute,
            execution_plan_snapshot=plan,
            job_snapshot=remote.job_snapshot,
            parent_job_snapshot=remote.parent_job_snapshot,
            asset_selection=None,
            asset_check_selection=None,
            resolved_op_selection=None,
            op_selection=None,
            # Loaded in this process, but found by the daemon under the origin that its own workspace has.
            remote_job_origin=own_location.job_origin(job),
            job_code_origin=remote.get_python_origin(),
            asset_graph=repository.asset_graph,
        )
    except DagsterSnapshotDoesNotExist as error:
        raise Outage(
            f"what Dagster knows of job {job} was removed while its run was created, as by a restore",
            remedy="launch again",
        ) from error


def queue(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Let the daemon start a created run as soon as there is room."""
    coordinator = instance.run_coordinator
    if not isinstance(coordinator, QueuedRunCoordinator):
        raise BadSetting(
            "this Dagster instance has no run queue",
            remedy="let run_coordinator in dagster.yaml be QueuedRunCoordinator, or launch with --wait",
        )
    # The queue only books the run; the daemon brings the workspace when it starts it.
    coordinator.submit_run(SubmitRunContext(run, cast("Any", None)))


def execute(
    instance: dg.DagsterInstance, run: dg.DagsterRun, *, raise_on_error: bool = True
) -> dg.DagsterRunStatus:
    """Execute a created run in this process and return how it ended. Raises what the run raised."""
    origin = run.job_code_origin
    if origin is None:
        raise ValueError(f"run {run.run_id} was not made by create()")
    repository = ReconstructableRepository(origin.repository_origin.code_pointer)
    job = repository.get_reconstructable_job(run.job_name)
    execute_run(job, run, instance, raise_on_error=raise_on_error)
    ended = instance.get_run_by_id(run.run_id)
    return run.status if ended is None else ended.status


def ask_to_end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """End a waiting run, or ask the process of a running one to end, as Dagit's Terminate does.

    A run whose process was not started by a code server only learns it where it looks at its own status.
    """
    waits = run.status in {dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING}
    if waits or GRPC_INFO_TAG in run.tags:
        instance.run_coordinator.cancel_run(run.run_id)
    elif run.status == dg.DagsterRunStatus.STARTED:
        instance.report_run_canceling(run)


@lru_cache(maxsize=1)
def _location(instance: dg.DagsterInstance) -> InProcessCodeLocation:
    origin = InProcessCodeLocationOrigin(own_location.target(), location_name=own_location.MODULE)
    return InProcessCodeLocation(origin, instance)
