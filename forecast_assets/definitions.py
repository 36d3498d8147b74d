"""Everything Dagster loads, assembled in one place and without side effects.

This is the one module that reads the environment when it is imported: Dagster wants partitions to be cut and
schedules to know their time zone when it loads them.
"""

import dagster as dg

from forecast_assets.automation.schedules import build_schedules
from forecast_assets.automation.sensors.aliases import aliases_moved_in_mlflow
from forecast_assets.automation.sensors.downstream import follow_evaluations, request_retraining
from forecast_assets.automation.sensors.monitoring import send_alerts, watch_checks, watch_runs, watch_ticks
from forecast_assets.automation.sensors.retries import recover_lost_retries
from forecast_assets.automation.sensors.triggers import evaluate_built_datasets, load_changed_sources
from forecast_assets.automation.trimming import trim_state, trim_weekly
from forecast_assets.backtests.assets import evaluation, global_forecasts_asset
from forecast_assets.backtests.checks import no_leakage
from forecast_assets.backtests.jobs import build_dataset, evaluate_changed, evaluate_series
from forecast_assets.backtests.model_catalog import model_catalog
from forecast_assets.datasets.assets import panel, sales
from forecast_assets.datasets.checks import columns_are_plans, coverage, gaps, grain_is_unique
from forecast_assets.datasets.monitoring import data_quality
from forecast_assets.datasets.presets.jobs import add_preset_dataset
from forecast_assets.drift.accuracy_assets import forecast_accuracy
from forecast_assets.drift.assets import drift, drift_series, judge_drift
from forecast_assets.drift.calibration_checks import distributions_hold
from forecast_assets.forecasts.assets import (
    fit_production_models,
    forecast,
    forecast_changed,
    forecast_series,
    production_models,
)
from forecast_assets.launches.batch.champions import promote_batch_champions
from forecast_assets.launches.batch.priority_job import prioritise_batch
from forecast_assets.launches.kinds import (
    batch,
    compare_candidates,
    model_pipeline,
    retrain,
    showcase,
)
from forecast_assets.launches.sensors import settle_cancelled_runs, settle_failed_runs
from forecast_assets.launches.showcase.workspace_jobs import change_workspace, replay_workspace
from forecast_assets.orders.assets import order_proposal
from forecast_assets.partitions import SERIES, series_policy
from forecast_assets.registry.assets import live_models, register_champions, registered_champion
from forecast_assets.registry.jobs import promote_champions, rollback_champions
from forecast_assets.reports.assets import heatmap, leaderboard
from forecast_assets.reports.jobs import follow_evaluation, refresh_operations, tell_operations, watch_dataset
from forecast_assets.reports.operations_assets import (
    incident_report,
    model_health,
    ops_summary,
    retraining_queue,
)
from forecast_assets.reports.page_assets import report
from forecast_assets.scenarios.jobs import compare_plans, what_if
from forecast_assets.settings import settings
from forecast_assets.stores.resource import RegistryResource, StoresResource

_ASSETS: tuple[dg.AssetsDefinition, ...] = (
    model_catalog,
    sales,
    panel,
    global_forecasts_asset,
    evaluation,
    production_models,
    forecast,
    leaderboard,
    heatmap,
    order_proposal,
    report,
    registered_champion,
    live_models,
    drift,
    forecast_accuracy,
    data_quality,
    model_health,
    retraining_queue,
    ops_summary,
    incident_report,
)
_CHECKS = (
    grain_is_unique,
    columns_are_plans,
    gaps,
    coverage,
    no_leakage,
    distributions_hold,
)
_JOBS = (
    add_preset_dataset,
    build_dataset,
    evaluate_series,
    evaluate_changed,
    fit_production_models,
    forecast_series,
    forecast_changed,
    what_if,
    compare_plans,
    batch,
    prioritise_batch,
    compare_candidates,
    model_pipeline,
    promote_batch_champions,
    showcase,
    change_workspace,
    replay_workspace,
    register_champions,
    promote_champions,
    rollback_champions,
    trim_state,
    drift_series,
    judge_drift,
    follow_evaluation,
    watch_dataset,
    refresh_operations,
    tell_operations,
    retrain,
)
_SENSORS = (
    settle_failed_runs,
    settle_cancelled_runs,
    aliases_moved_in_mlflow,
    watch_runs,
    watch_checks,
    watch_ticks,
    send_alerts,
    recover_lost_retries,
    load_changed_sources,
    evaluate_built_datasets,
    follow_evaluations,
    request_retraining,
)


def build_definitions(**resources: object) -> dg.Definitions:
    """Assemble the code location; tests and the demo pass their own resources."""
    policy = series_policy()
    return dg.Definitions(
        assets=[
            asset.with_attributes(backfill_policy=policy) if asset.partitions_def == SERIES else asset
            for asset in _ASSETS
        ],
        asset_checks=_CHECKS,
        jobs=_JOBS,
        sensors=_SENSORS,
        schedules=[trim_weekly, *build_schedules(settings().time_zone)],
        resources={"stores": StoresResource(), "registry": RegistryResource(), **resources},
        # One run is one process: a process per step would pay for the imports again and again.
        executor=dg.in_process_executor,
    )


defs = build_definitions()
