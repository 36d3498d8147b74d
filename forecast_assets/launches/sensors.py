"""What puts the record of launched work in order when its run ended without doing so.

Belongs here: following runs that failed or were cancelled.
Does not belong here: how a record is settled (``lifecycle``).
"""

import dagster as dg

from forecast_assets.launches.jobs import OUTCOME, record_id
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.lifecycle import settle_orphan
from forecast_assets.stores.resource import StoresResource


def _settled(context: dg.RunStatusSensorContext, stores: StoresResource) -> dg.SkipReason:
    """Settle what a run left behind: a process that was killed could not do it."""
    run = context.dagster_run
    if OUTCOME in run.tags:
        return dg.SkipReason(f"run {run.run_id} has said its outcome itself")
    ids = dict.fromkeys((run.run_id, record_id(run)))
    done = [launch_id for launch_id in ids if settle_orphan(KINDS, stores.open(), launch_id)]
    return dg.SkipReason(f"settled {', '.join(done)}" if done else f"run {run.run_id} left nothing open")


settle_failed_runs, settle_cancelled_runs = (
    dg.run_status_sensor(
        name=f"settle_{name}_runs",
        run_status=status,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Settles the record of launched work whose process died; launches nothing.",
    )(_settled)
    for name, status in (("failed", dg.DagsterRunStatus.FAILURE), ("cancelled", dg.DagsterRunStatus.CANCELED))
)
