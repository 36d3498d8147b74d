"""Live accuracy: how good were the forecasts that people acted on?

Belongs here: the asset ``forecast_accuracy`` (by dataset).
Does not belong here: the work (``accuracy``).
"""

import dagster as dg
import numpy as np
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset, same_dataset
from forecast_assets.datasets.assets import panel
from forecast_assets.drift.accuracy import score
from forecast_assets.drift.assets import GROUP
from forecast_assets.failures import refusals_final
from forecast_assets.forecasting.analysis.live import RANGES
from forecast_assets.forecasts.assets import FORECAST
from forecast_assets.rendering.tables import schema, table
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.forecasts import ForecastAccuracyRow

_WORST = 20


class AccuracyConfig(dg.Config):
    """Which forecasts count."""

    days: int = Field(
        default=90, ge=1, le=730, description="Only forecasts that begin within so many of the newest days."
    )


@dataset_asset(
    GROUP,
    deps=[panel, same_dataset(FORECAST)],
    kinds={"numpy", "postgres"},
    columns=schema(
        bucket="string: range of lead in days, or all of them",
        wape="float: percent, of all stored forecasts of the series against what was sold since",
        bias="float: units a period, actual minus forecast",
        backtest_wape="float: percent, what the folds claimed of this range when they were made",
        backtest_bias="float: units a period, claimed at the same time",
        sample_size="int: scored days; a day counts once for every forecast about it",
    ),
)
def forecast_accuracy(
    context: dg.AssetExecutionContext, config: AccuracyConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """How good the stored forecasts of a dataset turned out, by range of lead, beside their backtests."""
    with refusals_final():
        scored = score(stores.open(), context.partition_key, run_id=context.run.run_id, days=config.days)
    ranges = [
        {
            "lead": name,
            "wape": float(scored.total.wape[at]),
            "mae": float(scored.total.mae[at]),
            "bias": float(scored.total.bias[at]),
        }
        for at, name in enumerate(RANGES)
        if np.isfinite(scored.total.mae[at])
    ]
    worst = stores.open().warehouse.rows(ForecastAccuracyRow, dataset=context.partition_key, series=None)
    columns = ["series", "wape", "backtest_wape", "bias", "backtest_bias", "forecasts", "sample_size"]
    return dg.MaterializeResult(
        metadata={
            "forecasts_scored": scored.forecasts,
            "series_scored": len(scored.rows.filter(scored.rows["bucket"] == RANGES[0])),
            "by_lead": table(ranges, ["lead", "wape", "mae", "bias"]),
            "worse_than_promised": table(
                [row for row in worst if row["bucket"] == RANGES[0]][:_WORST], columns
            ),
            "next_step": "a range of lead that is much worse than its backtest asks for a new evaluation"
            if ranges
            else "no day of any forecast has come yet; load newer sales first",
        }
    )
