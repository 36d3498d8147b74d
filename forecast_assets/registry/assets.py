"""Registered champions: which model of each series is live, which one waits for a decision?

Belongs here: the assets ``registered_champion`` (by series) and ``live_models`` (by dataset), their checks.
Does not belong here: the work (``registration``, ``proposals``) and the jobs that decide (``jobs``).
"""

from collections.abc import Iterator, Sequence

import dagster as dg
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset, same_dataset, series_asset
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.datasets.assets import panel
from forecast_assets.errors import BadSetting
from forecast_assets.failures import refusals_final
from forecast_assets.forecasting.analysis.retraining import UNVERIFIED
from forecast_assets.forecasts.assets import production_models
from forecast_assets.partitions import DATASETS
from forecast_assets.registry import overview
from forecast_assets.registry.override import Override
from forecast_assets.registry.registration import Registered, register
from forecast_assets.rendering.digits import figure
from forecast_assets.rendering.tables import filled, schema, table
from forecast_assets.series_reports import report_series
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.mlflow_server import run_page, version_page
from forecast_assets.stores.resource import RegistryResource, StoresResource
from forecast_assets.stores.rows.registry import AuditRow

GROUP = "registry"
REGISTERED = dg.AssetKey("registered_champion")
FRESH, INTACT = "live_models_are_fresh", "live_models_are_intact"
_MOST_LISTED = 100
_AUDIT = ("decided_at", "action", "from_version", "to_version", "approved_by", "reason", "state")


class RegisterConfig(dg.Config):
    """What to register."""

    candidate: str | None = Field(
        default=None, description="Override: register this candidate, which is not the champion, instead."
    )
    reason: str | None = Field(default=None, description="Why the champion is overridden.")

    def override(self) -> Override | None:
        """What the planner wants instead of the champion. Raises ``BadSetting`` without a reason."""
        if self.candidate is None:
            if self.reason is not None:
                raise BadSetting(
                    "a reason without an override", remedy="name the candidate, or leave both out"
                )
            return None
        return Override(self.candidate, self.reason or "")


@series_asset(
    GROUP,
    deps=[
        CHAMPION,
        same_dataset(panel),
        same_dataset(production_models),
    ],
    kinds={"mlflow"},
    columns=schema(
        version="int: number of the model version in MLflow",
        candidate="string: candidate that it forecasts with",
        wape="float: its own WAPE in percent, unknown where it was not scored",
        artifact_sha256="string: hash of its files",
    ),
)
def registered_champion(
    context: dg.AssetExecutionContext,
    config: RegisterConfig,
    stores: StoresResource,
    registry: RegistryResource,
) -> Iterator[dg.MaterializeResult]:
    """The champion as a model version in MLflow, with the alias challenger; nothing becomes live by itself.

    Series whose forecast is made from the same as before keep their version.
    """
    keys = list(context.partition_keys)
    detailed = len(keys) <= environment().detailed_series
    opened = stores.open()

    def materialization(one: Registered) -> Iterator[dg.AssetMaterialization]:
        metadata = _metadata(one) | (_audit(opened, one.series) if detailed else {})
        yield dg.AssetMaterialization(REGISTERED, partition=one.series, metadata=metadata)

    def outcomes() -> Iterator[Registered]:
        yield from register(
            opened, registry.open(), keys, run_id=context.run.run_id, override=config.override()
        )

    report_series(context, outcomes(), materialization)
    yield from ()  # every series has reported itself


def _metadata(one: Registered) -> dict[str, dg.MetadataValue | str | float | int | bool]:
    metadata: dict[str, dg.MetadataValue | str | float | int | bool] = {
        "outcome": one.outcome,
        "sentence": one.sentence,
    }
    if (row := one.row) is not None:
        metadata["model_version"] = dg.MetadataValue.url(version_page(one.series, row["version"]))
        metadata["experiment"] = dg.MetadataValue.url(run_page(row["experiment"], row["mlflow_run"]))
        metadata["candidate"] = row["candidate"]
        if row["wape"] is not None:
            metadata["wape"] = figure("wape", row["wape"])
        metadata["snapshot"] = row["snapshot"]
        metadata["artifact_sha256"] = row["artifact_sha256"]
    return metadata


def _audit(stores: Stores, series: str) -> dict[str, dg.MetadataValue]:
    rows = stores.warehouse.rows(AuditRow, dataset=series.split("__", 1)[0], series=[series])
    return {"audit": table(rows[::-1][:_MOST_LISTED], _AUDIT)} if rows else {}


@dataset_asset(
    GROUP,
    deps=[same_dataset(registered_champion)],
    kinds={"mlflow"},
    columns=schema(
        series="string: series key",
        live="int: version with the alias champion",
        candidate="string: candidate of the live version",
        challenger="int: version that waits for a decision",
        stale="string: why the live version is out of date",
        moved_by="string: who made it live; external where it was moved in MLflow itself",
    ),
    check_specs=[
        dg.AssetCheckSpec(
            FRESH,
            asset="live_models",
            description="Is a live model out of date: another frame, a newer version, or a run that failed?",
            partitions_def=DATASETS,
        ),
        dg.AssetCheckSpec(
            INTACT,
            asset="live_models",
            description="Are the files of every live model what was registered?",
            partitions_def=DATASETS,
        ),
    ],
)
def live_models(
    context: dg.AssetExecutionContext, stores: StoresResource, registry: RegistryResource
) -> dg.MaterializeResult:
    """How many champions of a dataset are live, wait for a decision, are out of date; exceptions first."""
    with refusals_final():
        rows = overview.states(stores.open(), registry.open(), context.partition_key)
    counts = overview.counts(rows)
    return dg.MaterializeResult(
        metadata={
            **counts,
            "dagster/row_count": len(rows),
            "models": table(rows[:_MOST_LISTED], filled(rows, overview.COLUMN_NAMES)),
            "next_step": overview.next_step(context.partition_key, counts),
        },
        check_results=[_fresh(rows, counts["live"]), _intact(rows)],
    )


def _fresh(rows: Sequence[overview.ModelState], live: int) -> dg.AssetCheckResult:
    stale = [row for row in rows if row["stale"] is not None]
    return dg.AssetCheckResult(
        check_name=FRESH,
        passed=not stale,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(stale):,} of {live:,} live models are out of date",
        metadata={"stale": table(stale[:_MOST_LISTED], list(overview.COLUMN_NAMES))},
    )


def _intact(rows: Sequence[overview.ModelState]) -> dg.AssetCheckResult:
    broken = [row for row in rows if row["stale"] == UNVERIFIED]
    return dg.AssetCheckResult(
        check_name=INTACT,
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR,
        description="every live model is what was registered"
        if not broken
        else f"{len(broken):,} live models are not what was registered: roll them back, or see "
        "`forecast-assets state mend`",
        metadata={"broken": table(broken[:_MOST_LISTED], list(overview.COLUMN_NAMES))},
    )


register_champions = dg.define_asset_job(
    "register_champions",
    selection=dg.AssetSelection.assets(registered_champion),
    description="Register the champions of a range of series as challengers in MLflow.",
)
