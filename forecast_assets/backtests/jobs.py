"""Jobs around backtests: a dataset's models, a range of series, and whatever has changed.

Belongs here: what people and schedules launch to evaluate.
Does not belong here: the work (``evaluation``).
"""

import dagster as dg
from pydantic import Field

from forecast_assets.backtests.assets import (
    BACKTEST,
    CHAMPION,
    evaluation,
    global_forecasts_asset,
    report_outcomes,
)
from forecast_assets.backtests.config import EvaluationConfig
from forecast_assets.backtests.evaluation import carry_out, plan
from forecast_assets.datasets.assets import panel, sales
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.stores.resource import StoresResource

build_dataset = dg.define_asset_job(
    "build_dataset",
    selection=dg.AssetSelection.assets(sales, panel, global_forecasts_asset),
    description="Load the sales of a dataset, build its panel and fit its global models, with all checks.",
)
evaluate_series = dg.define_asset_job(
    "evaluate_series",
    selection=dg.AssetSelection.assets(evaluation),
    description="Backtest a range of series and choose their champions.",
)


class ChangedConfig(EvaluationConfig):
    """Which dataset, and how to look back."""

    dataset: str = Field(description="Name of the dataset whose changed series are evaluated.")
    series: list[str] = Field(
        default=[], description="Only these series keys; all of the dataset when empty."
    )


@dg.op(retry_policy=RETRY)
def evaluate_stale_series(
    context: dg.OpExecutionContext, config: ChangedConfig, stores: StoresResource
) -> None:
    """Evaluate the series whose data, settings or code changed, wherever they lie in the partition set."""
    changes = config.changes()
    with refusals_final():
        work = plan(stores.open(), config.dataset, config.series or None, changes=changes, force=config.force)
    keys = work.due
    context.log.info("%d of %d series of %s changed", len(keys), len(work.panel.series), config.dataset)
    outcomes = carry_out(stores.open(), [work.of_due()], len(keys), run_id=context.run.run_id)
    report_outcomes(context, stores.open(), keys, outcomes, selected={BACKTEST, CHAMPION})


@dg.job(config=example("evaluate_stale_series", dataset=NEWEST))
def evaluate_changed() -> None:
    """Evaluate what has changed in a dataset, in one run, however scattered the series are."""
    evaluate_stale_series()
