"""The steps of a showcase, each a function of what the steps before it made.

Belongs here: what every step does, and the sentence it reports.
Does not belong here: their order and what a failure means (``run``).
"""

import dagster as dg
import numpy as np

from forecast_assets.backtests.assets import BACKTEST, CHAMPION
from forecast_assets.backtests.display import brief
from forecast_assets.backtests.evaluation import evaluate
from forecast_assets.backtests.fold_store import read_folds
from forecast_assets.dagster_internals.partition_reporting import report_materializations
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.membership import series_of
from forecast_assets.datasets.presets.catalogue import PRESETS, Preset
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.days import today
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.forecasting.core.metrics import aggregate, fold_metrics
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.global_models import fold_models, production
from forecast_assets.keys import SeriesKey
from forecast_assets.launches import lifecycle
from forecast_assets.launches.batch.config import BatchConfig, ScopeKind
from forecast_assets.launches.batch.run import BATCH
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.comparison.run import COMPARISON
from forecast_assets.launches.kind import Config, LaunchKind
from forecast_assets.launches.model import Launch
from forecast_assets.launches.showcase.context import Result, ShowcaseContext, StepResult
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.partitions import register_series
from forecast_assets.stores import paths
from forecast_assets.stores.rows.datasets import AvailabilityStatesRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow

_CLOSE = 1e-9


def precheck(context: ShowcaseContext) -> StepResult:
    """Do the stores answer?"""
    names = definition.names(context.stores)
    context.stores.lake.list(paths.SALES.name)
    return StepResult("pass", f"warehouse and lake answer; {len(names):,} datasets")


def reset(context: ShowcaseContext) -> StepResult:
    """Delete what an earlier showcase of the same data made."""
    if not context.config.reset:
        return StepResult("skip", "nothing is to be deleted")
    if context.preset.dataset not in definition.names(context.stores):
        return StepResult("skip", f"there is no dataset {context.preset.dataset}")
    _forget(context)
    return StepResult("pass", f"deleted dataset {context.preset.dataset}")


def _forget(context: ShowcaseContext) -> None:
    name = context.preset.dataset
    _check_own(context)
    keys = series_of(context.stores, name)
    definition.remove(context.stores, name)
    for key in keys:
        context.instance.delete_dynamic_partition("series", key)
    context.instance.delete_dynamic_partition("datasets", name)


def _check_own(context: ShowcaseContext) -> None:
    source, declared = context.dataset().source, context.preset.source
    own = isinstance(source, PresetSource) and (source.preset, source.seed) == (
        declared.preset,
        declared.seed,
    )
    if not own:
        raise BadSetting(
            f"dataset {context.preset.dataset!r} is not one that a showcase made",
            remedy="remove or rename it, or choose another seed",
        )


def seed(context: ShowcaseContext) -> StepResult:
    """Generate the sales of the preset, unless they are there."""
    name, source = context.preset.dataset, context.preset.source
    there = name in definition.names(context.stores)
    if context.config.skip_seed and not there:
        raise UnknownName(f"there is no dataset {name!r} to use", remedy="leave skip_seed out")
    if there:
        _check_own(context)
    options = DatasetOptions(evaluation=context.preset.settings, automatic=False)
    if there and (context.config.skip_seed or context.dataset().source == source):
        result = StepResult("skip", f"dataset {name} has these sales already")
    else:
        if there:  # generated on another day: its window ended then
            _forget(context)
        loaded = building.add_dataset(context.stores, name, source, options, today())
        result = StepResult(
            "pass", f"{loaded.snapshot.row_count:,} rows of {loaded.snapshot.series_count:,} series"
        )
    context.instance.add_dynamic_partitions("datasets", [name])
    context.created["dataset"] = name
    return result


def status(context: ShowcaseContext) -> StepResult:
    """Find the window and the pair that is shown."""
    built = building.build_panel(
        context.stores,
        context.preset.dataset,
        run_id=context.run_id,
        register=lambda keys: register_series(context.instance, keys),
    )
    snapshot = built.snapshot
    context.series = built.availability["series"].to_list()
    context.record |= {"date_start": snapshot.first_day, "date_end": snapshot.last_day}
    context.created["snapshot"] = snapshot.hash
    first = SeriesKey.parse(context.series[0])
    key = SeriesKey(
        context.preset.dataset,
        context.config.store_id or first.store,
        context.config.product_id or first.product,
    )
    is_there = str(key) in context.series
    context.focus = key if is_there else first
    context.record |= {"store_id": context.focus.store, "product_id": context.focus.product}
    place = f"{snapshot.first_day} to {snapshot.last_day}, shown is {context.focus}"
    return StepResult("pass", place) if is_there else StepResult("warn", f"{key} is not sold here: {place}")


def features(context: ShowcaseContext) -> StepResult:
    """Judge whether the history is enough."""
    states = {row["state"]: row["series"] for row in _states(context)}
    summary = ", ".join(f"{count:,} {name}" for name, count in sorted(states.items()))
    usable = states.get("ready", 0) + states.get("limited", 0)
    return StepResult(
        "pass" if usable else "fail",
        f"series: {summary}; of it with five folds its card says: {_expected(context)}",
    )


def _states(context: ShowcaseContext) -> list[AvailabilityStatesRow]:
    return context.stores.warehouse.rows(AvailabilityStatesRow, dataset=context.preset.dataset)


def _expected(context: ShowcaseContext) -> str:
    return PRESETS[context.preset.source.preset].expected


