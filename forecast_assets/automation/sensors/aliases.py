"""Aliases that somebody moves in MLflow itself: noticed, recorded as external, told.

Belongs here: the sensor that compares what is live with what was decided.
Does not belong here: the record (``registry.promotion``).
"""

import dagster as dg

from forecast_assets.automation.decorators import sensor
from forecast_assets.datasets.definition import names
from forecast_assets.errors import listed
from forecast_assets.registry.assets import REGISTERED
from forecast_assets.registry.promotion import CHAMPION, notice
from forecast_assets.stores.resource import RegistryResource, StoresResource
from forecast_assets.stores.rows.registry import LiveVersionsRow

_EVERY_S = 300
_MOST_LISTED = 100


@sensor(minimum_interval_seconds=_EVERY_S, default_status=dg.DefaultSensorStatus.RUNNING)
def aliases_moved_in_mlflow(
    context: dg.SensorEvaluationContext, stores: StoresResource, registry: RegistryResource
) -> dg.SkipReason:
    """Record live models that were changed in MLflow, past every decision, and show it on their series."""
    opened = stores.open()
    decided: dict[str, object] = {}
    for dataset in names(opened):
        decided |= {
            row["series"]: row["live"] for row in opened.warehouse.rows(LiveVersionsRow, dataset=dataset)
        }
    if not decided:
        return dg.SkipReason("no model is registered yet")
    aliases = registry.open().aliases(sorted(decided))
    differing = [key for key, live in decided.items() if aliases.get(key, {}).get(CHAMPION) != live]
    if not differing:
        return dg.SkipReason(f"{len(decided):,} registered series: what is live is what was decided")
    moved = notice(opened, registry.open(), differing)
    for row in moved[:_MOST_LISTED]:
        change = f"version {row['to_version'] or 'none'} instead of {row['from_version'] or 'none'}"
        context.instance.report_runless_asset_event(
            dg.AssetObservation(
                REGISTERED,
                partition=row["series"],
                description="moved in MLflow itself",
                metadata={"moved_in_mlflow": change},
            )
        )
    keys = [row["series"] for row in moved]
    return dg.SkipReason(f"recorded {len(moved):,} aliases that were moved in MLflow: {listed(keys) or '-'}")
