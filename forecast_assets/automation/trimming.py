"""The job that trims state, and its weekly schedule.

Belongs here: launching the retention from Dagit or by the clock.
Does not belong here: what is superseded (``stores.retention``).
"""

from dataclasses import asdict
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import RegistryResource, StoresResource
from forecast_assets.stores.retention import Policy, retain

_DEFAULTS = Policy()


class TrimConfig(dg.Config):
    """How long what is superseded is kept, and whether it is deleted."""

    days: int = Field(
        default=_DEFAULTS.days,
        ge=1,
        le=3650,
        description="Days that superseded events, runs, what was launched, snapshots, forecasts and model "
        "versions are kept.",
    )
    snapshots: int = Field(
        default=_DEFAULTS.snapshots,
        ge=1,
        le=1000,
        description="Newest snapshots of each dataset that are kept, however old.",
    )
    grace_hours: int = Field(
        default=_DEFAULTS.grace_hours,
        ge=24,
        le=8760,
        description="Hours that files to which no row refers are kept: a run writes its files first.",
    )
    apply: bool = Field(
        default=False, description="Delete it. Otherwise the run only tells what it would delete."
    )


@dg.op(retry_policy=RETRY)
def trim(
    context: dg.OpExecutionContext, config: TrimConfig, stores: StoresResource, registry: RegistryResource
) -> None:
    """Tell, or delete, what is superseded."""
    policy = Policy(days=config.days, snapshots=config.snapshots, grace_hours=config.grace_hours)
    with refusals_final():
        retained = retain(
            stores.open(),
            context.instance.delete_run,
            registry.open,
            policy,
            apply=config.apply,
            now=datetime.now(UTC),
        )
    rows = [asdict(part) for part in retained]
    context.add_output_metadata(
        {"superseded": table(rows, ["what", "count", "size"]), "deleted": config.apply}
    )
    counts = ", ".join(f"{part.count:,} {part.what}" for part in retained)
    context.log.info("%s %s", "deleted" if config.apply else "superseded, nothing deleted:", counts)


@dg.job
def trim_state() -> None:
    """Remove superseded events, runs, records, versions and files; by default only tell what they are."""
    trim()


# Deletes, so it is off until somebody turns it on.
trim_weekly = dg.ScheduleDefinition(
    name="trim_weekly",
    job=trim_state,
    cron_schedule="30 4 * * 0",
    run_config={"ops": {"trim": {"config": {"apply": True}}}},
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every Sunday night: delete what has been superseded for 90 days.",
)