def train(context: ShowcaseContext) -> StepResult:
    """Fit the global candidates; the others have nothing to fit before they forecast."""
    fits = fold_models.build(
        context.stores, context.dataset(), context.preset.settings, run_id=context.run_id
    )
    context.created["train_model_types"] = list(context.preset.settings.candidates)
    bad = [fit.candidate for fit in fits if fit.failure]
    if bad:
        return StepResult("warn", f"could not be fitted: {', '.join(bad)}")
    return StepResult(
        "pass", f"{len(fits):,} global models fitted, the other candidates learn as they forecast"
    )


def backtest(context: ShowcaseContext) -> StepResult:
    """Score every candidate of every series and choose champions."""
    outcomes = list(
        evaluate(
            context.stores,
            context.series,
            run_id=context.run_id,
            changes=context.preset.settings.model_dump(exclude={"policy"}),
        )
    )
    materializations = (
        dg.AssetMaterialization(key, partition=one.series, metadata=brief(one)[key.path[-1]])
        for one in outcomes
        if one.outcome != "broken"
        for key in (BACKTEST, CHAMPION)
    )
    report_materializations(context.dagster, materializations)
    chosen = [one for one in outcomes if one.champion is not None]
    example = next((one for one in chosen if one.series == str(context.pair())), None) or next(
        iter(chosen), None
    )
    if example is None:
        excused = context.preset.source.preset is Preset.sparse
        return StepResult("warn" if excused else "fail", "no series has a champion: no finite WAPE anywhere")
    context.focus = SeriesKey.parse(example.series)
    context.record["result_summary"] = {"winner_model_type": example.champion, "winner_wape": example.wape}
    context.record |= {"store_id": context.focus.store, "product_id": context.focus.product}
    context.created["winning_run_id"] = example.run_id
    without = len(outcomes) - len(chosen)
    summary = (
        f"{len(chosen):,} of {len(outcomes):,} series have a champion; {example.series}: {example.sentence}"
    )
    return StepResult(
        "warn" if without and context.preset.source.preset is Preset.sparse else "pass", summary
    )


def forecast(context: ShowcaseContext) -> StepResult:
    """Forecast every series with its champion."""
    production.build(context.stores, context.dataset(), run_id=context.run_id)
    outcomes = list(make_forecasts(context.stores, context.series, run_id=context.run_id))
    good = [one for one in outcomes if one.outcome == "forecast"]
    stored = read_forecast(context.stores, str(context.pair()))
    if stored is None:
        return StepResult("warn", f"{len(good):,} series are forecast; {context.pair()} is not")
    path = context.stores.warehouse.row(
        CurrentForecastsRow, dataset=context.preset.dataset, series=[str(context.pair())]
    )
    context.created["artifact_paths"] = [str(path["path"])] if path and path.get("path") else []
    return StepResult("pass", f"{len(good):,} of {len(outcomes):,} series are forecast")


def compare(context: ShowcaseContext) -> StepResult:
    """Compare all candidates on the pair that is shown."""
    config = CompareConfig(series=str(context.pair()), candidates=list(context.preset.settings.candidates))
    part = _part(context, COMPARISON, config, "comparison_id")
    return StepResult("pass" if part.status == "completed" else "warn", part.what)


def batch(context: ShowcaseContext) -> StepResult:
    """Work off a batch of three stores, two products and three candidates."""
    keys = [SeriesKey.parse(key) for key in context.series]
    stores, products = (sorted({getattr(key, part) for key in keys}) for part in ("store", "product"))
    config = BatchConfig(
        dataset=context.preset.dataset,
        scope=ScopeKind["manual"],
        stores=stores[:3],
        products=products[:2],
        candidates=["naive", "seasonal_naive", "moving_average"],
    )
    part = _part(context, BATCH, config, "batch_id")
    results: dict[str, Result] = {"completed": "pass", "partial": "warn"}
    return StepResult(results.get(part.status, "fail"), part.what)


def _part(context: ShowcaseContext, kind: LaunchKind[Config], config: Config, reference: str) -> Launch:
    """Work off a launch that is a part of this showcase, and remember it."""
    whole = context.work.launch.launch_id
    part = lifecycle.run(
        kind,
        context.stores,
        config,
        launch_id=f"{whole}-{kind.name}",
        run_id=context.run_id,
        control=RunControl(context.work.is_asked_to_end, context.work.control.log),
        part_of=whole,
        registry=context.work.registry,
    )
    context.created[reference] = part.launch_id
    return part


def verify(context: ShowcaseContext) -> StepResult:
    """Compute the champion's WAPE again from the stored folds."""
    summary = context.record.get("result_summary")
    folds = None if summary is None else read_folds(context.stores, str(context.pair()))
    if summary is None or folds is None or summary["winner_wape"] is None:
        return StepResult("skip", "there is no champion to verify")
    actual = np.where(folds.counted[:, None], folds.actual, np.nan)[None]
    forecast = folds.forecasts[summary["winner_model_type"]][None, None]
    again = float(aggregate(fold_metrics(actual, forecast).wape, folds.counted[None])[0, 0])
    if abs(again - summary["winner_wape"]) > _CLOSE * max(1.0, again):
        return StepResult("fail", f"stored WAPE {summary['winner_wape']}, computed again {again}")
    return StepResult("pass", f"WAPE {again:,.2f} % computed again from the stored folds is the stored one")


def knowledge(_context: ShowcaseContext) -> StepResult:
    """Steps that talk to a language model."""
    return StepResult("skip", "no language model is part of this installation")
