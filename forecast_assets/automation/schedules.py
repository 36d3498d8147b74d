"""What happens by the clock: a refresh every day, a full evaluation every week.

Belongs here: the schedules, in the time zone of the settings.
Does not belong here: the jobs.

They are off until somebody turns them on, as everything that starts runs.
"""

import datetime as dt
from collections.abc import Callable

import dagster as dg

from forecast_assets.automation.sensors.triggers import evaluation_request
from forecast_assets.backtests.jobs import build_dataset, evaluate_changed
from forecast_assets.dagster_internals.run_subjects import DATASET_TAG
from forecast_assets.datasets import definition
from forecast_assets.stores.resource import StoresResource

# After midnight everywhere in a country, and never in the hour that a change of the clocks skips or repeats.
_EVERY_DAY, _EVERY_WEEK = "30 4 * * *", "30 5 * * 0"
_LATEST = dt.timedelta(hours=20)


def _requests(
    context: dg.ScheduleEvaluationContext,
    stores: StoresResource,
    request: Callable[[str, str], dg.RunRequest],
) -> list[dg.RunRequest] | dg.SkipReason:
    """One request per dataset, unless the tick is so old that a newer one has taken its place."""
    due = context.scheduled_execution_time
    late = dt.datetime.now(dt.UTC) - due
    if late > _LATEST:
        return dg.SkipReason(
            f"{due:%Y-%m-%d %H:%M} was missed by {late.days} days; the newest tick serves for all"
        )
    names = definition.automatic(stores.open())
    if not names:
        return dg.SkipReason("there are 0 datasets; add one with `forecast-assets dataset add`")
    return [request(name, f"{due:%Y-%m-%d}") for name in names]


def _daily_refresh(
    context: dg.ScheduleEvaluationContext, stores: StoresResource
) -> list[dg.RunRequest] | dg.SkipReason:
    return _requests(
        context,
        stores,
        lambda name, day: dg.RunRequest(
            run_key=f"refresh:{name}:{day}", partition_key=name, tags={DATASET_TAG: name}
        ),
    )


def _weekly_full_evaluation(
    context: dg.ScheduleEvaluationContext, stores: StoresResource
) -> list[dg.RunRequest] | dg.SkipReason:
    return _requests(
        context, stores, lambda name, day: evaluation_request(name, f"full:{name}:{day}", force=True)
    )


def build_schedules(time_zone: str) -> list[dg.ScheduleDefinition]:
    """Return the schedules that start runs, at the hours of ``time_zone``."""
    refresh = dg.schedule(
        name="daily_refresh",
        description="Load every dataset again at half past four; what has not changed costs next to nothing.",
        job=build_dataset,
        cron_schedule=_EVERY_DAY,
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    evaluation = dg.schedule(
        name="weekly_full_evaluation",
        description="Evaluate every series of every dataset anew on Sundays, whether it has changed or not.",
        job=evaluate_changed,
        cron_schedule=_EVERY_WEEK,
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    return [refresh(_daily_refresh), evaluation(_weekly_full_evaluation)]
