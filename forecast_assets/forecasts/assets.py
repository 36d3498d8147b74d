"""Forecasts: what will each series sell, how sure is that, and how much stock does it take?

Belongs here: the assets ``production_models`` (by dataset) and ``forecast`` (by series), and their job.
Does not belong here: the work (``production``, ``forecasting``) and what is shown (``display``).
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset, same_dataset, series_asset
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.backtests.display import ids_metadata
from forecast_assets.datasets.assets import panel
from forecast_assets.datasets.definition import load
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.forecasts import display
from forecast_assets.forecasts.service import Forecasted, ForecastRequest, make_forecasts, stale_forecasts
from forecast_assets.global_models import production
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.progress import advance
from forecast_assets.rendering.budget import Budget
from forecast_assets.rendering.tables import schema, table
from forecast_assets.series_reports import report_series
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource

GROUP = "forecasts"
FORECAST = dg.AssetKey("forecast")


class ProductionConfig(dg.Config):
    """How to fit."""

    horizon: int | None = Field(
        default=None, ge=1, le=90, description="Days to learn to forecast. Unset: the evaluation's horizon."
    )
    gap: int | None = Field(
        default=None, ge=0, le=30, description="Days between the newest sale and day 1. Unset: as evaluated."
    )
    force: bool = Field(default=False, description="Fit again even where nothing has changed.")


@dataset_asset(
    GROUP,
    # Which global models are needed depends on who is champion anywhere in the dataset.
    deps=[panel, same_dataset(CHAMPION)],
    kinds={"lightgbm", "parquet"},
    columns=schema(
        candidate="string: global candidate",
        digest="string: hash of the model and its tables",
        anchor_day="date: last day it learned from",
        failure="string: why there is no model",
    ),
)
def production_models(
    context: dg.AssetExecutionContext, config: ProductionConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """Global models that forecast the future: learned from all days up to the dataset's anchor.

    Only those are fitted that a current champion, or a series without one, needs.
    """
    with refusals_final():
        dataset = load(stores.open(), context.partition_key).looking(horizon=config.horizon, gap=config.gap)
        fitted = production.build(stores.open(), dataset, run_id=context.run.run_id, force=config.force)
        models = production.read(stores.open(), dataset).models
    rows = [
        {
            "candidate": fit.candidate,
            "what_happened": fit.failure or fit.action,
            "changed_training_data": f"{100 * fit.changed:,.1f} %",
        }
        for fit in fitted
    ]
    return dg.MaterializeResult(
        metadata={
            "reused": all(fit.action == "reused" for fit in fitted),
            "models": table(rows, ["candidate", "what_happened", "changed_training_data"]),
            "strongest_features": table(display.strongest(models), ["candidate", "feature", "share_of_gain"]),
            "refit_when_more_than": f"{100 * environment().global_refit_share:,.0f} % "
            "of the training data changed",
        }
    )


class ForecastConfig(dg.Config):
    """How far to look ahead, and what stock is decided for."""

    horizon: int | None = Field(
        default=None, ge=1, le=90, description="Days to forecast. Unset: the dataset's evaluation horizon."
    )
    gap: int | None = Field(
        default=None,
        ge=0,
        le=30,
        description="Days between the newest sale and the first forecast day. Unset: as evaluated.",
    )
    lead_time_days: int | None = Field(
        default=None,
        ge=1,
        le=365,
        description="Days from an order to its delivery. Unset: as the dataset says.",
    )
    service_level: float | None = Field(
        default=None,
        ge=0.5,
        lt=1,
        description="Share of lead times without a stock-out that is aimed at. Unset: as the dataset says.",
    )
    force: bool = Field(default=False, description="Forecast again even where nothing has changed.")

    def request(self) -> ForecastRequest:
        """The same as the work takes it."""
        return ForecastRequest(self.horizon, self.lead_time_days, self.service_level, self.gap)


@series_asset(
    GROUP,
    deps=[
        CHAMPION,
        same_dataset(panel),
        same_dataset(production_models),
    ],
    kinds={"numpy", "postgres"},
    columns=display.FORECAST_COLUMNS,
)
def forecast(
    context: dg.AssetExecutionContext, config: ForecastConfig, stores: StoresResource
) -> Iterator[dg.MaterializeResult]:
    """What one series will sell by its champion, with 80 and 95 % intervals and the stock that it takes.

    A series without a champion is forecast by the global model or by the mean of products like it, flagged.
    """
    forecast_and_report(
        context, stores.open(), list(context.partition_keys), request=config.request(), force=config.force
    )
    yield from ()  # every series has reported itself, or is named as broken


def forecast_and_report(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    stores: Stores,
    keys: list[str],
    *,
    request: ForecastRequest,
    force: bool,
) -> None:
    """Forecast ``keys``, report every good series and name the broken ones in one failure.

    Raises ``dagster.Failure`` (no retry) when series broke; an outage is raised as it is.
    """
    detailed = len(keys) <= environment().detailed_series
    budget = Budget(len(keys))
    called = ids_metadata(stores, keys)

    def materialization(outcome: Forecasted) -> Iterator[dg.AssetMaterialization]:
        cells = display.brief(outcome)
        if detailed:
            with budget.spending():
                cells = display.detailed(stores, outcome, draws=budget.has_room())
        metadata = {**cells, **called.get(outcome.series, {})}
        yield dg.AssetMaterialization(FORECAST, partition=outcome.series, metadata=metadata)

    def outcomes() -> Iterator[Forecasted]:
        forecasts = make_forecasts(stores, keys, run_id=context.run.run_id, request=request, force=force)
        for done, outcome in enumerate(forecasts, start=1):
            advance(done, len(keys))
            yield outcome

    report_series(context, outcomes(), materialization)


class ChangedForecastConfig(ForecastConfig):
    """Which series, and how to forecast."""

    dataset: str = Field(description="Name of the dataset whose changed series are forecast.")
    series: list[str] = Field(
        default=[], description="Only these series keys; all of the dataset when empty."
    )


@dg.op(retry_policy=RETRY)
def forecast_stale_series(
    context: dg.OpExecutionContext, config: ChangedForecastConfig, stores: StoresResource
) -> None:
    """Forecast the series whose data, champion or models changed, wherever they lie in the partition set."""
    with refusals_final():
        keys = stale_forecasts(
            stores.open(), config.dataset, config.series, request=config.request(), force=config.force
        )
    context.log.info("forecasts of %d series of %s changed", len(keys), config.dataset)
    forecast_and_report(context, stores.open(), keys, request=config.request(), force=config.force)


@dg.job(config=example("forecast_stale_series", dataset=NEWEST))
def forecast_changed() -> None:
    """Forecast what has changed in a dataset, in one run, however scattered the series are."""
    forecast_stale_series()


fit_production_models = dg.define_asset_job(
    "fit_production_models",
    selection=dg.AssetSelection.assets(production_models),
    description="Fit the global models that a dataset's forecasts need.",
)
forecast_series = dg.define_asset_job(
    "forecast_series",
    selection=dg.AssetSelection.assets(forecast),
    description="Forecast a range of series with their champions.",
)
