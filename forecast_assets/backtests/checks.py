"""Checks of backtests: could any forecast have known what it was scored on?

Belongs here: the leakage check of a dataset's newest folds.
Does not belong here: the experiment (``analysis.leakage``).
"""

import dagster as dg

from forecast_assets.backtests.assets import global_forecasts_asset
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import delivered
from forecast_assets.forecasting.analysis.leakage import leaks
from forecast_assets.forecasting.core.candidates.catalogue import entry, local
from forecast_assets.global_models import fold_models
from forecast_assets.partitions import DATASETS
from forecast_assets.stores.resource import StoresResource

_SAMPLE = 24


@dg.asset_check(asset=global_forecasts_asset, partitions_def=DATASETS)
def no_leakage(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """Replace the days after each cutoff by absurd sales: no forecast may change."""
    dataset = load(stores.open(), context.partition_key)
    settings = dataset.options.evaluation
    keys = delivered(stores.open(), dataset.name)
    sample = read_panel(stores.open(), dataset, keys[:: max(1, len(keys) // _SAMPLE)])
    plan = settings.plan()
    cutoffs = plan.cutoffs(sample.days)
    leaky = list(
        leaks(
            sample,
            cutoffs,
            plan,
            {
                name: local(name)
                for name in settings.candidates
                if entry(name).scope == "series" and not entry(name).foreign
            },
            fold_models.models(stores.open(), dataset, settings),
        )
    )
    overlaps = int((cutoffs + plan.gap + plan.horizon > sample.days).sum())
    return dg.AssetCheckResult(
        passed=not leaky and not overlaps,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(settings.candidates):,} candidates at {len(cutoffs):,} cutoffs see nothing of the "
        f"days they are scored on (tried on {len(sample.series):,} series)"
        if not leaky
        else "these forecasts change with the days they are scored on: "
        + ", ".join(f"{name} in fold {fold + 1}" for name, fold in leaky),
        metadata={"cutoffs": len(cutoffs), "sampled_series": len(sample.series), "leaks": len(leaky)},
    )
