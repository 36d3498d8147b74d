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


class TrimConfig(dg.Config, Policy):
    """How long what is superseded is kept, and whether it is deleted."""

    apply: bool = Field(
        default=False, description="Delete it. Otherwise the run only tells what it would delete."
    )


@dg.op(retry_policy=RETRY)
def trim(
    context: dg.OpExecutionContext, config: TrimConfig, stores: StoresResource, registry: RegistryResource
) -> None:
    """Tell, or delete, what is superseded."""
    with refusals_final():
        retained = retain(
            stores.open(),
            context.instance.delete_run,
            registry.open,
            config,
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
