"""Backtests and champions: how good would each candidate have been, and which one is best?

Belongs here: the assets ``global_forecasts`` (by dataset), ``backtest`` and ``champion`` (by series).
Does not belong here: the work itself (``global_models``, ``evaluation``) and what is shown (``display``).
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import dagster as dg

from forecast_assets.asset_factories import OWNERS, dataset_asset, same_dataset
from forecast_assets.backtests import display
from forecast_assets.backtests.config import EvaluationConfig
from forecast_assets.backtests.evaluation import evaluate
from forecast_assets.backtests.results import Outcome
from forecast_assets.datasets.assets import panel
from forecast_assets.datasets.definition import load
from forecast_assets.evaluation_settings import revised
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.global_models import fold_models
from forecast_assets.partitions import SERIES
from forecast_assets.rendering.budget import Budget
from forecast_assets.rendering.tables import schema, table
from forecast_assets.series_reports import report_series
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource

GROUP = "backtests"
BACKTEST, CHAMPION = dg.AssetKey("backtest"), dg.AssetKey("champion")


@dataset_asset(
    GROUP,
    name="global_forecasts",
    deps=[panel],
    kinds={"lightgbm", "parquet"},
    columns=schema(
        series="string: partition key DATASET__STORE__PRODUCT",
        content="string: hash of the history that the forecast was made from",
        forecast="array: units a period, cutoff by cutoff",
    ),
)
def global_forecasts_asset(
    context: dg.AssetExecutionContext, config: EvaluationConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """Forecasts of the models that learn from all series of a dataset, one model per cutoff.

    Backtests of single series only read them, so that no series depends on who else is in the run.
    """
    with refusals_final():
        dataset = load(stores.open(), context.partition_key)
        settings = revised(dataset.options.evaluation, config.changes())
        fitted = fold_models.build(
            stores.open(), dataset, settings, run_id=context.run.run_id, force=config.force
        )
    rows = [
        {
            "candidate": fit.candidate,
            "what_happened": fit.failure or fit.action,
            "changed_training_data": f"{100 * fit.changed:,.1f} %",
            "training_rows": fit.training_rows,
        }
        for fit in fitted
    ]
    return dg.MaterializeResult(
        metadata={
            "reused": all(fit.action == "reused" for fit in fitted),
            "candidates": table(
                rows, ["candidate", "what_happened", "changed_training_data", "training_rows"]
            ),
            "refit_when_more_than": f"{100 * environment().global_refit_share:,.0f} % "
            "of the training data changed",
            "cutoffs": settings.n_splits,
            "horizon_days": settings.horizon,
        }
    )


@dg.multi_asset(
    name="evaluate",
    specs=[
        dg.AssetSpec(
            BACKTEST,
            deps=[
                same_dataset(panel),
                same_dataset(global_forecasts_asset),
            ],
            description="How well every candidate would have forecast one series, on days it had not seen: "
            "WAPE and sMAPE in percent, MAE and bias in units a period, over rolling-origin folds.",
            group_name=GROUP,
            owners=OWNERS,
            kinds={"numpy", "postgres"},
            skippable=True,
            code_version="1",
            metadata={"dagster/column_schema": display.BACKTEST_COLUMNS},
        ),
        dg.AssetSpec(
            CHAMPION,
            deps=[BACKTEST],
            description="The candidate that forecasts one series best, how sure that is, and why.\n\n"
            "The search of partitions knows keys of series; a store's or product's own id, as its source "
            "writes it, is searched for in the tables of the page of [report](/assets/report).",
            group_name="champions",
            owners=OWNERS,
            kinds={"postgres"},
            skippable=True,
            code_version="1",
            metadata={"dagster/column_schema": display.CHAMPION_COLUMNS},
        ),
    ],
    partitions_def=SERIES,
    can_subset=True,
    retry_policy=RETRY,
)
def evaluation(
    context: dg.AssetExecutionContext, config: EvaluationConfig, stores: StoresResource
) -> Iterator[dg.MaterializeResult]:
    """Backtest the series of this run and choose their champions."""
    evaluate_and_report(
        context,
        stores.open(),
        list(context.partition_keys),
        changes=config.changes(),
        force=config.force,
        selected=context.selected_asset_keys,
    )
    yield from ()  # every series has reported itself, or is named as broken


def evaluate_and_report(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    stores: Stores,
    keys: list[str],
    *,
    changes: Mapping[str, object],
    force: bool,
    selected: AbstractSet[dg.AssetKey],
) -> None:
    """Evaluate ``keys``, report every good series and name the broken ones in one failure.

    Raises ``dagster.Failure`` (no retry) when series broke; an outage is raised as it is, so that the
    retry policy acts.
    """
    outcomes = evaluate(
        stores, keys, run_id=context.run.run_id, changes=changes, choose=CHAMPION in selected, force=force
    )
    report_outcomes(context, stores, keys, outcomes, selected=selected)


def report_outcomes(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    stores: Stores,
    keys: list[str],
    outcomes: Iterator[Outcome],
    *,
    selected: AbstractSet[dg.AssetKey],
) -> None:
    """Report the ``outcomes`` of the series ``keys``; raises what ``evaluate_and_report`` does."""
    detailed = len(keys) <= environment().detailed_series
    budget = Budget(len(keys))
    called = display.ids_metadata(stores, keys)
    if tags := display.ids_tags(called, keys):
        context.instance.add_run_tags(context.run.run_id, tags)

    def materializations(outcome: Outcome) -> Iterator[dg.AssetMaterialization]:
        yield from _materializations(stores, outcome, selected, called, budget if detailed else None)

    report_series(context, outcomes, materializations)


def _materializations(
    stores: Stores,
    outcome: Outcome,
    selected: AbstractSet[dg.AssetKey],
    called: Mapping[str, Mapping[str, str]],
    budget: Budget | None,
) -> Iterator[dg.AssetMaterialization]:
    if budget is None:
        cells = display.brief(outcome)
    else:
        with budget.spending():
            cells = display.detailed(stores, outcome, draws=budget.has_room())
    for key in (BACKTEST, CHAMPION):
        if key in selected:
            metadata = {**cells[key.path[-1]], **called.get(outcome.series, {})}
            yield dg.AssetMaterialization(key, partition=outcome.series, metadata=metadata)
