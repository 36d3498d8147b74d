"""What follows an evaluation: forecasts, drift, live accuracy, and the overview of operations.

Belongs here: the jobs that bring a dataset's operations up to date, as one run each.
Does not belong here: the work, which the ops of their own modules do.
"""

import dagster as dg
from pydantic import Field

from forecast_assets.datasets.definition import load
from forecast_assets.datasets.monitoring import data_quality
from forecast_assets.drift.accuracy_assets import forecast_accuracy
from forecast_assets.drift.assets import judge_dataset
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.forecasts.assets import forecast_and_report
from forecast_assets.forecasts.service import ForecastRequest, stale_forecasts
from forecast_assets.global_models import production
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.reports.assets import heatmap, leaderboard
from forecast_assets.reports.operations_assets import (
    incident_report,
    model_health,
    ops_summary,
    retraining_queue,
)
from forecast_assets.stores.resource import StoresResource


class FollowConfig(dg.Config):
    """Which dataset."""

    dataset: str = Field(description="Name of the dataset whose forecasts are brought up to date.")


@dg.op(retry_policy=RETRY)
def renew_forecasts(context: dg.OpExecutionContext, config: FollowConfig, stores: StoresResource) -> None:
    """Fit the production models that champions need now, and forecast the series that changed."""
    with refusals_final():
        production.build(stores.open(), load(stores.open(), config.dataset), run_id=context.run.run_id)
        keys = stale_forecasts(stores.open(), config.dataset, None)
    context.log.info("forecasts of %d series of %s changed", len(keys), config.dataset)
    forecast_and_report(context, stores.open(), keys, request=ForecastRequest(), force=False)


@dg.job(config=example("renew_forecasts", "judge_dataset", dataset=NEWEST))
def follow_evaluation() -> None:
    """Forecast what an evaluation changed, and judge the drift of all series of the dataset."""
    renew_forecasts()
    judge_dataset()


watch_dataset = dg.define_asset_job(
    "watch_dataset",
    selection=dg.AssetSelection.assets(
        data_quality, forecast_accuracy, model_health, retraining_queue, leaderboard, heatmap
    ),
    description="Look at a dataset's sales, live accuracy and candidates, and order its retraining queue.",
)
# A pipeline of release 0.1 may launch it by its old name, which the next release forgets.
refresh_operations, tell_operations = (
    dg.define_asset_job(
        name, selection=dg.AssetSelection.assets(ops_summary, incident_report), description=description
    )
    for name, description in (
        ("refresh_operations", "Sum up the whole system and write the incident report."),
        ("tell_operations", "The name of refresh_operations in release 0.1; it goes with release 0.3."),
    )
)
