"""Retries that Dagster owes and does not make.

Belongs here: the sensor that finds them, asks for them again, and withdraws a promise that cannot be kept.
Does not belong here: how often a run is retried (``run_retries`` of ``dagster.yaml``), incidents.

The daemon retries a failed run when it reads of the failure, and only then. If no code server answers at that
moment it gives the retry up; for a run that no code location launched it says "will retry" for ever.
"""

import datetime as dt
from collections import Counter

import dagster as dg

from forecast_assets.automation.decorators import sensor
from forecast_assets.automation.incident_detection import WILL_RETRY
from forecast_assets.automation.sensors.monitoring import EVERY_MINUTE, ON, since
from forecast_assets.automation.sensors.triggers import counted

_RETRY = "dagster/auto_retry_run_id"
_LOCATION = "dagster/code_location"
_GAVE_UP = "Failed to retry run"
# Holds the id of the run that was asked for: a retry inherits the tags of the run before it.
ASKED_AGAIN = "forecast/retry_asked_again"
# The daemon reads of failures every five seconds.
_GRACE = dt.timedelta(minutes=2)


@sensor(minimum_interval_seconds=EVERY_MINUTE, default_status=ON)
def recover_lost_retries(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask once more for each retry that did not come; report a run that is still not retried as failed."""
    now, origin = dt.datetime.now(dt.UTC), context.code_location_origin
    location = origin.location_name if origin else None
    # What failed before anybody watched was seen by whoever launched it.
    start = since(context.cursor, now) if context.cursor else now
    done = recover(context.instance, start, now, location)
    return dg.SensorResult(skip_reason=f"lost retries: {counted(done)}", cursor=now.isoformat())


def recover(
    instance: dg.DagsterInstance, start: dt.datetime, now: dt.datetime, location: str | None = None
) -> Counter[str]:
    """Look for lost retries of runs that changed since ``start``; count those asked for again and given up.

    To ask is to report the failure again, which the daemon answers as it should have the first time: it makes
    no second retry where there is one. Runs of another code location than ``location`` are left to its own
    sensor, since only that one knows that the location is back.
    """
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], updated_after=start, updated_before=now - _GRACE
    )
    done: Counter[str] = Counter()
    for run in instance.get_runs(failed):
        if _RETRY in run.tags or run.tags.get(_LOCATION, location) != location:
            continue
        promised, asked_again = run.tags.get(WILL_RETRY) == "true", run.tags.get(ASKED_AGAIN) == run.run_id
        if promised and asked_again:
            instance.add_run_tags(run.run_id, {WILL_RETRY: "false"})
            instance.report_engine_event("Its retry did not come, although it was asked for twice.", run)
            done["given up"] += 1
        elif promised or (not asked_again and _given_up(instance, run)):
            instance.add_run_tags(run.run_id, {ASKED_AGAIN: run.run_id})
            instance.report_run_failed(run, "Its retry did not come, and is asked for again.")
            done["asked for again"] += 1
    return done


def _given_up(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return any(entry.dagster_event and entry.dagster_event.message == _GAVE_UP for entry in events)
